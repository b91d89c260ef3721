import { randomUUID } from 'node:crypto';
import type { Server as TlsServer } from 'node:tls';
import type { ProxyConfig } from '../config/config.ts';
import type { JwkSet } from '../core/assertion.ts';
import type { Clock } from '../core/clock.ts';
import type { Gauges } from '../core/gauges.ts';
import { keyMask } from '../core/secret.ts';
import type { ReportSink } from '../core/wire.ts';
import { closeServer, listen } from '../runtime/listen.ts';
import type { Log } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { RedisConnection } from '../runtime/redis/redis.ts';
import type { Tracing } from '../runtime/tracing/tracing.ts';
import { openCertificates, type Certificates } from './certificates.ts';
import { BusyKeys } from './busy-keys.ts';
import { bindConnections, type ConnectionBound } from './connection-bound.ts';
import { Decisions, type DependencyState } from './decisions.ts';
import { FailedAuthentications } from './failed-authentications.ts';
import { startForwardAuth, type RunningForwardAuth } from './forward-auth/start.ts';
import { createForwarder, type Forwarder } from './forward.ts';
import { startKeys, type KeyPartners, type MemberState, type RunningKeys } from './keys/start.ts';
import type { InboundServer } from './inbound/server.ts';
import type { RunningLimiter } from './limiter/limiter.ts';
import { gaugesOf } from './gauges.ts';
import { Load } from './load.ts';
import { MemoryLimiter } from './limiter/memory.ts';
import { startLimiter } from './limiter/start.ts';
import { Policies } from './policy.ts';
import { NO_ROUTE } from './record.ts';
import { Reporter } from './reporter.ts';
import { RequestMetrics } from './request-metrics.ts';
import { createProxyServer } from './server.ts';
import { settling } from './settling.ts';
import { settingsOf, type LastingParts, type NamedUpstreams, type Settings } from './settings.ts';
import { OpenStreams } from './streams.ts';
import { Targets } from './targets.ts';
import { TierMetrics } from './tier-metrics.ts';
import { Traffic } from './traffic.ts';
import { createUpgrader } from './upgrade.ts';

export interface ProxyOptions extends KeyPartners, NamedUpstreams {
  readonly config: ProxyConfig;
  /** Where all replicas keep their limits together; null: each process by itself. */
  readonly limits: RedisConnection | null;
  /** Hears of usage and of refused authentications, and how this gate stands. */
  readonly reports: ReportSink;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Absent or null: nothing is traced. */
  readonly tracing?: Tracing | null;
  /** Of the program. */
  readonly version: string;
}

export interface RunningProxy {
  readonly port: number;
  /** Of the second door; null: there is none. */
  readonly forwardAuthPort: number | null;
  /** What this gate knows of keys, and since when. */
  member(): MemberState;
  /** What this gate remembers of the requests with this id, the newest first, as JSON; none: it does not know it. */
  decisions(requestId: string): readonly object[];
  /** The public keys of signed assertions. */
  jwks(): JwkSet;
  /** Makes settings of another configuration; the call of the answer puts them in force. Throws where they cannot be. */
  prepare(config: ProxyConfig, named: NamedUpstreams): () => void;
  /** Answers end their connections from now on; new requests are still served. */
  drain(): void;
  /** Waits for what is in flight, at most `graceMs`, then ends the rest. */
  stop(graceMs: number): Promise<void>;
}

const SWEEP_MS = 60_000;
/** What the last reports have, however long the end of the traffic took. */
const LAST_REPORTS_MS = 1000;
/** How long a stream may outlive its key, but for the lookup. */
const STREAM_SWEEP_MS = 250;

/** Builds the gate from its parts, from general to specific, and listens. */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { config, clock, metrics, log } = options;
  let draining = false;
  const parts = await startParts(options, () => draining);
  const { lasting, certificates, limiter } = parts;
  let settings = settingsOf(config, options, lasting);
  const doorParts = {
    ...parts,
    settings: () => settings,
    clock,
    tls: certificates.door,
    metrics,
    mask: keyMask(Object.values(config.keys.prefixes)),
    log,
    tracing: options.tracing ?? null,
    isDraining: () => draining,
  };
  const server = createProxyServer(doorParts);
  const connections = bindConnections(server, settings.config, settings.trustedProxies, metrics);
  followCertificates(certificates, server, parts.forwarder);
  let forwardAuth: RunningForwardAuth | null = null;
  const putInForce = (next: Settings): void => {
    settings = next;
    adopt(next, { ...parts, connections, server });
    forwardAuth?.adopt(next);
  };
  putInForce(settings);
  const sweeps = startSweeps(parts);
  const port = await listen(server, config.host, config.port);
  forwardAuth = await startForwardAuth(config, doorParts, metrics);
  return {
    port,
    forwardAuthPort: forwardAuth?.port ?? null,
    member: () => parts.keys.state(),
    decisions: (requestId) => parts.decisions.told(requestId),
    jwks: () => settings.assertions?.jwks ?? { keys: [] },
    prepare(nextConfig, named) {
      const next = settingsOf(nextConfig, named, lasting);
      return () => putInForce(next);
    },
    drain() {
      draining = true;
    },
    async stop(graceMs) {
      const end = performance.now() + graceMs;
      draining = true;
      [certificates, parts.load].forEach((one) => one.close());
      parts.upgrader.closeAll();
      await Promise.all([closeServer(server, graceMs), forwardAuth?.stop(graceMs)]);
      // Not before: streams whose key ends are ended as long as there are streams.
      sweeps.forEach(clearInterval);
      parts.forwarder.close();
      await limiter.stop();
      await parts.reporter.stop(Math.max(end - performance.now(), LAST_REPORTS_MS));
      await parts.keys.stop();
    },
  };
}

