import type { ProxyConfig } from '../config/config.ts';
import { deny, type Decision, type Denial, type Permit } from '../core/decision.ts';
import { REASONS, type Reason } from '../core/reasons.ts';
import type { Log, LogFields } from '../runtime/log.ts';
import type { Metrics } from '../runtime/metrics.ts';
import type { UpstreamError } from './flight.ts';
import type { Gate } from './pipeline.ts';
import type { Place } from './routes.ts';

/** What happened to one request, filled in on its way. Instants are monotonic milliseconds. */
export interface Exchange {
  readonly requestId: string;
  readonly method: string;
  readonly url: string;
  readonly address: string;
  readonly userAgent: string | null;
  readonly upgrade: boolean;
  readonly receivedAt: number;
  /** Null until the pipeline has spoken. */
  decision: Decision<Place> | null;
  decidedAt: number;
  /** When the upstream's answer began; 0 where there was none. */
  answeredAt: number;
  /** Why the gate answered in the upstream's place although it had permitted the request. */
  failure: Reason | null;
  upstreamError: UpstreamError | null;
  /** For the log alone; holds nothing a client sent. */
  detail: string | null;
  status: number;
  complete: boolean;
  bytesIn: number;
  bytesOut: number;
}

/** Status in the log of a request whose client left before any answer; nobody received it. */
const CLIENT_CLOSED_REQUEST = 499;

export function openExchange(
  about: Pick<Exchange, 'requestId' | 'method' | 'url' | 'address' | 'userAgent'> & { upgrade?: boolean },
  receivedAt: number,
): Exchange {
  return {
    ...about,
    upgrade: about.upgrade ?? false,
    receivedAt,
    decision: null,
    decidedAt: receivedAt,
    answeredAt: 0,
    failure: null,
    upstreamError: null,
    detail: null,
    status: CLIENT_CLOSED_REQUEST,
    complete: true,
    bytesIn: 0,
    bytesOut: 0,
  };
}

/** Notes that the upstream did not answer what was permitted, and says how that is told to the client. */
export function failureOf(
  exchange: Exchange,
  decision: Permit<Place>,
  error: UpstreamError,
  detail: string,
): Denial<Place> {
  exchange.upstreamError = error;
  exchange.failure = error === 'timeout' ? 'upstream_timeout' : 'upstream_unreachable';
  exchange.detail = detail;
  return deny(exchange.failure, decision, { detail });
}

export interface Recorder {
  /** The one log line and the one observation of a request; called once, when nothing more can happen to it. */
  (exchange: Exchange): void;
  decided(exchange: Exchange, decision: Decision<Place>): void;
}

/** Known methods by name, all others as one, so that a client cannot make series. */
const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
]);
const NO_ROUTE = 'none';
const LOGGED_CHARACTERS = 1024;

/** Every request ends here, whatever happened to it: this is the only place for access log and request metrics. */
export function createRecorder(parts: {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly config: ProxyConfig;
  readonly gate: Gate;
  /** Takes keys out of texts from clients. */
  readonly mask: (text: string) => string;
}): Recorder {
  const { log, metrics, gate, mask } = parts;
  zeroInitialise(
    metrics,
    parts.config.routes.map(({ id }) => id),
  );
  const record = (exchange: Exchange): void => {
    const { decision } = exchange;
    const endedAt = gate.clock.monotonic();
    const route = routeIdOf(decision);
    const source = exchange.answeredAt > 0 ? 'upstream' : 'gateway';
    const method = METHODS.has(exchange.method) ? exchange.method : '_OTHER';
    metrics.requests.labels(route, method, String(exchange.status), source).inc();
    metrics.requestDuration.labels(route, source).observe((endedAt - exchange.receivedAt) / 1000);
    metrics.overhead.labels(route).observe((exchange.decidedAt - exchange.receivedAt) / 1000);
    metrics.decisions.labels(route, ...resultOf(decision)).inc();
    observeUpstream(exchange, metrics);
    log.info(lineOf(exchange, { route, source, endedAt, mask }), 'request');
    if (decision !== null) metrics.inFlight.labels(route).dec();
  };
  return Object.assign(record, {
    decided(exchange: Exchange, decision: Decision<Place>): void {
      if (exchange.decision === null) metrics.inFlight.labels(routeIdOf(decision)).inc();
      exchange.decision = decision;
      exchange.decidedAt = gate.clock.monotonic();
    },
  });
}

function observeUpstream(
  { decision, answeredAt, decidedAt, upstreamError }: Exchange,
  metrics: Metrics,
): void {
  const upstream = decision?.route?.route.origin;
  if (upstream === undefined) return;
  if (answeredAt > 0) metrics.upstreamDuration.labels(upstream).observe((answeredAt - decidedAt) / 1000);
  if (upstreamError !== null) metrics.upstreamErrors.labels(upstream, upstreamError).inc();
}

function routeIdOf(decision: Decision<Place> | null): string {
  return decision?.route?.route.config.id ?? NO_ROUTE;
}

/** `error` is what the gate could not decide; both words come from fixed lists. */
function resultOf(decision: Decision<Place> | null): ['allow' | 'deny' | 'error', string] {
  if (decision === null) return ['error', 'internal_error'];
  if (decision.kind === 'permit') return ['allow', 'none'];
  return [REASONS[decision.reason].status >= 500 ? 'error' : 'deny', decision.reason];
}

function lineOf(
  exchange: Exchange,
  more: {
    route: string;
    source: 'upstream' | 'gateway';
    endedAt: number;
    mask: (text: string) => string;
  },
): LogFields {
  const { decision } = exchange;
  const { mask } = more;
  const line: LogFields = {
    requestId: exchange.requestId,
    route: more.route,
    method: exchange.method,
    // The query may hold what is nobody's business, and a key pasted into a path is still a key.
    path: clip(mask(exchange.url.split('?', 1)[0] ?? '')),
    status: exchange.status,
    source: more.source,
    address: exchange.address,
    durationMs: rounded(more.endedAt - exchange.receivedAt),
    decisionMs: rounded(exchange.decidedAt - exchange.receivedAt),
    bytesIn: exchange.bytesIn,
    bytesOut: exchange.bytesOut,
  };
  const denial = decision?.kind === 'denial' ? decision : null;
  const reason = exchange.failure ?? denial?.reason;
  const detail = exchange.complete ? (exchange.detail ?? denial?.detail) : 'broken off';
  if (reason) line.reason = reason;
  if (detail) line.detail = detail;
  if (decision?.key) {
    line.keyId = decision.key.keyId;
    line.ownerId = decision.key.owner.id;
  }
  if (decision?.source) line.lookup = decision.source;
  if (exchange.userAgent !== null) line.userAgent = clip(mask(exchange.userAgent));
  if (exchange.answeredAt > 0) line.upstreamMs = rounded(exchange.answeredAt - exchange.decidedAt);
  return line;
}

/** Every decision a route can come to exists from the first scrape on, so that a rate never starts with a jump. */
function zeroInitialise(metrics: Metrics, routeIds: readonly string[]): void {
  for (const route of [...routeIds, NO_ROUTE]) {
    metrics.decisions.labels(route, 'allow', 'none').inc(0);
    for (const [reason, { status }] of Object.entries(REASONS)) {
      metrics.decisions.labels(route, status >= 500 ? 'error' : 'deny', reason).inc(0);
    }
    metrics.inFlight.labels(route).set(0);
    metrics.webSockets.labels(route).set(0);
  }
}

function clip(text: string): string {
  return text.length > LOGGED_CHARACTERS ? `${text.slice(0, LOGGED_CHARACTERS)}...` : text;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
