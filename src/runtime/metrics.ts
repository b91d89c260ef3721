import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/**
 * Every metric of the process. Labels come from configuration and fixed lists only, so the number of series does
 * not depend on what clients send. Children are looked up once and kept by the callers on the request path.
 */
export type Metrics = ReturnType<typeof createMetrics>;

const PREFIX = 'plexgate_';
/** From 50 microseconds: what the gate itself may take. */
const OVERHEAD_BUCKETS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1,
];
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
}

export function createMetrics(build: BuildInfo) {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    new Counter({ name: PREFIX + name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name: PREFIX + name, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    buckets: number[],
  ): Histogram<L> => new Histogram({ name: PREFIX + name, help, labelNames, buckets, registers });

  collectDefaultMetrics({ register: registry });
  // Three default gauges end in `_total`, which promtool rightly refuses for a gauge.
  for (const name of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`nodejs_active_${name}_total`);
  }
  gauge('build_info', 'Always 1; the labels tell what runs', ['version', 'revision', 'node_version'])
    .labels(build.version, build.revision, process.versions.node)
    .set(1);

  let cacheEntries = (): number => 0;
  const cacheGauge: Gauge = new Gauge({
    name: `${PREFIX}key_cache_entries`,
    help: 'Keys and unknown keys held in memory',
    registers,
    collect: () => cacheGauge.set(cacheEntries()),
  });

  return {
    requests: counter('http_requests_total', 'Requests answered', ['route', 'method', 'code', 'source']),
    requestDuration: histogram(
      'http_request_duration_seconds',
      'From the request head to the end of the answer',
      ['route', 'source'],
      DURATION_BUCKETS,
    ),
    overhead: histogram(
      'gateway_overhead_seconds',
      'From the request head to its hand-over to the upstream, or to its refusal',
      ['route'],
      OVERHEAD_BUCKETS,
    ),
    inFlight: gauge('http_requests_in_flight', 'Requests not yet answered in full', ['route']),
    webSockets: gauge('websocket_connections', 'Open WebSocket connections', ['route']),
    upstreamDuration: histogram(
      'upstream_request_duration_seconds',
      "From the hand-over to the head of the upstream's answer",
      ['upstream'],
      DURATION_BUCKETS,
    ),
    upstreamErrors: counter('upstream_errors_total', 'Requests the upstream did not answer', [
      'upstream',
      'reason',
    ]),
    decisions: counter('auth_decisions_total', 'Decisions, one for each request', [
      'route',
      'result',
      'reason',
    ]),
    lookups: counter('key_lookups_total', 'Key lookups by the layer that was asked', ['layer', 'result']),
    lookupDuration: histogram(
      'key_lookup_duration_seconds',
      'Time the layer took to answer',
      ['layer'],
      OVERHEAD_BUCKETS,
    ),
    lookupsCoalesced: counter('key_lookup_coalesced_total', 'Requests that joined a lookup under way'),
    /** Asked at each scrape. */
    watchCacheEntries(entries: () => number): void {
      cacheEntries = entries;
    },
    limitDecisions: counter('ratelimit_decisions_total', 'Limit decisions', ['tier', 'result', 'algorithm']),
    configInfo: gauge('config_info', 'Always 1; the label names the configuration in force', ['hash']),
    /** The text of a scrape and its content type. */
    async scrape(): Promise<{ contentType: string; text: string }> {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    /** Name, type, help and labels of everything registered, for docs/metrics.md. */
    async describe(): Promise<
      readonly { name: string; type: string; help: string; labels: readonly string[] }[]
    > {
      const described = await registry.getMetricsAsJSON();
      return described.map((metric) => ({
        name: metric.name,
        type: metric.type,
        help: metric.help,
        labels: labelsOf(registry, metric.name),
      }));
    },
  };
}

function labelsOf(registry: Registry, name: string): readonly string[] {
  const metric: unknown = registry.getSingleMetric(name);
  const labels =
    typeof metric === 'object' && metric !== null && 'labelNames' in metric ? metric.labelNames : [];
  return Array.isArray(labels) ? labels.map(String) : [];
}
