import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { IDENTITY_HEADERS } from '../../src/core/forward-headers.ts';

const FOLDER = join(import.meta.dirname, '../../examples/forward-auth');
const textOf = (file: string): string => readFileSync(join(FOLDER, file), 'utf8').toLowerCase();

const RECIPES = ['nginx.conf', 'caddy.caddyfile', 'haproxy.lua', 'traefik.yaml', 'envoy.yaml'];

describe('the recipe', () => {
  it.each(RECIPES)("%s puts every header of the gate in place of the client's own", (file) => {
    const text = textOf(file);
    const missing = [...IDENTITY_HEADERS, 'authorization', 'x-api-key'].filter(
      (name) => !text.includes(name),
    );
    expect(missing).toEqual([]);
  });

  // Envoy's takes nothing off before the gate is asked, which refuses what it may not let pass.
  it.each(['nginx.conf', 'caddy.caddyfile', 'haproxy.cfg', 'traefik.yaml'])(
    '%s takes off what would turn a request into another',
    (file) => {
      const text = textOf(file);
      const names = 'x-http-method x-http-method-override x-method-override x-original-url x-rewrite-url';
      expect(names.split(' ').filter((name) => !text.includes(name))).toEqual([]);
    },
  );

  it.each(['traefik.yaml', 'envoy.yaml'])('%s is YAML', (file) => {
    expect(parse(readFileSync(join(FOLDER, file), 'utf8'))).toBeTypeOf('object');
  });

  it.each([
    ['x-original', 403],
    ['x-original', 'status'],
    ['x-forwarded', 'status'],
    ['envoy', 'status'],
  ])('for the gate is right with headers: %s and denyAs: %s', (headers, denyAs) => {
    const folder = mkdtempSync(join(tmpdir(), 'plexgate-recipe-'));
    const text = readFileSync(join(FOLDER, 'gate.yaml'), 'utf8');
    const file = join(folder, 'gate.yaml');
    writeFileSync(
      file,
      text
        .replace('\n  headers: x-original\n', `\n  headers: ${headers}\n`)
        .replace('\n  denyAs: 403', `\n  denyAs: ${denyAs}`),
    );
    const loaded = loadConfig(file, {});
    rmSync(folder, { recursive: true });
    expect(loaded).toMatchObject({
      kind: 'config',
      warnings: [],
      config: { proxy: { forwardAuth: { headers, denyAs } } },
    });
  });
});
