import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { KeyRecord } from '../../src/core/key.ts';
import { Secret, type Digest } from '../../src/core/secret.ts';
import type { Grant, KeySource, Renewals, ReportSink, Resolution } from '../../src/core/wire.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { ProxyConfig, RedisConfig } from '../../src/config/config.ts';
import { createEchoServer } from '../../src/demo/echo.ts';
import type { RedisAnnouncements } from '../../src/key-service/fleet/announcer.ts';
import { KeyService } from '../../src/key-service/keys.ts';
import { createKeyServer } from '../../src/key-service/server.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import { startProxy, type RunningProxy } from '../../src/proxy/start.ts';
import { createAdminServer } from '../../src/runtime/admin.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { createLog, type Log } from '../../src/runtime/log.ts';
import { createMetrics, type Metrics } from '../../src/runtime/metrics.ts';
import type { Tracing } from '../../src/runtime/tracing/tracing.ts';
import { connectGateRedis } from './gate-redis.ts';
import { proxyConfigOf } from './proxy-config.ts';

/** The whole gate with its key service in this process, on real sockets, with clocks a test can move. */
export interface TestGate {
  readonly port: number;
  /** Of all gates, this one first. */
  readonly ports: readonly number[];
  readonly adminPort: number;
  /** Of the second door; 0 where the configuration has none. */
  readonly forwardAuthPort: number;
  readonly service: KeyService;
  /** Puts another configuration in force, as a changed file would. */
  reconfigure(config: string): void;
  /** Moves the gate's and the key service's clocks forward, wall and monotonic. */
  advance(ms: number): void;
  /** Stops those clocks until the returned function lets them go on: what happens meanwhile happens at one moment. */
  hold(): () => void;
  /** How often the key service was asked what a digest stands for. */
  resolves(): number;
  /** Whether the key service answers the gate, lookups and renewals; it does at first. */
  keyServiceAnswers(answer: boolean): void;
  /** The log so far, a JSON text each. */
  readonly logLines: readonly string[];
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

export interface TestGateOptions {
  /** YAML of the whole configuration; ports and store are replaced by free ones and a store in memory. */
  readonly config: string;
  readonly env?: Record<string, string>;
  /** Where usage and refusals are reported; by default to the key service. */
  readonly reports?: ReportSink;
  /** Origin of what stands in for the key service behind `upstream: key-service`. */
  readonly keyServiceOrigin?: string;
  /** The Redis of gate and key service, for keys; without it there is none. */
  readonly redis?: RedisConfig;
  /** How many gates share their limits in that Redis; 0: each keeps its own, which is what one gate does by default. */
  readonly sharing?: number;
  /** How long a lookup takes at least. */
  readonly lookupMs?: number;
  /** How a lookup's answer is changed before the gate has it. */
  readonly alterRecord?: (record: KeyRecord) => KeyRecord;
  readonly tracing?: Tracing;
}

function madeToken(): Secret {
  return new Secret(randomBytes(16).toString('hex'));
}

/** As over a network: while a key is looked up, other requests come and go. */
const LOOKUP_MS = 20;

export async function startGate(options: TestGateOptions): Promise<TestGate> {
  const proxyConfig = proxyConfigOf(options.config, options.env);
  const time = movableClock();
  const logLines: string[] = [];
  const log = createLog('debug', { write: (line) => void logLines.push(line) });
  const token = madeToken();
  const redis = options.redis === undefined ? null : await connectGateRedis(options.redis, token, log);
  const forKeys = { prefixes: proxyConfig.keys.prefixes, redis: redis?.forKeyService ?? null };
  const keys = await startKeys({ ...forKeys, clock: time.clock, log, token });
  const { service } = keys;
  const wire = new Wire(service, options);
  const echo = createEchoServer();
  const echoPort = await listen(echo, '127.0.0.1', 0);
  const keyService = { origin: options.keyServiceOrigin ?? keys.origin, basePath: '', token: keys.token };
  const named = { keyService, echoOrigin: `http://127.0.0.1:${echoPort}`, version: 'test' };
  const starting = Array.from({ length: Math.max(1, options.sharing ?? 0) }, async () => {
    const metrics = createMetrics({ version: 'test', revision: 'test' });
    const proxy = await startProxy({
      ...named,
      config: onLoopback(proxyConfig),
      source: wire,
      renewals: wire,
      news: service.onNews,
      redis: redis?.forGate ?? null,
      limits: (options.sharing ?? 0) > 0 ? (redis?.forLimits ?? null) : null,
      reports: options.reports ?? service,
      clock: time.clock,
      metrics,
      log,
      tracing: options.tracing ?? null,
    });
    return { proxy, metrics };
  });
  const gates = await Promise.all(starting);
  const [{ proxy, metrics }] = gates as [(typeof gates)[number], ...typeof gates];
  const { admin, adminPort } = await startAdmin(metrics, proxy);
  return {
    port: proxy.port,
    ports: gates.map((gate) => gate.proxy.port),
    adminPort,
    forwardAuthPort: proxy.forwardAuthPort ?? 0,
    service,
    reconfigure: (config) => gates.forEach((gate) => gate.proxy.prepare(proxyConfigOf(config), named)()),
    advance: time.advance,
    hold: time.hold,
    resolves: () => wire.resolves,
    keyServiceAnswers(answer) {
      wire.isCut = !answer;
    },
    logLines,
    metrics: () => scraped(gates.map((gate) => gate.metrics)),
    async stop() {
      await Promise.all(gates.map((gate) => gate.proxy.stop(100)));
      await closeServer(echo, 0);
      await closeServer(admin, 0);
      await keys.stop();
      await redis?.close();
    },
  };
}

async function scraped(all: readonly Metrics[]): Promise<string> {
  return (await Promise.all(all.map((metrics) => metrics.scrape()))).map(({ text }) => text).join('');
}

function onLoopback(config: ProxyConfig): ProxyConfig {
  const { forwardAuth } = config;
  const place = { host: '127.0.0.1', port: 0 };
  return { ...config, ...place, forwardAuth: forwardAuth && { ...forwardAuth, ...place } };
}

async function startAdmin(metrics: Metrics, proxy: RunningProxy) {
  const admin = createAdminServer({
    token: () => null,
    metrics,
    isReady: () => true,
    effectiveConfig: () => ({}),
    members: () => proxy.member(),
    decisions: (requestId) => proxy.decisions(requestId),
    jwks: () => proxy.jwks(),
  });
  return { admin, adminPort: await listen(admin, '127.0.0.1', 0) };
}

/** Between gate and key service: counts lookups, and may be cut. */
class Wire implements KeySource, Renewals {
  resolves = 0;
  isCut = false;
  readonly #service: KeyService;
  readonly #alter: TestGateOptions['alterRecord'];
  readonly #lookupMs: number;

