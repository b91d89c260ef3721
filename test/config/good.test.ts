import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatStatedLimit } from '../../src/core/limit.ts';
import type { Config } from '../../src/config/config.ts';
import { effectiveConfig } from '../../src/config/effective.ts';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';
import { ENVIRONMENT } from './environment.ts';

const GOOD = 'test/config/good';
const yamlFiles = (folder: string) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => `${folder}/${file}`);

const SHIPPED = yamlFiles('config');
const ALL = [...SHIPPED, ...yamlFiles(GOOD)];

function configIn(path: string, env: Record<string, string> = ENVIRONMENT): Config {
  const loaded = loadConfig(path, env);
  if (loaded.kind === 'config') return loaded.config;
  throw new Error(loaded.mistakes.map(formatMistake).join('\n'));
}

describe('shipped files', () => {
  it('are the seven that the documentation names', () => {
    const names = ['gateway', 'key-service', 'plexe', 'plexgate', 'plexmcp', 'plextera', 'sidecar'];
    expect(SHIPPED).toEqual(names.map((name) => `config/${name}.yaml`));
  });

  it.each(SHIPPED)('%s is read without a mistake or a warning', (path) => {
    expect(loadConfig(path, ENVIRONMENT)).toMatchObject({ kind: 'config', warnings: [] });
  });

  it('config/plexgate.yaml serves each profile under its name, all of them with the demo upstream', () => {
    const { proxy, keyService, admin } = configIn('config/plexgate.yaml', {});
    expect(proxy?.routes.map(({ id, profile, stripPath }) => [id, profile, stripPath])).toEqual([
      ['/plexe', 'plexe', true],
      ['/plextera', 'plextera', true],
      ['/plexmcp', 'plexmcp', true],
      ['/', 'standard', false],
    ]);
    expect(new Set(proxy?.routes.map(({ upstream }) => upstream.kind))).toEqual(new Set(['echo']));
    expect([proxy?.host, proxy?.port]).toEqual(['0.0.0.0', 8080]);
    expect([admin.host, admin.port]).toEqual(['127.0.0.1', 9090]);
    expect(keyService).toMatchObject({
      host: '127.0.0.1',
      port: 8081,
      store: { kind: 'sqlite', path: 'data/plexgate.db' },
      serviceTokens: null,
      adminTokens: null,
      peppers: null,
    });
  });

  it('config/sidecar.yaml and config/gateway.yaml share the key service and the Redis of config/key-service.yaml', () => {
    const { redis, keyService } = configIn('config/key-service.yaml');
    expect(keyService?.store.kind).toBe('postgres');
    expect(redis?.servers).toEqual({ kind: 'single', host: 'redis.example.com', port: 6379 });
    for (const name of ['sidecar', 'gateway']) {
      const gate = configIn(`config/${name}.yaml`);
      expect(gate.redis).toEqual(redis);
      expect(gate.keyService).toBeNull();
      expect(gate.proxy?.keys.service).toMatchObject({ origin: 'http://key-service:8081', basePath: '' });
      expect(gate.proxy?.keys.service?.token.reveal()).toBe(keyService?.serviceTokens?.[0]?.reveal());
    }
    expect(configIn('config/sidecar.yaml').proxy?.routes).toHaveLength(1);
    expect(configIn('config/gateway.yaml').proxy?.routes.length).toBeGreaterThan(5);
  });

  it.each([
    [
      'plexe',
      '/',
      { basic: '100/minute', pro: '500/minute', enterprise: null },
      ['/health', '/data/health'],
      ['/auth/api-keys'],
    ],
    ['plextera', '/api/public/v1', { default: null }, [], []],
    [
      'plexmcp',
      '/',
      { free: '10/second', pro: '100/second', team: '1000/second', enterprise: null },
      ['/health', '/health/live', '/health/ready'],
      ['/v1/api-keys', '/v1/usage'],
    ],
  ] as const)('config/%s.yaml is the API its documents describe', (profile, path, tiers, open, managed) => {
    const proxy = configIn(`config/${profile}.yaml`).proxy;
    const [, ...management] = proxy?.routes ?? [];
    expect(management.map((route) => route.path)).toEqual(managed);
    for (const route of management) {
      expect(route).toMatchObject({ profile, stripPath: false, upstream: { kind: 'key-service' } });
    }
    expect(proxy?.routes[0]).toMatchObject({ path, profile, stripPath: false, auth: 'required' });
    expect(proxy?.routes[0]?.upstream).toEqual({
      kind: 'http',
      origins: ['http://127.0.0.1:3000'],
      basePath: '',
    });
    expect(proxy?.routes[0]?.rules.filter(({ auth }) => auth === 'none').map((rule) => rule.path)).toEqual(
      open,
    );
    const inForce = [...(proxy?.tiers[profile] ?? [])].map(([name, limits]) => [
      name,
      limits[0] === undefined ? null : formatStatedLimit(limits[0]),
    ]);
    expect(inForce).toEqual(Object.entries(tiers));
  });
});

