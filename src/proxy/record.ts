import type { Clock } from '../core/clock.ts';
import { deny, type Decision, type Denial, type Permit } from '../core/decision.ts';
import { ownText } from '../core/own-text.ts';
import type { Reason } from '../core/reasons.ts';
import type { Log, LogFields } from '../runtime/log.ts';
import type { BusyKeys } from './busy-keys.ts';
import type { UpstreamError } from './upstream-error.ts';
import type { Decisions, DependencyState } from './decisions.ts';
import { isRefusedAuthentication } from './refusals.ts';
import type { Reporter } from './reporter.ts';
import type { RequestMetrics } from './request-metrics.ts';
import type { RequestTrace } from './request-trace.ts';
import type { Place } from './routes.ts';
import type { Traffic } from './traffic.ts';
import type { Waits } from './waits.ts';

/** What happened to one request, filled in on its way. Instants are monotonic milliseconds. */
export interface Exchange extends Waits {
  readonly requestId: string;
  readonly method: string;
  readonly url: string;
  readonly address: string;
  readonly userAgent: string | null;
  readonly upgrade: boolean;
  readonly receivedAt: number;
  /** Null: it is not traced. */
  trace: RequestTrace | null;
  /** Null until the pipeline has spoken. */
  decision: Decision<Place> | null;
  decidedAt: number;
  /** How what the gate depends on stood then. */
  dependencies: DependencyState | null;
  /** The time by which the answer tells what is left of limits, epoch milliseconds; 0 where it tells nothing of them. */
  toldAt: number;
  /** When the upstream's answer began; 0 where there was none. */
  answeredAt: number;
  /** Why the gate answered in the upstream's place although it had permitted the request. */
  failure: Reason | null;
  /** Origin of the upstream that was asked last; null: none was. */
  upstream: string | null;
  upstreamError: UpstreamError | null;
  /** For the log alone; holds nothing a client sent. */
  detail: string | null;
  status: number;
  complete: boolean;
  bytesIn: number;
  bytesOut: number;
}

/** Status in the log of a request whose client left before any answer; nobody received it. */
export const CLIENT_CLOSED_REQUEST = 499;

export function openExchange(
  about: Pick<Exchange, 'requestId' | 'method' | 'url' | 'address' | 'userAgent'> & { upgrade?: boolean },
  receivedAt: number,
): Exchange {
  const { requestId, method, url, address, userAgent, upgrade = false } = about;
  return {
    requestId,
    method,
    // Both outlive the request, whose head they would keep.
    url: ownText(url),
    address,
    userAgent: userAgent === null ? null : ownText(userAgent),
    upgrade,
    receivedAt,
    trace: null,
    decision: null,
    decidedAt: receivedAt,
    keyMs: 0,
    limitsMs: 0,
    dependencies: null,
    toldAt: 0,
    answeredAt: 0,
    failure: null,
    upstream: null,
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
  /** The upstream's answer to a permitted request has begun; a stream counts now, not when it ends. */
  answered(permit: Permit<Place>, status: number): void;
}

/** The route of what was refused before a route was known. */
export const NO_ROUTE = 'none';
const LOGGED_CHARACTERS = 1024;

export interface RecorderParts {
  readonly log: Log;
  readonly requestMetrics: RequestMetrics;
  readonly traffic: Traffic;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly decisions: Decisions;
  readonly busyKeys: BusyKeys;
  /** Text from a client without the keys in it. */
  readonly mask: (text: string) => string;
}

/** Every request ends here, whatever happened to it: this is the only place for access log and request metrics. */
export function createRecorder(parts: RecorderParts): Recorder {
  const { log, clock, reporter, decisions, mask, traffic, busyKeys, requestMetrics: metrics } = parts;
  const record = (exchange: Exchange): void => {
    const { decision, receivedAt, decidedAt, answeredAt, upstream, upstreamError } = exchange;
    const endedAt = clock.monotonic();
    const route = routeIdOf(decision);
    const source = answeredAt > 0 ? 'upstream' : 'gateway';
    metrics.end({
      route,
      method: exchange.method,
      status: exchange.status,
      source,
      denied: decision?.kind === 'denial' ? decision.reason : null,
      durationSeconds: (endedAt - receivedAt) / 1000,
      overheadSeconds: (decidedAt - receivedAt) / 1000,
    });
    if (decision !== null) traffic.end(decision, exchange.failure, decidedAt - receivedAt);
    if (upstream !== null && answeredAt > 0) {
      metrics.upstreamAnswered(upstream, (answeredAt - decidedAt) / 1000);
    }
    if (upstream !== null && upstreamError !== null) metrics.upstreamFailed(upstream, upstreamError);
    if (decision !== null && decision.key !== null) busyKeys.count(decision.key.keyId);
    const line = lineOf(exchange, { route, source, endedAt, mask });
    log.info(line, 'request');
    decisions.keep(exchange, line.path ?? '', endedAt);
    exchange.trace?.end(exchange, { route, source, endedAt });
    if (decision?.kind === 'denial' && isRefusedAuthentication(decision)) {
      reporter.refused(refusedRequest(decision, exchange, line));
    }
  };
  return Object.assign(record, {
    decided(exchange: Exchange, decision: Decision<Place>): void {
      if (exchange.decision === null) {
        metrics.begin(routeIdOf(decision));
        traffic.begin();
      }
      traffic.decided(decision);
      exchange.decision = decision;
      exchange.decidedAt = clock.monotonic();
      exchange.dependencies = decisions.dependencies();
    },
    answered({ key, route: { route } }: Permit<Place>, status: number): void {
      if (key === null) return;
      if (key.deprecatedAt !== null) metrics.deprecatedKeyUsed(route.config.id);
      if (!route.isManagement) reporter.answered(key.keyId, route.config.id, status);
    },
  });
}

function routeIdOf(decision: Decision<Place> | null): string {
  return decision?.route?.route.config.id ?? NO_ROUTE;
}

/** Method, path and user agent as the log has them: masked and cut. */
function refusedRequest(denial: Denial<Place>, { requestId, address }: Exchange, line: LogFields) {
  return {
    requestId,
    reason: denial.reason,
    keyId: denial.key?.keyId ?? null,
    ownerId: denial.key?.owner.id ?? null,
    address,
    userAgent: line.userAgent ?? null,
    method: line.method ?? '',
    path: line.path ?? '',
    route: denial.route?.route.config.id ?? null,
  };
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
    path: clip(mask(pathOf(exchange.url))),
    status: exchange.status,
    source: more.source,
    address: exchange.address,
    receivedAt: rounded(performance.timeOrigin + exchange.receivedAt),
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
  if (exchange.trace?.isRecorded === true) line.traceId = exchange.trace.id;
  if (exchange.userAgent !== null) line.userAgent = clip(mask(exchange.userAgent));
  if (exchange.answeredAt > 0) line.upstreamMs = rounded(exchange.answeredAt - exchange.decidedAt);
  return line;
}

function pathOf(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}

function clip(text: string): string {
  return text.length > LOGGED_CHARACTERS ? `${text.slice(0, LOGGED_CHARACTERS)}...` : text;
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
