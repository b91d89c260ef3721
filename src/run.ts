import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config, KeyServiceConfig, ProxyConfig } from './config/config.ts';
import { effectiveConfig } from './config/effective.ts';
import { secretsPathOf } from './config/secrets-path.ts';
import type { Secret } from './core/secret.ts';
import { createEchoServer } from './demo/echo.ts';
import { demoText, makeDemoKeys } from './demo/keys.ts';
import { KeyService } from './key-service/keys.ts';
import { loadLocalSecrets } from './key-service/local-secrets.ts';
import { createKeyServer } from './key-service/server.ts';
import { openSqliteStore } from './key-service/store/sqlite.ts';
import { openKeysFile, type OpenKeysFile } from './proxy/keys/keys-file.ts';
import { startProxy, type RunningProxy } from './proxy/start.ts';
import { createAdminServer } from './runtime/admin.ts';
import { systemClock } from './runtime/clock.ts';
import { StopStack } from './runtime/lifecycle.ts';
import { closeServer, hostAndPort, listen } from './runtime/listen.ts';
import { createLog, type Log } from './runtime/log.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import { REVISION, VERSION } from './version.ts';

export interface RunOptions {
  readonly config: Config;
  readonly demo: boolean;
  /** Aborted when the process should end. The reason `SIGTERM` makes the gate serve on for `drain.delay`. */
  readonly stop: AbortSignal;
}

/** What every part of the process is given. */
interface Process {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly stops: StopStack;
  readonly stop: AbortSignal;
}

const LOG_FLUSH_MS = 1000;

/** Builds and runs what the configuration has, until `stop`. Rejects where a part cannot start; nothing is left running. */
export async function run({ config, demo, stop }: RunOptions): Promise<void> {
  const log = createLog(config.log.level);
  process.once('exit', () => log.flush());
  const metrics = createMetrics({ version: VERSION, revision: REVISION });
  const stops = new StopStack();
  try {
    await start(config, demo, { log, metrics, stops, stop });
    log.flush();
    if (!stop.aborted) await once(stop, 'abort');
    log.info({ signal: String(stop.reason) }, 'stopping; a second signal ends the process at once');
    log.flush();
  } finally {
    for (const failure of await stops.stop()) log.error({ detail: failure }, 'a part did not stop cleanly');
  }
}

async function start(config: Config, demo: boolean, parts: Process): Promise<void> {
  const { log, metrics, stops, stop } = parts;
  const flushing = setInterval(() => log.flush(), LOG_FLUSH_MS);
  stops.push('log', () => clearInterval(flushing));
  const effective = effectiveConfig(config);
  metrics.configInfo.labels(hash('sha256', JSON.stringify(effective)).slice(0, 12)).set(1);

  let ready = false;
  const { host, port, token } = config.admin;
  let gate: RunningProxy | null = null;
  const admin = createAdminServer({
    token,
    metrics,
    isReady: () => ready && !stop.aborted,
    effectiveConfig: () => effective,
    members: () => ({ gate: gate?.member() ?? null }),
  });
  const adminPort = await listen(admin, host, port);
  stops.push('admin', () => closeServer(admin, 0));
  log.info({ url: urlOf(host, adminPort) }, 'admin listens');

  const keys = config.keyService === null ? null : await startKeyService(config, config.keyService, parts);
  gate = config.proxy === null ? null : await startGate(config.proxy, keys, parts);
  if (demo) {
    if (keys === null || config.proxy === null || gate === null)
      throw new Error('--demo needs both proxy and keyService in the file');
    // Straight to standard error: the keys are for the person who started this, and never pass through the log.
    const text = demoText(await makeDemoKeys(keys.service), config.proxy.host, gate.port);
    process.stderr.write(`\n${text}\n`);
  }
  ready = true;
  log.flush();
}

interface RunningKeyService {
  readonly service: KeyService;
  /** How this process reaches it over HTTP. */
  readonly origin: string;
  /** What a gate presents there. */
  readonly token: Secret;
}

async function startKeyService(
  { proxy }: Config,
  section: KeyServiceConfig,
  { log, stops }: Process,
): Promise<RunningKeyService> {
  const { adminTokens, serviceTokens, peppers } = secretsOf(section);
  if (section.store.kind === 'postgres') throw new Error('a PostgreSQL store is not available yet');
  const store = await openSqliteStore(section.store.path);
  stops.push('store', () => store.close());
  const service = new KeyService({
    store,
    clock: systemClock,
    peppers,
    randomBytes,
    ...(proxy === null ? {} : { prefixes: proxy.keys.prefixes }),
    log,
  });
  const server = createKeyServer({ service, renewals: service, adminTokens, serviceTokens, log });
  const port = await server.listen({ host: section.host, port: section.port });
  stops.push('key service', () => server.close());
  log.info({ url: urlOf(section.host, port) }, 'key service listens');
  const [token] = serviceTokens;
  if (token === undefined) throw new Error('keyService.serviceToken is an empty list');
  return { service, origin: urlOf(reachable(section.host), port), token };
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

/** A gate whose routes are all open asks nobody. */
const NO_KEYS = {
  resolve: () => Promise.reject(new Error('this process has no source of keys')),
  renew: () => Promise.resolve(null),
  onNews: () => () => undefined,
  report: () => Promise.resolve(),
};

async function startGate(
  config: ProxyConfig,
  keyService: RunningKeyService | null,
  parts: Process,
): Promise<RunningProxy> {
  const { log, metrics, stops, stop } = parts;
  const { file } = config.keys;
  const keys = file === null ? (keyService?.service ?? NO_KEYS) : await openFile(file, parts);
  const proxy = await startProxy({
    config,
    source: keys,
    renewals: keys,
    news: keys.onNews,
    redis: null,
    reports: keyService?.service ?? NO_KEYS,
    keyService,
    echoOrigin: await startEcho(config, stops),
    clock: systemClock,
    metrics,
    log,
  });
  stops.push('gate', async () => {
    // Ready no more, but serving: whoever routes to this process needs time to hear of it.
    proxy.drain();
    if (stop.reason === 'SIGTERM') await pause(config.drain.delayMs);
    await proxy.stop(config.drain.timeoutMs);
  });
  log.info({ url: urlOf(config.host, proxy.port) }, 'gate listens');
  return proxy;
}

async function openFile(path: string, { log, metrics, stops }: Process): Promise<OpenKeysFile['source']> {
  const file = await openKeysFile({ path, clock: systemClock, log, metrics });
  stops.push('keys file', () => file.close());
  return file.source;
}

/** The `echo` upstream on a free port of loopback, where a route wants it. */
async function startEcho({ routes }: ProxyConfig, stops: StopStack): Promise<string | null> {
  if (!routes.some(({ upstream }) => upstream.kind === 'echo')) return null;
  const host = '127.0.0.1';
  const echo = createEchoServer();
  const port = await listen(echo, host, 0);
  stops.push('echo', () => closeServer(echo, 0));
  return urlOf(host, port);
}

function urlOf(host: string, port: number): string {
  return `http://${hostAndPort(host, port)}`;
}
