import { hash, randomBytes } from 'node:crypto';
import type { Config, KeyServiceConfig } from './config/config.ts';
import { effectiveConfig } from './config/effective.ts';
import { secretsPathOf } from './config/secrets-path.ts';
import { createEchoServer } from './demo/echo.ts';
import { demoText, makeDemoKeys } from './demo/keys.ts';
import { KeyService } from './key-service/keys.ts';
import { loadLocalSecrets } from './key-service/local-secrets.ts';
import { createKeyServer } from './key-service/server.ts';
import { openSqliteStore } from './key-service/store/sqlite.ts';
import { openKeysFile, type OpenKeysFile } from './proxy/keys/keys-file.ts';
import { startProxy } from './proxy/start.ts';
import { createAdminServer } from './runtime/admin.ts';
import { systemClock } from './runtime/clock.ts';
import { StopStack } from './runtime/lifecycle.ts';
import { closeServer, listen } from './runtime/listen.ts';
import { createLog, type Log } from './runtime/log.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import { REVISION, VERSION } from './version.ts';

export interface RunOptions {
  readonly config: Config;
  readonly demo: boolean;
  /** Aborted when the process should end. */
  readonly stop: AbortSignal;
}

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

  if (demo && config.keyService === null) throw new Error('demo keys need the keyService section');
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

  const service =
    config.keyService === null ? null : await startKeyService(config, config.keyService, log, stops);
  if (config.proxy !== null) {
    const { proxy: proxyConfig } = config;
    const { file } = proxyConfig.keys;
    const keys = file === null ? (service ?? NO_KEYS) : await openFile(file, log, metrics, stops);
    const proxy = await startProxy({
      config: proxyConfig,
      source: keys,
      subscribe: (listener) => keys.subscribe(listener),
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
    if (demo && service !== null) await showDemo(service, proxy.port);
  }
  ready = true;
}

async function startKeyService(
  config: Config,
  section: KeyServiceConfig,
  log: Log,
  stops: StopStack,
): Promise<KeyService> {
  const local = section.serviceTokens === null || section.adminTokens === null || section.peppers === null;
  const made = local ? loadLocalSecrets(secretsPathOf(section), randomBytes) : null;
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
  const server = createKeyServer({
    service,
    adminTokens: section.adminTokens ?? [given(made).adminToken],
    serviceTokens: section.serviceTokens ?? [given(made).serviceToken],
    log,
  });
  const port = await server.listen({ host: section.host, port: section.port });
  stops.push('key service', () => server.close());
  log.info({ url: `http://${section.host}:${port}` }, 'key service listens');
  return service;
}

/** A gate whose routes are all open asks nobody. */
const NO_KEYS = {
  resolve: () => Promise.reject(new Error('this process has no source of keys')),
  subscribe: () => () => undefined,
};

async function openFile(
  path: string,
  log: Log,
  metrics: Metrics,
  stops: StopStack,
): Promise<OpenKeysFile['source']> {
  const file = await openKeysFile({ path, clock: systemClock, log, metrics });
  stops.push('keys file', () => file.close());
  return file.source;
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
  if (value === null) throw new Error('the local secrets were not made');
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
