import { getHeapStatistics } from 'node:v8';
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { breakerMetrics, fleetMetrics, redisMetrics } from './fleet-metrics.ts';
import { keyMetrics } from './key-metrics.ts';
import { limitMetrics } from './limit-metrics.ts';
import { OPEN_METRICS_TYPE, openMetricsOf, wantsOpenMetrics } from './open-metrics.ts';
import { BucketFamily, NumberFamily } from './series.ts';

const PREFIX = 'plexgate_';
/** From 50 microseconds: what the gate itself may take. */
const OVERHEAD_BUCKETS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1,
];
/** Few, since each is a series for each route and upstream. */
const DURATION_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
}

/**
 * Every metric of the process. Labels come from configuration and fixed lists only, so the number of series does
 * not depend on what clients send. Looking a child up by its labels costs more than counting; callers on the request
 * path keep theirs.
 */
export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics(build: BuildInfo) {
  const registry = new Registry();
  const make = makersOf(registry);
  collectNodeMetrics(registry);
  make
    .gauge('build_info', 'Always 1; the labels tell what runs', ['version', 'revision', 'node_version'])
    .labels(build.version, build.revision, process.versions.node)
    .set(1);
  make
    .gauge('heap_limit_bytes', 'What the heap of Node.js may grow to; beyond it the process ends')
    .set(getHeapStatistics().heap_size_limit);
  return {
    ...requestMetrics(make),
    ...certificateMetrics(make),
    ...keyMetrics(make),
    ...reportMetrics(make),
    ...keysFileMetrics(make),
    ...fleetMetrics(make),
    ...redisMetrics(make),
    ...breakerMetrics(make),
    ...limitMetrics(make),
    ...configMetrics(make),
    ...tracingMetrics(make),
    /** The text of a scrape and its content type, in the format that the scraper's Accept header asks for. */
    async scrape(accept = ''): Promise<{ contentType: string; text: string }> {
      const text = await registry.metrics();
      return wantsOpenMetrics(accept)
        ? { contentType: OPEN_METRICS_TYPE, text: openMetricsOf(text) }
        : { contentType: registry.contentType, text };
    },
    /** Everything registered, for docs/metrics.md. */
    async describe(): Promise<readonly MetricDescription[]> {
      const described = await registry.getMetricsAsJSON();
      return described.map(({ name, type, help }) => ({
        name,
        type,
        help,
        labels: labelsOf(registry, name),
      }));
    },
  };
}

export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

export type Makers = ReturnType<typeof makersOf>;

function makersOf(registry: Registry) {
  const registered = <F extends NumberFamily | BucketFamily>(family: F): F => {
    // The registry asks for no more of a metric than its name and `get`.
    registry.registerMetric(family as unknown as Gauge);
    return family;
  };
  return {
    counter: (name: string, help: string, labelNames: readonly string[] = []) =>
      registered(new NumberFamily('counter', { name: PREFIX + name, help, labelNames })),
    gauge: (name: string, help: string, labelNames: readonly string[] = []) =>
      registered(new NumberFamily('gauge', { name: PREFIX + name, help, labelNames })),
    histogram: (name: string, help: string, labelNames: readonly string[], bounds: number[]) =>
      registered(new BucketFamily({ name: PREFIX + name, help, labelNames }, bounds)),
    /** A gauge whose value is asked for at each scrape, from the function that it is given. */
    watched: (name: string, help: string): ((value: () => number) => void) => {
      let current = (): number => 0;
      const gauge: Gauge = new Gauge({
        name: PREFIX + name,
        help,
        registers: [registry],
        collect: () => gauge.set(current()),
      });
      return (value) => {
        current = value;
      };
    },
  };
}

function requestMetrics({ counter, gauge, histogram }: Makers) {
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
    upstreamEjections: counter(
      'upstream_ejections_total',
      'How often an upstream was left out for a while because it failed',
      ['upstream'],
    ),
    connectionsRefused: counter(
      'connections_refused_total',
      'Connections closed because their client address had too many',
    ),
    keyRequests: counter(
      'key_requests_total',
      'Requests of the busiest keys, as many as proxy.metrics.perKey allows; a key that others have overtaken goes',
      ['key_id'],
    ),
    otherKeyRequests: counter(
      'key_requests_other_total',
      'Requests of keys that have no series of their own, where requests are counted by key',
    ),
    deprecatedKeyRequests: counter(
      'deprecated_key_requests_total',
      'Requests answered for callers of a key that a rotation has replaced',
      ['route'],
    ),
  };
}

