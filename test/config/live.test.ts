import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Config } from '../../src/config/config.ts';
import { effectiveConfig } from '../../src/config/effective.ts';
import { fileSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { FIXED_FIELDS, needsRestart, takeOver } from '../../src/config/live.ts';
import { parseConfig } from '../../src/config/load.ts';

const ENV = { A: 'token-value-of-a-gate', B: 'another-value-of-a-gate' };

/** Everything that a file can say of a gate with a key service of its own. */
const BOTH = `
admin: { host: 127.0.0.1, port: 9090, token: '\${A}' }
tracing: { endpoint: http://127.0.0.1:4318/v1/traces, headers: { Authorization: '\${A}' } }
redis: { url: redis://127.0.0.1:6379, password: '\${A}' }
proxy:
  port: 8080
  tls: { cert: a.pem, key: b.pem }
  routes: [{ upstream: http://127.0.0.1:3000, credential: { header: X-Key, value: '\${A}' } }]
forwardAuth: { port: 8090, headers: x-original }
keyService:
  port: 8081
  store: sqlite:a.db
  serviceToken: '\${A}'
  adminToken: '\${A}'
  peppers: { current: p1, p1: '\${A}' }
`;
const APART = `
proxy:
  keys: { service: { url: http://keys:8081, token: '\${A}' } }
  routes: [{ upstream: http://127.0.0.1:3000 }]
`;
const FILE = `
proxy:
  keys: { file: keys.yaml }
  routes: [{ upstream: http://127.0.0.1:3000 }]
`;

function configOf(text: string): Config {
  const loaded = parseConfig(text, {
    fileName: 'x.yaml',
    env: ENV,
    readFile: () => ({ kind: 'unreadable', why: 'does not exist' }),
  });
  if (loaded.kind === 'config') return loaded.config;
  throw new Error(loaded.mistakes.map(({ text: what }) => what).join('\n'));
}

/** The file with another value at `path`; of `undefined`, without it. */
function withValue(text: string, path: string, value: unknown): string {
  const file = parse(text) as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() ?? '';
  let holder = file;
  for (const name of names) holder = (holder[name] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return stringify(file);
}

describe('a changed file', () => {
  it.each([
    ['admin.host', BOTH, '127.0.0.2'],
    ['admin.port', BOTH, 9091],
    ['tracing', BOTH, undefined],
    ['tracing.sample', BOTH, 1],
    ['tracing.headers.Authorization', BOTH, '${B}'],
    ['redis.url', BOTH, 'redis://127.0.0.1:6380'],
    ['redis.password', BOTH, '${B}'],
    ['redis', BOTH, undefined],
    ['proxy.host', BOTH, '127.0.0.1'],
    ['proxy.port', BOTH, 8079],
    ['forwardAuth.host', BOTH, '::1'],
    ['forwardAuth.port', BOTH, 8079],
    ['proxy.tls.cert', BOTH, 'c.pem'],
    ['proxy.tls', BOTH, undefined],
    ['proxy.upstreamTls', BOTH, { ca: 'ca.pem' }],
    ['proxy.keys.service.url', APART, 'http://keys:8082'],
    ['proxy.keys.service.url', APART, 'http://keys:8081/base'],
    ['proxy.keys.cacheSize', BOTH, 7],
    ['proxy.keys.freshFor', BOTH, '1s'],
    ['proxy.keys.staleIfError', BOTH, '1s'],
    ['proxy.keys.negativeFor', BOTH, '1s'],
    ['proxy.keys.fence', BOTH, '1s'],
    ['proxy.keys.prefixes.plexe', BOTH, 'own_'],
    ['proxy.limits.mode', BOTH, 'exact'],
    ['proxy.limits.whenRedisIsDown', BOTH, 'closed'],
    ['proxy.bounds.headerBytes', BOTH, 5000],
    ['keyService.host', BOTH, '127.0.0.2'],
    ['keyService.port', BOTH, 8082],
    ['keyService.store', BOTH, 'sqlite:b.db'],
    ['keyService.peppers.p1', BOTH, '${B}'],
    ['keyService.peppers', BOTH, { current: 'p2', p1: '${A}', p2: '${B}' }],
  ])('waits for a restart in %s, case %#', (path, text, value) => {
    const now = configOf(text);
    const { config, waiting } = takeOver(now, configOf(withValue(text, path, value)));
    expect(waiting).toHaveLength(1);
    expect(FIXED_FIELDS.filter((field) => path.startsWith(field) || field.startsWith(path))).toContain(
      waiting[0],
    );
    expect(needsRestart(waiting[0] ?? '')).toBe(true);
    expect(effectiveConfig(config)).toEqual(effectiveConfig(now));
  });

  it.each([
    [
      'proxy',
      APART,
      undefined,
      { keyService: { serviceToken: '${A}', adminToken: '${A}' } },
      ['proxy', 'keyService'],
    ],
    [
      'keyService',
      BOTH,
      undefined,
      { proxy: { keys: { file: 'k.yaml' } } },
      ['keyService', 'proxy.keys.file'],
    ],
    ['forwardAuth', BOTH, undefined, {}, ['forwardAuth']],
    [
      'proxy.keys',
      FILE,
      { service: { url: 'http://keys:8081', token: '${A}' } },
      {},
      ['proxy.keys.service', 'proxy.keys.file'],
    ],
  ])('keeps its roles and where keys come from until a restart: %s', (path, text, value, more, sections) => {
    let changed = withValue(text, path, value);
    for (const [name, added] of Object.entries(more)) {
      const before = (parse(changed) as Record<string, object>)[name] ?? {};
      changed = withValue(changed, name, { ...before, ...added });
    }
    const now = configOf(text);
    const { config, waiting } = takeOver(now, configOf(changed));
    expect(waiting).toEqual(sections);
    expect(effectiveConfig(config)).toEqual(effectiveConfig(now));
  });

  it.each([
    ['admin.token', BOTH, '${B}', (config: Config) => config.admin.token?.reveal()],
    [
      'proxy.keys.service.token',
      APART,
      '${B}',
      (config: Config) => config.proxy?.keys.service?.token.reveal(),
    ],
    [
      'keyService.serviceToken',
      BOTH,
      ['${B}'],
      (config: Config) => config.keyService?.serviceTokens?.[0]?.reveal(),
    ],
    [
      'keyService.adminToken',
      BOTH,
      ['${B}'],
      (config: Config) => config.keyService?.adminTokens?.[0]?.reveal(),
    ],
  ])('puts a secret in force: %s', (path, text, value, read) => {
    const { config, waiting } = takeOver(configOf(text), configOf(withValue(text, path, value)));
    expect([read(config), waiting]).toEqual([ENV.B, []]);
  });

  it('puts all that is live in force beside what waits', () => {
    const next = BOTH.replace('port: 8080', 'port: 1\n  tiers: { standard: { default: [3/minute] } }');
    const { config, waiting } = takeOver(configOf(BOTH), configOf(next));
    expect(waiting).toEqual(['proxy.port']);
    expect(config.proxy?.port).toBe(8080);
    expect(config.proxy?.tiers.standard.get('default')).toMatchObject([{ quota: 3 }]);
  });

  it('puts in force whom the second door trusts and how it is told what was asked', () => {
    const section = { port: 8090, headers: 'envoy', denyAs: 403, trustedProxies: ['10.0.0.0/8'] };
    const { config, waiting } = takeOver(configOf(BOTH), configOf(withValue(BOTH, 'forwardAuth', section)));
    expect(waiting).toEqual([]);
    expect(config.proxy?.forwardAuth).toMatchObject(section);
  });

  it.each([BOTH, APART, FILE])('that says the same waits for nothing: %#', (text) => {
    expect(takeOver(configOf(text), configOf(`# a word\n${text}`)).waiting).toEqual([]);
  });
});

describe('what waits for a restart', () => {
  const fields = (schema: JsonSchema, path = ''): string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
      const own = path === '' ? name : `${path}.${name}`;
      return [own, ...fields(field, own)];
    });

  it.each(FIXED_FIELDS)('%s is a field of the file', (field) => {
    expect(fields(fileSchema())).toContain(field);
  });

  it.each([
    ['proxy', 'some'],
    ['proxy.keys', 'some'],
    ['proxy.limits.mode', true],
    ['redis.tls.ca', true],
    ['proxy.routes', false],
    ['proxy.routes[].upstream', false],
    ['proxy.tiers', false],
    ['log.level', false],
  ] as const)('of %s the reference says %s', (path, said) => {
    expect(needsRestart(path)).toBe(said);
  });
});
