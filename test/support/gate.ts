import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Secret } from '../../src/core/secret.ts';
import type { KeySource } from '../../src/core/wire.ts';
import type { Clock } from '../../src/core/clock.ts';
import { createEchoServer } from '../../src/demo/echo.ts';
import { KeyService } from '../../src/key-service/keys.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import { startProxy } from '../../src/proxy/start.ts';
import { createAdminServer } from '../../src/runtime/admin.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { createLog } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { proxyConfigOf } from './proxy-config.ts';

/** The whole gate with its key service in this process, on real sockets, with clocks a test can move. */
export interface TestGate {
  readonly port: number;
  readonly adminPort: number;
  readonly service: KeyService;
  /** Moves the gate's and the key service's clocks forward, wall and monotonic. */
  advance(ms: number): void;
  /** Stops those clocks until the returned function lets them go on: what happens meanwhile happens at one moment. */
  hold(): () => void;
  /** How often the key service was asked what a digest stands for. */
  resolves(): number;
  /** The log so far, a JSON text each. */
  readonly logLines: readonly string[];
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

export interface TestGateOptions {
  /** YAML of the whole configuration; ports and store are replaced by free ones and a store in memory. */
  readonly config: string;
  readonly env?: Record<string, string>;
}

/** As over a network: while a key is looked up, other requests come and go. */
const LOOKUP_MS = 20;

export async function startGate({ config: text, env = {} }: TestGateOptions): Promise<TestGate> {
  const proxyConfig = proxyConfigOf(text, env);
  const time = movableClock();
  const { clock } = time;
  const store = await openSqliteStore(':memory:');
  const service = new KeyService({
    store,
    clock,
    peppers: { current: 'p1', secrets: new Map([['p1', new Secret(randomBytes(32).toString('hex'))]]) },
    randomBytes,
    prefixes: proxyConfig.keys.prefixes,
  });
  await service.start();
  let resolves = 0;
  const source: KeySource = {
    async resolve(digest, signal) {
      resolves += 1;
      await pause(LOOKUP_MS);
      return service.resolve(digest, signal);
    },
  };
  const logLines: string[] = [];
  const metrics = createMetrics({ version: 'test', revision: 'test' });
  const echo = createEchoServer();
  const echoPort = await listen(echo, '127.0.0.1', 0);
  const proxy = await startProxy({
    config: { ...proxyConfig, host: '127.0.0.1', port: 0 },
    source,
    subscribe: (listener) => service.subscribe(listener),
    echoOrigin: `http://127.0.0.1:${echoPort}`,
    clock,
    metrics,
    log: createLog('debug', { write: (line) => void logLines.push(line) }),
  });
  const admin = createAdminServer({
    token: null,
    metrics,
    isReady: () => true,
    effectiveConfig: () => ({}),
  });
  const adminPort = await listen(admin, '127.0.0.1', 0);
  return {
    port: proxy.port,
    adminPort,
    service,
    advance: time.advance,
    hold: time.hold,
    resolves: () => resolves,
    logLines,
    metrics: async () => (await metrics.scrape()).text,
    async stop() {
      await proxy.stop(100);
      await closeServer(echo, 0);
      await closeServer(admin, 0);
      await store.close();
    },
  };
}

function movableClock(): { clock: Clock; advance: (ms: number) => void; hold: () => () => void } {
  let offsetMs = 0;
  let heldAt: { readonly now: number; readonly monotonic: number } | null = null;
  const clock: Clock = {
    now: () => (heldAt?.now ?? Date.now()) + offsetMs,
    monotonic: () => (heldAt?.monotonic ?? performance.now()) + offsetMs,
  };
  return {
    clock,
    advance(ms: number): void {
      offsetMs += ms;
    },
    hold(): () => void {
      heldAt = { now: Date.now(), monotonic: performance.now() };
      return () => {
        heldAt = null;
      };
    },
  };
}
