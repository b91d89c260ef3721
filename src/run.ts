import { hash, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { isIPv6 } from 'node:net';
import type { Config, KeyServiceConfig } from './config/config.ts';
import { effectiveConfig } from './config/effective.ts';
import type { Secret } from './core/secret.ts';
import { createEchoServer } from './demo/echo.ts';
import { demoText, makeDemoKeys } from './demo/keys.ts';
import { KeyService } from './key-service/keys.ts';
import { loadLocalSecrets } from './key-service/local-secrets.ts';
import { createKeyServer } from './key-service/server.ts';
import { openSqliteStore } from './key-service/store/sqlite.ts';
import { startProxy } from './proxy/start.ts';
import { createAdminServer } from './runtime/admin.ts';
import { systemClock } from './runtime/clock.ts';
import { StopStack } from './runtime/lifecycle.ts';
import { closeServer, listen } from './runtime/listen.ts';
import { createLog, type Log } from './runtime/log.ts';
import { createMetrics } from './runtime/metrics.ts';
import { REVISION, VERSION } from './version.ts';

export interface RunOptions {
  readonly config: Config;
  readonly demo: boolean;
  /** Aborted when the process should end. */
  readonly stop: AbortSignal;
}

const SECRETS_FILE = 'secrets.json';
const LOG_FLUSH_MS = 1000;

/** Builds and runs what the configuration has, until `stop`. Rejects where a part cannot start; nothing is left running. */
export async function run({ config, demo, stop }: RunOptions): Promise<void> {
  const log = createLog(config.log.level);
  const stops = new StopStack();
  try {
    await start(config, demo, stop, log, stops);
    await aborted(stop);
    log.info({}, 'stopping');
  } finally {
    for (const failure of await stops.stop()) log.error({ detail: failure }, 'a part did not stop cleanly');
    log.flushSync();
  }
}

async function start(
  config: Config,
  demo: boolean,
  stop: AbortSignal,
  log: Log,
  stops: StopStack,
): Promise<void> {
  const flushing = setInterval(() => log.flush(), LOG_FLUSH_MS);
  stops.push('log', () => clearInterval(flushing));
  const metrics = createMetrics({ version: VERSION, revision: REVISION });
  metrics.configInfo.labels(hash('sha256', JSON.stringify(effectiveConfig(config))).slice(0, 12)).set(1);

  let ready = false;
  const admin = createAdminServer({
    token: config.admin.token,
    metrics,
    isReady: () => ready && !stop.aborted,
    effectiveConfig: () => effectiveConfig(config),
  });
  const adminPort = await listen(admin, config.admin.host, config.admin.port);
  stops.push('admin', () => closeServer(admin, 0));
  log.info({ url: `http://${config.admin.host}:${adminPort}` }, 'admin listens');

  const keys =
    config.keyService === null ? null : await startKeyService(config, config.keyService, log, stops);
  if (config.proxy !== null) {
    if (keys === null) throw new Error('a proxy needs the keyService section in the same file');
    const { proxy: proxyConfig } = config;
    const { service } = keys;
    const proxy = await startProxy({
      config: proxyConfig,
      source: service,
      subscribe: (listener) => service.subscribe(listener),
      reports: { report: async () => undefined },
      keyService: keys,
      echoOrigin: await startEcho(config, stops),
      clock: systemClock,
      metrics,
      log,
    });
    stops.push('proxy', async () => {
      // Ready no more, but serving: whoever routes to this process needs time to hear of it.
      proxy.drain();
      if (stop.aborted) await pause(proxyConfig.drain.delayMs);
      await proxy.stop(proxyConfig.drain.timeoutMs);
    });
    log.info({ url: `http://${proxyConfig.host}:${proxy.port}` }, 'gate listens');
    if (demo) await showDemo(service, proxy.port);
  }
  ready = true;
}

interface RunningKeyService {
  readonly service: KeyService;
  /** How this process reaches it over HTTP. */
  readonly origin: string;
  /** What a gate presents there. */
  readonly token: Secret;
}

async function startKeyService(
  config: Config,
  section: KeyServiceConfig,
  log: Log,
  stops: StopStack,
): Promise<RunningKeyService> {
  const local = section.serviceTokens === null || section.adminTokens === null || section.peppers === null;
  const made = local ? loadLocalSecrets(join(dirname(section.store.path), SECRETS_FILE), randomBytes) : null;
  const store = await openSqliteStore(section.store.path);
  stops.push('store', () => store.close());
  const service = new KeyService({
    store,
    clock: systemClock,
    peppers: section.peppers ?? given(made).peppers,
    randomBytes,
    ...(config.proxy === null ? {} : { prefixes: config.proxy.keys.prefixes }),
    log,
  });
  const serviceTokens = section.serviceTokens ?? [given(made).serviceToken];
  const server = createKeyServer({
    service,
    adminTokens: section.adminTokens ?? [given(made).adminToken],
    serviceTokens,
    log,
  });
  const port = await server.listen({ host: section.host, port: section.port });
  stops.push('key service', () => server.close());
  log.info({ url: `http://${section.host}:${port}` }, 'key service listens');
  return { service, origin: originOf(section.host, port), token: given(serviceTokens[0] ?? null) };
}

/** An address that listens on every interface is reached on loopback. */
function originOf(host: string, port: number): string {
  if (host === '0.0.0.0') return `http://127.0.0.1:${port}`;
  if (host === '::') return `http://[::1]:${port}`;
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** The `echo` upstream on a free port of loopback, where a route wants it. */
async function startEcho({ proxy }: Config, stops: StopStack): Promise<string | null> {
  if (proxy?.routes.some(({ upstream }) => upstream.kind === 'echo') !== true) return null;
  const echo = createEchoServer();
  const port = await listen(echo, '127.0.0.1', 0);
  stops.push('echo', () => closeServer(echo, 0));
  return `http://127.0.0.1:${port}`;
}

/** Straight to standard error: the keys are shown to the person who started this, and never pass through the log. */
async function showDemo(service: KeyService, gatePort: number): Promise<void> {
  const keys = await makeDemoKeys(service);
  process.stderr.write(`\n${demoText(keys, gatePort)}\n`);
}

function given<T>(value: T | null): T {
  if (value === null) throw new Error('there is no such secret');
  return value;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