type Parts = Awaited<ReturnType<typeof startParts>>;

function startSweeps({ limiter, lasting, busyKeys, streams }: Parts): NodeJS.Timeout[] {
  return [
    setInterval(() => [limiter, lasting.forbidden, busyKeys].forEach((one) => one.sweep()), SWEEP_MS).unref(),
    setInterval(() => streams.sweep(), STREAM_SWEEP_MS).unref(),
  ];
}

/** What outlives every change of the configuration. */
async function startParts(options: ProxyOptions, isDraining: () => boolean) {
  const { config, clock, metrics } = options;
  const certificates = await openCertificates(options);
  const load = new Load(config.bounds, () => performance.now());
  const member = randomUUID();
  const traffic = new Traffic(() => clock.monotonic());
  const leased = (units: number): void => traffic.leased(units);
  const limiter = await startLimiter({ ...options, redis: options.limits, leased });
  const keys = await startKeys({ ...options, member, settle: settling(limiter), config: config.keys });
  const tierMetrics = new TierMetrics(metrics, limiter.algorithm);
  const requestMetrics = new RequestMetrics(metrics);
  const lasting = lastingOf(options, {
    ...keys,
    limiter,
    excess: () => load.excess(),
    limited: (tier, result) => {
      tierMetrics.count(tier, result);
      traffic.limited(tier, result);
    },
  });
  return {
    certificates,
    load,
    limiter,
    keys,
    lasting,
    tierMetrics,
    requestMetrics,
    busyKeys: new BusyKeys(metrics),
    traffic,
    ...forwardingOf(options, certificates, requestMetrics),
    streams: new OpenStreams(keys.keys, keys.knowledge, clock),
    upgrader: createUpgrader(),
    reporter: startReporter(options, member, gaugesOf(options, { traffic, keys, isDraining })),
    decisions: new Decisions(() => dependenciesOf(options, keys)),
  };
}

function dependenciesOf(
  { redis, limits }: ProxyOptions,
  { knowledge, silence }: RunningKeys,
): DependencyState {
  return {
    renewalAgeMs: knowledge.renewalAgeMs,
    fenceMs: knowledge.fenceMs,
    keyServiceBreaker: silence.isOpen ? 'open' : 'closed',
    redisKeys: redis?.cache.isUp ?? null,
    redisLimits: limits?.isUp ?? null,
  };
}

interface AdoptingParts extends Parts {
  readonly connections: ConnectionBound;
  readonly server: InboundServer;
}

/** Tells what outlives the change of what is in force from now on. */
function adopt({ config, trustedProxies, origins }: Settings, parts: AdoptingParts): void {
  const { lasting, server } = parts;
  lasting.policies.adopt(config);
  lasting.failures.adopt(config.failedAuthentication);
  parts.load.adopt(config.bounds);
  parts.connections.adopt(config.bounds.connectionsPerAddress, trustedProxies);
  parts.targets.adopt(origins);
  parts.forwarder.keep(origins);
  parts.tierMetrics.adopt(config.tiers);
  parts.busyKeys.adopt(config.metrics.perKey);
  parts.requestMetrics.adopt(new Set([...config.routes.map(({ id }) => id), NO_ROUTE]), origins);
  server.adopt(config.timeouts);
}

function forwardingOf({ clock }: ProxyOptions, { ca }: Certificates, requestMetrics: RequestMetrics) {
  const monotonic = (): number => clock.monotonic();
  const targets = new Targets(monotonic, (origin) => requestMetrics.upstreamEjected(origin));
  return {
    targets,
    forwarder: createForwarder({ monotonic, targets, ca }),
  };
}

function followCertificates(certificates: Certificates, server: InboundServer, forwarder: Forwarder): void {
  certificates.follow({
    door: (pems) => (server as unknown as TlsServer).setSecureContext(pems),
    upstreams: (ca) => forwarder.trust(ca),
  });
}

function lastingOf(
  { config, clock }: ProxyOptions,
  {
    keys,
    knowledge,
    limiter,
    excess,
    limited,
  }: Pick<LastingParts, 'keys' | 'knowledge' | 'excess' | 'limited'> & { readonly limiter: RunningLimiter },
) {
  return {
    keys,
    knowledge,
    policies: new Policies(config),
    limiter,
    slots: limiter.slots,
    forbidden: new MemoryLimiter(clock),
    failures: new FailedAuthentications(config.failedAuthentication, clock),
    clock,
    excess,
    limited,
  } satisfies LastingParts;
}

function startReporter(
  { reports, clock, metrics, log }: ProxyOptions,
  member: string,
  gauges: () => Gauges,
): Reporter {
  const results = { ok: metrics.reports.labels('ok'), error: metrics.reports.labels('error') };
  for (const child of Object.values(results)) child.inc(0);
  const reporter = new Reporter({
    member,
    sink: reports,
    clock,
    gauges,
    events: {
      sent: (result) => results[result].inc(),
      lost: () => metrics.usageLost.inc(),
      dropped({ requests, refusals, why }) {
        metrics.usageLost.inc(requests);
        const detail = `${requests} requests are missing from usage, ${refusals} from the audit: ${why}`;
        log.error({ detail }, 'reports lost');
      },
    },
  });
  metrics.watchReportEntries(() => reporter.pending);
  return reporter;
}
