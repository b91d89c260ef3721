import { readTraceContext, withTraceContext } from '../core/trace-context.ts';
import type { Attributes, Span, Tracing } from '../runtime/tracing/tracing.ts';
import type { Ending } from './flight.ts';
import type { InboundHead } from './inbound/request-head.ts';
import { CLIENT_CLOSED_REQUEST, type Exchange } from './record.ts';
import { methodName, resultOf } from './request-metrics.ts';
import type { UpgradeOutcome } from './upgrade.ts';
import type { Step, StepTrace } from './waits.ts';

/*
 * The spans of one request: one of its own under the caller's, and a child for each step that took time. What they say
 * are the gate's own words, those of the configuration, and ids; no text of a client but its request id and its trace's.
 */

const STEPS: Readonly<Record<Step, { readonly name: string; readonly attributes: Attributes }>> = {
  recall: { name: 'recall key', attributes: { 'plexgate.key.layer': 'l2' } },
  ask: { name: 'ask key service', attributes: { 'plexgate.key.layer': 'origin' } },
  slots: { name: 'take slots', attributes: {} },
  limits: { name: 'take limits', attributes: {} },
};
/** What is over sooner has not waited for anybody. */
const WORTH_TELLING_MS = 0.05;
const ANSWER_BEGINS = 'answer begins';

/** How an attempt at an upstream ended; `error` in a word, null where it went well. Instants are monotonic. */
export interface HopEnd {
  readonly status: number | null;
  readonly error: string | null;
  /** 0 where the answer has not begun, or is not told apart from its end. */
  readonly answeredAt: number;
}

/** One attempt at an upstream. */
export interface Hop {
  /** What the upstream gets: the flat list that was given, with this attempt as whose child it is. */
  readonly headers: readonly string[];
  end(end: HopEnd, at: number): void;
}

/** What of a request its trace begins with. */
export interface TracedRequest {
  readonly isEncrypted: boolean;
  readonly head: Pick<InboundHead, 'method' | 'httpVersion' | 'raw'>;
}

/** `isTrusted`: the peer's address is one of the configuration's trusted proxies. */
export function openTrace(
  tracing: Tracing,
  { isEncrypted, head: { method, httpVersion, raw } }: TracedRequest,
  { at, isTrusted }: { readonly at: number; readonly isTrusted: boolean },
): RequestTrace {
  const isHeard = tracing.callers === 'any' || (tracing.callers === 'trusted' && isTrusted);
  const caller = isHeard ? readTraceContext(raw) : null;
  const known = methodName(method);
  const attributes = {
    'http.request.method': known,
    'url.scheme': isEncrypted ? 'https' : 'http',
    'network.protocol.version': httpVersion,
  };
  const span = tracing.begin({ name: nameOf(known), kind: 'server', at, attributes }, caller);
  return new RequestTrace(span, known, caller?.state ?? null);
}

export class RequestTrace implements StepTrace {
  readonly id: string;
  readonly isRecorded: boolean;
  readonly #span: Span;
  readonly #method: string;
  readonly #state: string | null;

  constructor(span: Span, method: string, state: string | null) {
    this.id = span.traceId;
    this.isRecorded = span.isRecorded;
    this.#span = span;
    this.#method = method;
    this.#state = state;
  }