describe('good files', () => {
  it.each(yamlFiles(GOOD))('%s becomes what its JSON says', (path) => {
    const expected: unknown = JSON.parse(readFileSync(path.replace('.yaml', '.json'), 'utf8'));
    expect(JSON.parse(JSON.stringify(effectiveConfig(configIn(path))))).toEqual(expected);
  });

  it('a default stands for every field that a file leaves out', () => {
    const { proxy, admin, log } = configIn(`${GOOD}/smallest-gate.yaml`, {});
    expect(proxy).toMatchObject({
      keys: {
        service: null,
        file: null,
        cacheSize: 100_000,
        freshForMs: 10_000,
        staleIfErrorMs: 60_000,
        negativeForMs: 5000,
        fenceMs: 2000,
        checksum: 'require',
      },
      limits: { mode: 'leased', whenRedisIsDown: 'share' },
      failedAuthentication: { quota: 10, windowMs: 900_000 },
      plexmcpSelfHosted: false,
      timeouts: {
        headerMs: 15_000,
        bodyIdleMs: 60_000,
        connectMs: 2000,
        firstByteMs: 60_000,
        idleMs: 120_000,
      },
      drain: { delayMs: 5000, timeoutMs: 25_000 },
    });
    expect([...(proxy?.tiers.plexe.keys() ?? [])]).toEqual(['basic', 'pro', 'enterprise']);
    expect(proxy?.tiers.plexe.get('pro')).toEqual([{ quota: 500, windowMs: 60_000 }]);
    expect(proxy?.tiers.plexe.get('enterprise')).toEqual([]);
    expect([admin.token, log.level]).toEqual([null, 'info']);
  });

  it('a profile that the file does not mention keeps its tiers, a mentioned one has only what the file says', () => {
    const tiers = configIn(`${GOOD}/everything.yaml`).proxy?.tiers;
    expect([...(tiers?.plexe.keys() ?? [])]).toEqual(['gold', 'plain']);
    expect([...(tiers?.plexmcp.keys() ?? [])]).toEqual(['free', 'pro', 'team', 'enterprise']);
  });

  it('secrets arrive whole, whether from the environment or from a file', () => {
    const { keyService, admin, proxy } = configIn(`${GOOD}/everything.yaml`);
    expect(admin.token?.reveal()).toBe(ENVIRONMENT.ADMIN_PORT_TOKEN);
    expect(keyService?.serviceTokens?.map((token) => token.reveal())).toEqual([
      ENVIRONMENT.SERVICE_TOKEN,
      `${ENVIRONMENT.SERVICE_TOKEN}-old`,
    ]);
    expect(keyService?.peppers?.secrets.get('p2')?.reveal()).toBe(`${ENVIRONMENT.PEPPER}-next`);
    expect(proxy?.routes[0]?.credential).toMatchObject({
      kind: 'rewrite',
      header: 'X-Upstream-Key',
      scheme: 'Token',
    });
    const fromFile = configIn(`${GOOD}/anchors.yaml`).keyService?.serviceTokens?.[0];
    expect(fromFile?.reveal()).toBe('text-of-a-file-for-tests');
  });

  it.each([
    ['redis-url', 'gate', `a/b@:${ENVIRONMENT.REDIS_PASSWORD}:c`],
    ['redis-sentinel', null, ENVIRONMENT.REDIS_PASSWORD],
    ['redis-cluster', 'gate', 'text-of-a-file-for-tests'],
    ['everything', 'gate', ENVIRONMENT.REDIS_PASSWORD],
  ])('%s has the user and the password that Redis is told', (name, username, password) => {
    const { redis } = configIn(`${GOOD}/${name}.yaml`);
    expect([redis?.username, redis?.password?.reveal()]).toEqual([username, password]);
  });

  it.each([
    ['redis-url', { kind: 'single', host: 'redis.example.com', port: 6379 }, 7],
    ['everything', { kind: 'single', host: 'fd00::1', port: 16_379 }, 3],
    [
      'redis-sentinel',
      {
        kind: 'sentinel',
        sentinels: [
          { host: '10.0.0.1', port: 26_379 },
          { host: 'fd00::1', port: 26_379 },
          { host: 'sentinel-2.redis', port: 26_380 },
        ],
        name: 'mymaster',
      },
      1,
    ],
    [
      'redis-cluster',
      {
        kind: 'cluster',
        nodes: [
          { host: 'redis-0.redis', port: 6379 },
          { host: 'redis-1.redis', port: 6379 },
        ],
      },
      0,
    ],
  ])('%s has the servers that Redis is asked at', (name, servers, database) => {
    expect(configIn(`${GOOD}/${name}.yaml`).redis).toMatchObject({ servers, database });
  });

  it('TLS to Redis is on where the URL or the field says so', () => {
    const tlsIn = (name: string) => configIn(`${GOOD}/${name}.yaml`).redis?.tls;
    const own = { ca: null, cert: null, key: null };
    expect(['redis-url', 'redis-sentinel', 'redis-cluster', 'everything'].map(tlsIn)).toEqual([
      own,
      own,
      null,
      { ca: 'ca.pem', cert: 'gate.pem', key: 'gate.key' },
    ]);
  });

  it('the URL of PostgreSQL arrives whole', () => {
    const store = configIn(`${GOOD}/postgres.yaml`).keyService?.store;
    expect(store?.kind === 'postgres' && store.url.reveal()).toBe(
      `postgresql://keys%40home:${ENVIRONMENT.REDIS_PASSWORD}@[::1]:5433/plexgate?sslmode=verify-full&sslrootcert=ca.pem&sslpassword=${ENVIRONMENT.PEPPER}`,
    );
  });

  it('the MCP endpoint of a plexmcp route accepts what MCP clients send, unless the route says what it accepts', () => {
    const rules = configIn(`${GOOD}/plexmcp-default-rule.yaml`).proxy?.routes.map(({ id, rules }) => [
      id,
      rules.map(({ path, accept }) => `${path} ${accept?.join(' ') ?? ''}`.trim()),
    ]);
    expect(rules).toEqual([
      ['/', ['/mcp apikey x-api-key bearer']],
      ['/stripped', ['/mcp apikey x-api-key bearer']],
      ['/kept', ['/kept/health', '/kept/mcp apikey x-api-key bearer']],
      ['/told', []],
      ['/other', []],
      ['/servers/mcp', ['/servers/mcp apikey x-api-key bearer']],
    ]);
  });
});