  constructor(service: KeyService, { alterRecord, lookupMs = LOOKUP_MS }: TestGateOptions) {
    this.#service = service;
    this.#alter = alterRecord;
    this.#lookupMs = lookupMs;
  }

  async resolve(digest: Digest, signal: AbortSignal): Promise<Resolution> {
    this.resolves++;
    if (this.#lookupMs > 0) await pause(this.#lookupMs);
    this.#pass();
    const { record, asOf } = await this.#service.resolve(digest, signal);
    return { record: record && (this.#alter?.(record) ?? record), asOf };
  }

  async renew(...asked: Parameters<Renewals['renew']>): Promise<Grant> {
    this.#pass();
    return this.#service.renew(...asked);
  }

  #pass(): void {
    if (this.isCut) throw new Error('the key service is away');
  }
}

/** The key service with its own port, as a gate in the same process finds it. */
async function startKeys(parts: {
  readonly prefixes: ProxyConfig['keys']['prefixes'];
  readonly clock: Clock;
  readonly log: Log;
  readonly token: Secret;
  readonly redis: RedisAnnouncements | null;
}) {
  const { token } = parts;
  const store = await openSqliteStore(':memory:');
  const service = new KeyService({
    ...parts,
    store,
    peppers: { current: 'p1', secrets: new Map([['p1', new Secret(randomBytes(32).toString('hex'))]]) },
    randomBytes,
  });
  const server = createKeyServer({
    service,
    adminTokens: [madeToken()],
    serviceTokens: [token],
    log: parts.log,
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    service,
    token,
    origin: `http://127.0.0.1:${port}`,
    async stop() {
      await server.close();
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
