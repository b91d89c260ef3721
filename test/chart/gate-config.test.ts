import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';
import { configMapOf, secretFiles } from './mounted-files.ts';
import { containersOf, podOf } from './pods.ts';
import { manifestsOf, VALUE_SETS, VERSION, type Manifest } from './renders.ts';
import { exampleWith, examplePods, SIDECAR_SETS } from './sidecar-pods.ts';

/** What a Secret's key may hold, by the look of its name. */
function standIn(secret: string, key: string): string {
  if (/postgres|database/.test(key)) return 'postgres://plexgate:password@postgres:5432/plexgate';
  return secret === 'redis' && key === 'url'
    ? 'redis://gate:password@redis:6379'
    : `stands-for-${secret}-${key}`;
}

interface Checked {
  readonly config: Config;
  readonly files: ReadonlyMap<string, unknown>;
}

/** What `plexgate check` makes of each container's configuration, with the files and variables that the container has. */
function configsIn(manifests: readonly Manifest[]): ReadonlyMap<string, Checked> {
  const checked = new Map<string, Checked>();
  for (const pod of manifests.filter(({ kind }) => kind === 'Deployment').map(podOf)) {
    if (pod === null) continue;
    for (const container of containersOf(pod)) {
      const name = configMapOf(pod, container);
      if (name === null) continue;
      const map = manifests.find((one) => one.kind === 'ConfigMap' && one.metadata.name === name);
      const files = secretFiles(pod, container);
      const env = Object.fromEntries((container.env ?? []).map((one) => [one.name, one.value ?? 'a-value']));
      const loaded = parseConfig(map?.data?.['plexgate.yaml'] ?? '', {
        fileName: name,
        env,
        readFile: (path) => {
          const [secret, key] = files.get(path) ?? [];
          return secret === undefined || key === undefined
            ? { kind: 'unreadable', why: 'is mounted nowhere' }
            : { kind: 'text', text: standIn(secret, key) };
        },
      });
      if (loaded.kind === 'mistakes') throw new Error(loaded.mistakes.map(formatMistake).join('\n'));
      const odd = loaded.warnings.map(formatMistake).filter((text) => !text.includes('off loopback without'));
      expect(odd).toEqual([]);
      checked.set(container.name, { config: loaded.config, files });
    }
  }
  return checked;
}

describe('the configuration that a container is given', () => {
  it.each(VALUE_SETS.filter((set) => !SIDECAR_SETS.includes(set)))(
    'is good in %s, and every file it names is mounted',
    async (set) => {
      const checked = configsIn(await manifestsOf(set));
      expect(checked.size).toBeGreaterThan(0);
      for (const { config, files } of checked.values()) {
        const tls = config.redis?.tls;
        const named = [tls?.ca, tls?.cert, tls?.key, config.proxy?.keys.file].filter(
          (path) => typeof path === 'string',
        );
        for (const path of named) expect([...files.keys()]).toContain(path);
      }
    },
  );

  it.each(SIDECAR_SETS)('is good in the pod of a service with the values of %s', async (set) => {
    const { config } = configsIn(await exampleWith(set, VERSION)).get('plexgate') ?? {};
    const { upstreamPort, profile } =
      set === 'sidecar-classic'
        ? { upstreamPort: 8080, profile: 'plexe' }
        : { upstreamPort: 3000, profile: 'standard' };
    expect(config?.proxy?.routes).toMatchObject([
      {
        profile,
        auth: 'required',
        upstream: { kind: 'http', origins: [`http://127.0.0.1:${upstreamPort}`] },
      },
    ]);
  });

  it('says of a sidecar what its values say', async () => {
    const { config } = configsIn(await exampleWith('sidecar-classic', VERSION)).get('plexgate') ?? {};
    expect(config?.admin).toMatchObject({ host: '0.0.0.0', port: 19_090, token: null });
    expect(config?.proxy).toMatchObject({
      port: 18_080,
      keys: { staleIfErrorMs: 30_000, cacheSize: 1_000_000 },
      drain: { delayMs: 5000, timeoutMs: 25_000 },
    });
    expect(config?.proxy?.keys.service?.token.reveal()).toBe('stands-for-shop-plexgate-service-token');
    expect([config?.redis?.username, config?.redis?.password?.reveal()]).toEqual([
      'gate',
      'stands-for-shop-plexgate-redis-redis-password',
    ]);
  });

  it('says of a gate and its key service what their values say', async () => {
    const checked = configsIn(await manifestsOf('existing-secret'));
    const gate = checked.get('gate')?.config;
    expect(gate?.admin.token?.reveal()).toBe('stands-for-gate-secrets-admin-port');
    expect(gate?.proxy?.keys.service?.origin).toBe('http://demo-plexgate-key-service:8081');
    expect(gate?.proxy?.routes.map(({ upstream }) => upstream.kind)).toEqual(['http', 'key-service', 'http']);
    const keys = checked.get('key-service')?.config.keyService;
    expect(keys).toMatchObject({ host: '0.0.0.0', port: 8081, store: { kind: 'postgres' } });
    expect(keys?.serviceTokens?.map((token) => token.reveal())).toEqual([
      'stands-for-key-service-secrets-token',
      'stands-for-key-service-secrets-token-before',
    ]);
    expect(keys?.adminTokens).toHaveLength(2);
    expect([keys?.peppers?.current, [...(keys?.peppers?.secrets.keys() ?? [])].sort()]).toEqual([
      'p2',
      ['p1', 'p2'],
    ]);
  });

  it('names the servers of Redis as the values do', async () => {
    const redisOf = async (set: string) => configsIn(await manifestsOf(set)).get('gate')?.config.redis;
    expect(await redisOf('redis-sentinel')).toMatchObject({
      servers: { kind: 'sentinel', name: 'mymaster' },
      database: 2,
      protocol: 2,
      tls: { ca: null },
    });
    expect(await redisOf('redis-cluster')).toMatchObject({ servers: { kind: 'cluster' }, password: null });
    expect(await redisOf('redis-tls')).toMatchObject({
      servers: { kind: 'single', host: 'redis.example.com', port: 6380 },
      tls: { ca: '/etc/plexgate-redis-tls/ca.crt', key: '/etc/plexgate-redis-tls/tls.key' },
    });
    expect(await redisOf('smallest')).toBeNull();
  });

  it('is a good one in the example of a service with a sidecar', async () => {
    expect([...configsIn(await examplePods(VERSION)).keys()]).toEqual(['plexgate']);
  });
});

describe('secrets', () => {
  it.each(VALUE_SETS)('of %s are in no object but a Secret', async (set) => {
    const others = (await manifestsOf(set)).filter(({ kind }) => kind !== 'Secret');
    expect(JSON.stringify(others)).not.toMatch(/-of-the-example/);
  });
});