describe('PLEXMCP_SELF_HOSTED', () => {
  it.each([
    ['true', true],
    ['TRUE', true],
    ['1', true],
    ['yes', false],
    ['false', false],
    ['0', false],
    ['', false],
  ])('"%s" lifts the limits: %s', (value, lifted) => {
    const { proxy } = configIn(`${GOOD}/smallest-gate.yaml`, { PLEXMCP_SELF_HOSTED: value });
    expect(proxy?.plexmcpSelfHosted).toBe(lifted);
  });
});

describe('the effective configuration', () => {
  it.each(ALL)('of %s shows no secret', (path) => {
    expect(JSON.stringify(effectiveConfig(configIn(path)))).not.toMatch(/value-of|text-of-a-file/);
  });

  it.each(ALL)('of %s is itself a configuration file that says the same', (path) => {
    const effective = effectiveConfig(configIn(path));
    const { environment: _, ...file } = effective;
    const text = JSON.stringify(file).replaceAll('[redacted]', 'stands-for-a-secret');
    const again = parseConfig(text, {
      fileName: 'effective.yaml',
      env: {},
      readFile: () => ({ kind: 'unreadable', why: 'is not there' }),
    });
    const said = again.kind === 'config' ? effectiveConfig(again.config) : again.mistakes.map(formatMistake);
    expect(said).toEqual(effective);
  });
});