/** Without files of certificates they have no series. */
function certificateMetrics({ gauge }: Makers) {
  return {
    certificatesInForce: gauge(
      'certificates_last_reload_successful',
      '1 where certificate files as they are now are in force, 0 where they were refused',
      ['files'],
    ),
    certificatesExpireAt: gauge(
      'certificates_expiry_timestamp_seconds',
      'When the first of the certificates in force expires, in Unix time',
      ['files'],
    ),
  };
}

function reportMetrics({ counter, watched }: Makers) {
  return {
    reports: counter('reports_total', 'Reports of usage and refusals sent to the key service', ['result']),
    usageLost: counter('usage_lost_total', 'Requests missing from usage, because reports could not be sent'),
    watchReportEntries: watched(
      'report_entries_pending',
      'Counts and rows that wait to be reported to the key service',
    ),
  };
}

function configMetrics({ counter, gauge }: Makers) {
  return {
    configInfo: gauge('config_info', 'Always 1; the label names the configuration in force', ['hash']),
    configReloads: counter(
      'config_reloads_total',
      'Changed configurations by what became of them: in force (ok), or refused with the one before still in force (error)',
      ['result'],
    ),
    configSuccessful: gauge(
      'config_last_reload_successful',
      '1 where the configuration file as it is now is in force, 0 where it was refused',
    ),
    configSuccessAt: gauge(
      'config_last_reload_success_timestamp_seconds',
      'When the configuration in force was read, in Unix time',
    ),
    configWaiting: gauge(
      'config_fields_pending',
      'Fields of the configuration file whose change takes effect at the next start',
    ),
  };
}

function tracingMetrics({ counter }: Makers) {
  return {
    traceSpans: counter(
      'trace_spans_total',
      'Spans by what became of them: taken by the collector (exported), not taken (failed), or too many at once (dropped)',
      ['result'],
    ),
  };
}

/** Without a keys file they have no value: a 0 would say that one was refused. */
function keysFileMetrics({ gauge }: Makers) {
  const keysFileSuccessful = gauge(
    'keys_file_last_reload_successful',
    '1 where the keys file as it is now is in force, 0 where it was refused',
  );
  const keysFileSuccessAt = gauge(
    'keys_file_last_reload_success_timestamp_seconds',
    'When the keys in force were read from the keys file, in Unix time',
  );
  keysFileSuccessful.remove();
  keysFileSuccessAt.remove();
  return { keysFileSuccessful, keysFileSuccessAt };
}

/**
 * Of Node's own, those left out: three gauges whose names end in `_total`, which promtool rightly refuses; lists of
 * everything that is open, whose making takes the longer the more connections there are; and details by the dozen of
 * heap and event loop, beside which stand the sums.
 */
const LEFT_OUT = [
  ...['handles', 'requests', 'resources'].flatMap((what) => [`active_${what}_total`, `active_${what}`]),
  ...['total', 'used', 'available'].map((what) => `heap_space_size_${what}_bytes`),
  ...['summary', 'histogram'].map((what) => `eventloop_utilization_${what}`),
  ...['min', 'max', 'mean', 'stddev'].map((what) => `eventloop_lag_${what}_seconds`),
];

function collectNodeMetrics(registry: Registry): void {
  collectDefaultMetrics({
    register: registry,
    // By default they wake an idle process 110 times a second, which takes more than a percent of a core.
    eventLoopMonitoringPrecision: 50,
    eventLoopUtilizationTimeout: 1000,
  });
  for (const name of LEFT_OUT) registry.removeSingleMetric(`nodejs_${name}`);
}

function labelsOf(registry: Registry, name: string): readonly string[] {
  const metric: unknown = registry.getSingleMetric(name);
  const labels =
    typeof metric === 'object' && metric !== null && 'labelNames' in metric ? metric.labelNames : [];
  return Array.isArray(labels) ? labels.map(String) : [];
}