  begin(step: Step, at: number): ReturnType<StepTrace['begin']> {
    if (!this.isRecorded) return { traceparent: this.#span.traceparent, end: () => undefined };
    const span = this.#span.child({ ...STEPS[step], kind: 'internal', at });
    return {
      traceparent: span.traceparent,
      end(endedAt) {
        if (endedAt - at >= WORTH_TELLING_MS) span.end({ at: endedAt, attributes: {}, failed: false });
      },
    };
  }

  /** `repeats`: how many attempts there were before. */
  hop(
    origin: string,
    headers: readonly string[],
    { at, repeats }: { readonly at: number; readonly repeats: number },
  ): Hop {
    const span = this.isRecorded ? this.#upstreamSpan(origin, repeats, at) : null;
    return {
      headers: withTraceContext(headers, (span ?? this.#span).traceparent, this.#state),
      end: (end, endedAt) => {
        if (span !== null) endHop(span, end, endedAt);
      },
    };
  }

  /** With the request's one log line and its one observation. */
  end(
    exchange: Exchange,
    { route, source, endedAt }: { route: string; source: string; endedAt: number },
  ): void {
    if (!this.isRecorded) return;
    const hasRoute = (exchange.decision?.route ?? null) !== null;
    const isAnswered = exchange.answeredAt > 0 || exchange.status !== CLIENT_CLOSED_REQUEST;
    const error = errorOf(exchange, isAnswered);
    this.#span.end({
      name: hasRoute ? `${nameOf(this.#method)} ${route}` : nameOf(this.#method),
      at: endedAt,
      attributes: {
        ...(hasRoute ? { 'http.route': route } : {}),
        ...(isAnswered ? { 'http.response.status_code': exchange.status } : {}),
        ...(error === null ? {} : { 'error.type': error }),
        'plexgate.request.id': exchange.requestId,
        'plexgate.source': source,
        ...decisionAttributes(exchange),
      },
      failed: error !== null,
    });
  }

  #upstreamSpan(origin: string, repeats: number, at: number): Span {
    const { protocol, hostname, port } = new URL(origin);
    return this.#span.child({
      name: nameOf(this.#method),
      kind: 'client',
      at,
      attributes: {
        'http.request.method': this.#method,
        'url.scheme': protocol.slice(0, -1),
        'server.address': hostname,
        'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
        ...(repeats > 0 ? { 'http.request.resend_count': repeats } : {}),
      },
    });
  }
}

/** How a span of HTTP is called; the word for methods nobody knows is no name. */
function nameOf(method: string): string {
  return method === '_OTHER' ? 'HTTP' : method;
}

/** A refusal is no failure of the gate's, unless it is one: the status says so, and the reason says which. */
function errorOf({ status, failure, decision, complete }: Exchange, isAnswered: boolean): string | null {
  if (!isAnswered) return 'client_gone';
  if (status < 500) return complete ? null : 'broken_off';
  return failure ?? (decision?.kind === 'denial' ? decision.reason : String(status));
}

function decisionAttributes({ decision, failure }: Exchange): Attributes {
  if (decision === null) return {};
  const { key, source } = decision;
  const reason = failure ?? (decision.kind === 'denial' ? decision.reason : null);
  return {
    'plexgate.result': resultOf(decision.kind === 'denial' ? decision.reason : null),
    ...(reason === null ? {} : { 'plexgate.reason': reason }),
    ...(source === null ? {} : { 'plexgate.key.layer': source }),
    ...(key === null
      ? {}
      : {
          'plexgate.key.id': key.keyId,
          'plexgate.owner.id': key.owner.id,
          'plexgate.tier': key.owner.tier,
        }),
  };
}

/** Of a span of the asking side, every status of 400 and more is a failure. */
function endHop(span: Span, { status, error, answeredAt }: HopEnd, at: number): void {
  if (answeredAt > 0) span.event(ANSWER_BEGINS, answeredAt);
  const type = error ?? (status !== null && status >= 400 ? String(status) : null);
  const attributes = {
    ...(status === null ? {} : { 'http.response.status_code': status }),
    ...(type === null ? {} : { 'error.type': type }),
  };
  span.end({ at, attributes, failed: type !== null });
}

export function hopEndOf(ending: Ending): HopEnd {
  if (ending.kind === 'answered') {
    const { status, answeredAt, complete } = ending;
    return { status, answeredAt, error: complete ? null : 'broken_off' };
  }
  return {
    status: null,
    answeredAt: 0,
    error: ending.kind === 'failed' ? ending.error : ending.kind,
  };
}

/** The handshake alone: how long the WebSocket is open is the request's own span. */
export function handshakeEndOf(outcome: UpgradeOutcome): HopEnd {
  switch (outcome.kind) {
    case 'opened':
      return { status: 101, answeredAt: 0, error: null };
    case 'answered':
      return { status: outcome.status, answeredAt: 0, error: outcome.whole ? null : 'broken_off' };
    case 'unreachable':
      return { status: null, answeredAt: 0, error: 'reset' };
    case 'timeout':
    case 'withdrawn':
    case 'client_gone':
      return { status: null, answeredAt: 0, error: outcome.kind };
  }
}
