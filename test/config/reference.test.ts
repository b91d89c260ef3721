import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { GENERATED_PAGES } from '../../scripts/generate-docs.ts';
import { configJsonSchema, fileSchema, type JsonSchema } from '../../src/config/json-schema.ts';

describe('generated pages', () => {
  it.each(GENERATED_PAGES)(
    '%s is what the code says; `node scripts/generate-docs.ts` writes it anew',
    async (file, text) => {
      expect(readFileSync(file, 'utf8')).toBe(await text());
    },
  );
});

/** Every field with its path. */
function fieldsOf(schema: JsonSchema, path = ''): [path: string, field: JsonSchema][] {
  const within = [schema, schema.items, ...(schema.anyOf ?? [])].flatMap((way) =>
    Object.entries(way?.properties ?? {}),
  );
  return within.flatMap(([name, field]) => [
    [`${path}.${name}`, field] as [string, JsonSchema],
    ...fieldsOf(field, `${path}.${name}`),
  ]);
}

describe('the JSON Schema', () => {
  it.each(fieldsOf(fileSchema()))('says of %s in one sentence what it means', (_, field) => {
    expect(field.description).toMatch(/^[^.](?:[^.]|\.(?=\S))*\.$/);
  });

  it('names every field of the shipped files', () => {
    const names = fieldsOf(fileSchema()).map(([path]) => path);
    expect(names).toContain('.proxy.routes.credential.scheme');
    expect(names).toContain('.keyService.peppers.current');
    expect(names).toEqual(expect.arrayContaining(['.redis.tls.ca', '.proxy.keys.service.token']));
    expect(names).toContain('.forwardAuth.headers');
    expect(JSON.stringify(configJsonSchema())).not.toMatch(/"refused"|"\$id"/);
  });

  const schema = z.fromJSONSchema(configJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  const files = ['config', 'test/config/good'].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => `${folder}/${file}`),
  );

  it.each(files)('agrees with %s', (file) => {
    expect(schema.safeParse(parse(readFileSync(file, 'utf8'))).error?.issues ?? []).toEqual([]);
  });

  it.each([
    'unknown-field',
    'duration-without-unit',
    'duration-unknown-unit',
    'limit-malformed',
    'unknown-profile',
    'routes-empty',
    'route-without-upstream',
    'redis-text',
    'redis-url-scheme',
    'redis-cluster-empty',
    'redis-unknown-protocol',
    'key-service-without-token',
    'forward-auth-malformed',
    'port-quoted',
  ])('refuses %s as well', (name) => {
    const file: unknown = parse(readFileSync(`test/config/bad/${name}.yaml`, 'utf8'));
    expect(schema.safeParse(file).success).toBe(false);
  });
});
