import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import type { ProxyConfig, RouteConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { PROFILES } from '../core/profile.ts';
import type { Secret } from '../core/secret.ts';
import type { Change, ReportSink } from '../core/wire.ts';
import { closeServer, listen } from '../runtime/listen.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RedisConnection } from '../runtime/redis/redis.ts';
import { TrustedProxies } from './address.ts';
import { openCertificates, type Certificates } from './certificates.ts';
import { ConnectionBound } from './connection-bound.ts';
import { FailedAuthentications } from './failed-authentications.ts';
import { UPSTREAM_ERRORS } from './upstream-error.ts';
import { createForwarder, type Forwarder } from './forward.ts';
import { startKeys, type KeyPartners, type MemberState } from './keys/start.ts';
import type { RunningLimiter } from './limiter/limiter.ts';
import { Load } from './load.ts';
import { MemoryLimiter } from './limiter/memory.ts';
import { startLimiter } from './limiter/start.ts';
import { LIMIT_RESULTS, type Gate } from './pipeline.ts';
import { OTHER_TIER, Policies } from './policy.ts';
import { Reporter } from './reporter.ts';
import { Routes, type RouteUpstream } from './routes.ts';
import { createProxyServer } from './server.ts';
import { OpenStreams } from './streams.ts';
import { Targets } from './targets.ts';
import { createUpgrader } from './upgrade.ts';

export interface ProxyOptions extends KeyPartners {
  readonly config: ProxyConfig;
  /** Where all replicas keep their limits together; null: each process by itself. */
  readonly limits: RedisConnection | null;
  /** Hears of usage and of refused authentications. */
  readonly reports: ReportSink;
  /** Where the `key-service` upstream listens, and the token that opens it. */
  readonly keyService: {
    readonly origin: string;
    readonly basePath: string;
    readonly token: Secret;
  } | null;
  /** Where the `echo` upstream listens. */
  readonly echoOrigin: string | null;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
}

export interface RunningProxy {
  readonly port: number;
  /** What this gate knows of keys, and since when. */
  member(): MemberState;
  /** Answers end their connections from now on; new requests are still served. */
  drain(): void;
  /** Waits for what is in flight, at most `graceMs`, then ends the rest. */
  stop(graceMs: number): Promise<void>;
}

const SWEEP_MS = 60_000;
/** How long an acknowledgement waits for leases to be given back; they end by themselves in a second at most. */
const SETTLE_MS = 200;
/** How long a stream may outlive its key, but for the lookup. */
const STREAM_SWEEP_MS = 250;

/** Builds the gate from its parts, from general to specific, and listens. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { config, clock, metrics, log } = options;
  const certificates = await openCertificates(options);
  const load = new Load(config.bounds, () => performance.now());
  const member = randomUUID();
  const limiter = await startLimiter({ ...options, redis: options.limits });
  const { keys, knowledge, ...running } = await startKeys({
    ...options,
    member,
    settle: settling(limiter),
    config: config.keys,
  });
  const gate = gateOf(options, { keys, knowledge, limiter, excess: () => load.excess() });
  const { targets, forwarder } = forwardingOf(options, certificates);
  const streams = new OpenStreams(keys, knowledge, clock);
  const upgrader = createUpgrader();
  const reporter = startReporter(options, member);
  let draining = false;
  const trustedProxies = new TrustedProxies(config.trustedProxies);
  const server = createProxyServer({
    config,
    gate,
    load,
    targets,
    tls: certificates.door,
    trustedProxies,
    forwarder,
    upgrader,
    streams,
    reporter,
    metrics,
    log,
    isDraining: () => draining,
  });
  followCertificates(certificates, server, forwarder);
  bindConnections(server, options, trustedProxies);
  const sweeps = [
    setInterval(() => [limiter, gate.forbidden].forEach((one) => one.sweep()), SWEEP_MS).unref(),
    setInterval(() => streams.sweep(), STREAM_SWEEP_MS).unref(),
  ];
  const port = await listen(server, config.host, config.port);
  return {
    port,
    member: () => running.state(),
    drain() {
      draining = true;
    },
    async stop(graceMs) {
      draining = true;
      sweeps.forEach(clearInterval);
      [certificates, load].forEach((one) => one.close());
      upgrader.closeAll();
      await closeServer(server, graceMs);
      await forwarder.close();
      await limiter.stop();
      await reporter.stop();
      await running.stop();
    },
  };
}

function forwardingOf({ config, clock, metrics }: ProxyOptions, { ca }: Certificates) {
  const monotonic = (): number => clock.monotonic();
  const targets = new Targets(monotonic, (origin) => metrics.upstreamEjections.labels(origin).inc());
  return { targets, forwarder: createForwarder({ timeouts: config.timeouts, monotonic, targets, ca }) };
}

function followCertificates(certificates: Certificates, server: Server, forwarder: Forwarder): void {
  certificates.follow({
    door: (pems) => (server as unknown as TlsServer).setSecureContext(pems),
    upstreams: (ca) => forwarder.trust(ca),
  });
}

function bindConnections(server: Server, { config, metrics }: ProxyOptions, trusted: TrustedProxies): void {
  const { connectionsPerAddress } = config.bounds;
  const bound = new ConnectionBound(connectionsPerAddress, trusted, () => metrics.connectionsRefused.inc());
  // Before the server itself hears of it.
  server.prependListener('connection', (socket) => bound.take(socket));
}

/** What waits, not for long, until leases are given back whose limits have changed. */
function settling(limiter: Pick<Awaited<ReturnType<typeof startLimiter>>, 'release'>) {
  return (changes: readonly Change[]): Promise<void> =>
    Promise.race([limiter.release(...touchedBy(changes)), pause(SETTLE_MS, undefined, { ref: false })]);
}

/** Whose limits may be others now: owners, and keys by themselves. */
function touchedBy(changes: readonly Change[]): [owners: Set<string>, keys: Set<string>] {
  const owners = changes.map(({ ownerId }) => ownerId).filter((id) => id !== null);
  const keys = changes.map(({ keyId }) => keyId).filter((id) => id !== null);
  return [new Set(owners), new Set(keys)];
}

function gateOf(
  options: ProxyOptions,
  {
    keys,
    knowledge,
    limiter,
    excess,
  }: Pick<Gate, 'keys' | 'knowledge' | 'excess'> & { readonly limiter: RunningLimiter },
) {
  const { config, clock, metrics } = options;
  return {
    routes: routesOf(options),
    keys,
    knowledge,
    policies: new Policies(config),
    limiter,
    slots: limiter.slots,
    forbidden: new MemoryLimiter(clock),
    failures: new FailedAuthentications(config.failedAuthentication, clock),
    clock,
    excess,
    checkedPrefixes: config.keys.checksum === 'require' ? Object.values(config.keys.prefixes) : [],
    limited: limitEvents(metrics, config, limiter.algorithm),
  } satisfies Gate;
}

/** The routes, and all that is counted of each upstream from the first scrape on. */
function routesOf(options: ProxyOptions): Routes {
  const { config, metrics } = options;
  return new Routes(config.routes, (route) => {
    const upstream = upstreamOf(route, options);
    for (const origin of upstream.origins) {
      metrics.upstreamDuration.zero({ upstream: origin });
      metrics.upstreamEjections.labels(origin).inc(0);
      for (const reason of UPSTREAM_ERRORS) metrics.upstreamErrors.labels(origin, reason).inc(0);
    }
    return upstream;
  });
}

function upstreamOf(
  { upstream, credential }: RouteConfig,
  { echoOrigin, keyService }: ProxyOptions,
): RouteUpstream {
  if (upstream.kind === 'http') {
    return { origins: upstream.origins, basePath: upstream.basePath, credential, isManagement: false };
  }
  if (upstream.kind === 'echo') {
    if (echoOrigin === null) throw new Error('the echo upstream does not run');
    return { origins: [echoOrigin], basePath: '', credential, isManagement: false };
  }
  if (keyService === null) throw new Error('the key service does not run');
  const { origin, basePath, token } = keyService;
  return {
    origins: [origin],
    basePath,
    credential: { kind: 'rewrite', header: 'Authorization', scheme: 'Bearer', value: token },
    isManagement: true,
  };
}

function startReporter({ reports, clock, metrics }: ProxyOptions, member: string): Reporter {
  const results = { ok: metrics.reports.labels('ok'), error: metrics.reports.labels('error') };
  for (const child of Object.values(results)) child.inc(0);
  const reporter = new Reporter({
    member,
    sink: reports,
    clock,
    events: { sent: (result) => results[result].inc(), lost: () => metrics.usageLost.inc() },
  });
  metrics.watchReportEntries(() => reporter.pending);
  return reporter;
}

/** Every decision on every tier a key can have exists from the first scrape on. */
function limitEvents(metrics: Metrics, { tiers }: ProxyConfig, algorithm: string): Gate['limited'] {
  const counters = new Map<string, Map<string, { inc(): void }>>();
  for (const profile of PROFILES) {
    for (const tier of [...tiers[profile].keys(), OTHER_TIER].map((name) => `${profile}/${name}`)) {
      const ofTier = new Map<string, { inc(): void }>();
      counters.set(tier, ofTier);
      for (const result of LIMIT_RESULTS) {
        const child = metrics.limitDecisions.labels(tier, result, algorithm);
        child.inc(0);
        ofTier.set(result, child);
      }
    }
  }
  return (tier, result) => counters.get(tier)?.get(result)?.inc();
}
