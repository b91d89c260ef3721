import type { LookupSource } from '../core/decision.ts';
import type { LimitState } from '../core/limit.ts';
import type { Reason } from '../core/reasons.ts';
import { explain } from './explanation.ts';
import type { Exchange } from './record.ts';
import type { UpstreamError } from './upstream-error.ts';

/** How what the gate depends on stood at a decision. */
export interface DependencyState {
  /** Since the key service was last asked what has changed, and told it; infinite before the first time. */
  readonly renewalAgeMs: number;
  /** How long what is known of keys may be used without that. */
  readonly fenceMs: number;
  /** Open: it was silent, and no request waited for it. */
  readonly keyServiceBreaker: 'open' | 'closed';
  /** Whether the Redis of keys, and the one of limits, was connected; null: there is none. */
  readonly redisKeys: boolean | null;
  readonly redisLimits: boolean | null;
}

/** What is remembered of a finished request. It holds no key, no header line and no query. Instants are monotonic. */
export interface Remembered {
  readonly requestId: string;
  readonly outcome: 'allowed' | 'refused' | 'failed';
  readonly reason: Reason | null;
  readonly detail: string | null;
  readonly status: number;
  readonly method: string;
  /** As the log has it. */
  readonly path: string;
  readonly address: string;
  readonly route: string | null;
  readonly keyId: string | null;
  readonly ownerId: string | null;
  readonly tier: string | null;
  readonly layer: LookupSource | null;
  readonly limits: readonly LimitState[];
  readonly retryAfterMs: number;
  readonly toldAt: number;
  readonly receivedAt: number;
  readonly decidedAt: number;
  readonly answeredAt: number;
  readonly endedAt: number;
  readonly keyMs: number;
  readonly limitsMs: number;
  readonly upstream: string | null;
  readonly upstreamError: UpstreamError | null;
  readonly dependencies: DependencyState | null;
}

/**
 * How many of each kind are remembered. Few of those allowed, and no more in a second: there are many, and what outlives
 * a request is copied whenever young objects are collected.
 */
const ALLOWED_KEPT = 256;
const ALLOWED_FOR_MS = 1000;
const REFUSED_KEPT = 2048;
/** How many are told of one id, which clients may choose and use again. */
const TOLD_MAX = 20;
/** A path that is part of a longer text is kept by itself. */
const OWN_PATH_FROM = 256;

/**
 * The last of many, the oldest giving way once it has been kept for its time; until then new ones are not kept. It is
 * searched from end to end: an index would cost each request more.
 */
class Ring {
  readonly #kept: (Remembered | undefined)[];
  readonly #forMs: number;
  #next = 0;

  constructor(size: number, forMs = 0) {
    this.#kept = Array.from({ length: size }, () => undefined);
    this.#forMs = forMs;
  }

  hasRoom(now: number): boolean {
    const oldest = this.#kept[this.#next];
    return oldest === undefined || now - oldest.endedAt >= this.#forMs;
  }

  keep(one: Remembered): void {
    this.#kept[this.#next] = one;
    this.#next = (this.#next + 1) % this.#kept.length;
  }

  find(requestId: string): Remembered[] {
    return this.#kept.filter((one) => one?.requestId === requestId) as Remembered[];
  }
}

/**
 * The latest finished requests of this gate, to be asked for by their ids. Those refused without a known key have a
 * place of their own, so that a flood of strangers pushes out nobody's who has a key.
 */
export class Decisions {
  readonly #allowed = new Ring(ALLOWED_KEPT, ALLOWED_FOR_MS);
  readonly #refused = new Ring(REFUSED_KEPT);
  readonly #strangers = new Ring(REFUSED_KEPT);
  readonly dependencies: () => DependencyState;

  constructor(dependencies: () => DependencyState) {
    this.dependencies = dependencies;
  }

  /** `path` is masked and without the query. */
  keep(exchange: Exchange, path: string, endedAt: number): void {
    const { decision, failure } = exchange;
    const isAllowed = failure === null && decision?.kind !== 'denial';
    const refused = (decision?.key ?? null) === null ? this.#strangers : this.#refused;
    const ring = isAllowed ? this.#allowed : refused;
    if (ring.hasRoom(endedAt)) ring.keep(remembered(exchange, path, endedAt));
  }

  /** What is to be told of the requests with this id, the newest first, as JSON. */
  told(requestId: string): object[] {
    const found = [this.#allowed, this.#refused, this.#strangers].flatMap((ring) => ring.find(requestId));
    found.sort((a, b) => b.endedAt - a.endedAt);
    return found.slice(0, TOLD_MAX).map(explain);
  }
}

function remembered(exchange: Exchange, path: string, endedAt: number): Remembered {
  const { decision, failure } = exchange;
  const denial = decision?.kind === 'denial' ? decision : null;
  const key = decision?.key ?? null;
  return {
    requestId: exchange.requestId,
    outcome: failure !== null ? 'failed' : denial !== null ? 'refused' : 'allowed',
    reason: failure ?? denial?.reason ?? null,
    detail: exchange.complete ? (exchange.detail ?? denial?.detail ?? null) : 'broken off',
    status: exchange.status,
    method: exchange.method,
    path: exchange.url.length < OWN_PATH_FROM ? path : Buffer.from(path).toString(),
    address: exchange.address,
    route: decision?.route?.route.config.id ?? null,
    keyId: key?.keyId ?? null,
    ownerId: key?.owner.id ?? null,
    tier: key?.owner.tier ?? null,
    layer: decision?.source ?? null,
    limits: decision?.limits ?? [],
    retryAfterMs: failure === null ? (denial?.retryAfterMs ?? 0) : 0,
    toldAt: exchange.toldAt,
    receivedAt: exchange.receivedAt,
    decidedAt: exchange.decidedAt,
    answeredAt: exchange.answeredAt,
    endedAt,
    keyMs: exchange.keyMs,
    limitsMs: exchange.limitsMs,
    upstream: exchange.upstream,
    upstreamError: exchange.upstreamError,
    dependencies: exchange.dependencies,
  };
}
