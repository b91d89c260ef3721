import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config, KeyServiceConfig } from './config/config.ts';
import { secretsPathOf } from './config/secrets-path.ts';
import { Seal } from './core/seal.ts';
import type { Secret } from './core/secret.ts';
import { Console } from './key-service/console/console.ts';
import { REVOCATION_RESULTS, type KeyServiceEvents } from './key-service/events.ts';
import { redisAnnouncements } from './key-service/fleet/redis-announcements.ts';
import { KeyService } from './key-service/keys.ts';
import { loadLocalSecrets } from './key-service/local-secrets.ts';
import { Peppers } from './key-service/peppers.ts';
import { createKeyServer } from './key-service/server.ts';
import { openSqliteStore } from './key-service/store/sqlite.ts';
import type { KeyStore } from './key-service/store/store.ts';
import type { Process } from './process.ts';
import { connectRedis } from './run-redis.ts';
import { systemClock } from './runtime/clock.ts';
import { hostAndPort } from './runtime/listen.ts';
import { VERSION } from './version.ts';

export interface RunningKeyService {
  readonly service: KeyService;
  /** Null: it is off. */
  readonly console: Console | null;
  /** How this process reaches it over HTTP. */
  readonly origin: string;
  /** What a gate presents there. */
  readonly token: Secret;
  /** Throws where the tokens of `section` cannot be had. */
  prepare(section: KeyServiceConfig): PreparedTokens;
}

export interface PreparedTokens {
  readonly token: Secret;
  /** From now on they open the doors and seal what is written to Redis. */
  putInForce(): void;
}

export async function startKeyService(
  { proxy, redis }: Config,
  section: KeyServiceConfig,
  parts: Process,
): Promise<RunningKeyService> {
  const { log, metrics, stops, tracing } = parts;
  const { adminTokens, serviceTokens, peppers } = secretsOf(section);
  const seal = new Seal(serviceTokens);
  const store = await openStore(section);
  stops.push('store', () => store.close());
  const service = new KeyService({
    store,
    clock: systemClock,
    peppers,
    randomBytes,
    ...(proxy === null ? {} : { prefixes: proxy.keys.prefixes }),
    redis:
      redis === null
        ? null
        : redisAnnouncements(await connectRedis(redis, 'head', parts), seal, () => metrics.headsForged.inc()),
    events: eventsFor(metrics),
    log,
  });
  const page =
    section.console === null
      ? null
      : new Console({
          ...section.console,
          times: section.console,
          service,
          operators: store.operators,
          peppers: new Peppers(peppers),
          clock: systemClock,
          log,
          version: VERSION,
          bundle: join(import.meta.dirname, 'console'),
        });
  const server = createKeyServer({ service, adminTokens, serviceTokens, log, tracing, console: page });
  const port = await server.listen({ host: section.host, port: section.port });
  stops.push('key service', () => server.close());
  log.info({ url: `http://${hostAndPort(section.host, port)}` }, 'key service listens');
  return {
    service,
    console: page,
    origin: `http://${hostAndPort(reachable(section.host), port)}`,
    token: firstOf(serviceTokens),
    prepare(next) {
      const tokens = secretsOf(next);
      return {
        token: firstOf(tokens.serviceTokens),
        putInForce() {
          server.adopt(tokens);
          seal.adopt(tokens.serviceTokens);
        },
      };
    },
  };
}

function firstOf([token]: readonly Secret[]): Secret {
  if (token === undefined) throw new Error('keyService.serviceToken is an empty list');
  return token;
}

async function openStore({ store }: KeyServiceConfig): Promise<KeyStore> {
  if (store.kind === 'sqlite') return openSqliteStore(store.path);
  const { openPostgresStore } = await import('./key-service/store/postgres.ts');
  return openPostgresStore(store.url);
}

function eventsFor(metrics: Process['metrics']): KeyServiceEvents {
  const { revocationMembers, revocationDuration, revocations, memberRenewals } = metrics;
  for (const result of REVOCATION_RESULTS) revocations.labels(result).inc(0);
  return {
    revoked(result, durationMs) {
      revocations.labels(result).inc();
      revocationDuration.observe(durationMs / 1000);
    },
    renewed: () => memberRenewals.inc(),
    counted: (members) => revocationMembers.set(members),
  };
}

/** Who listens on every interface is reached on loopback. */
function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
}

/** What the configuration leaves out was made at the first start and is kept beside the store. */
function secretsOf(section: KeyServiceConfig) {
  const { adminTokens, serviceTokens, peppers } = section;
  if (adminTokens !== null && serviceTokens !== null && peppers !== null) {
    return { adminTokens, serviceTokens, peppers };
  }
  const path = secretsPathOf(section);
  if (path === null) throw new Error('keyService has no tokens and peppers, and no folder to keep some in');
  const made = loadLocalSecrets(path, randomBytes);
  return {
    adminTokens: adminTokens ?? [made.adminToken],
    serviceTokens: serviceTokens ?? [made.serviceToken],
    peppers: peppers ?? made.peppers,
  };
}
