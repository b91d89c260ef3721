import { CLOCK_RATES, type Lease } from '../../core/lease.ts';
import type { LimitOutcome, LimitState, NamedLimit } from '../../core/limit.ts';
import type { OwnShelf } from './own-shelf.ts';
import type { Stand } from './redis-books.ts';

/** Where the books cannot say when a unit will be free. */
const RETRY_MS = 1000;

/** How many units of the limit at that place this process has spent since the call, whichever set it is in. */
export type SpentSince = (i: number) => number;

/** `promised`: units that the books have counted already and that are spent next. */
export function spentSinceNow(shelves: readonly OwnShelf[], promised: number): SpentSince {
  const ofLimits = shelves.flatMap((shelf) => shelf.limits.map(() => shelf));
  const before = ofLimits.map(({ spentEver }) => spentEver + promised);
  return (i) => Math.max(0, (ofLimits[i]?.spentEver ?? 0) - (before[i] ?? 0));
}

/** A purse's limits as the books had them at its last call. */
export class Standing {
  readonly #limits: readonly NamedLimit[];
  readonly #stands: readonly Stand[];
  readonly #sentAt: number;
  readonly #receivedAt: number;
  readonly #spentSince: SpentSince;

  constructor(
    limits: readonly NamedLimit[],
    stands: readonly Stand[],
    when: { readonly sentAt: number; readonly receivedAt: number; readonly spentSince: SpentSince },
  ) {
    this.#limits = limits;
    this.#stands = stands;
    this.#sentAt = when.sentAt;
    this.#receivedAt = when.receivedAt;
    this.#spentSince = when.spentSince;
  }

  /** Units free of every limit, as far as the last call tells. */
  get free(): number {
    return Math.min(...this.#stands.map(({ free }, i) => free - this.#spentSince(i)));
  }

  /** Until when nobody needs to ask again: no unit comes free before that by any clock. */
  get spentUntil(): number {
    return this.#sentAt + this.#waitMs() / CLOCK_RATES;
  }

  accept(now: number, lease: Lease | null): LimitOutcome {
    return { allowed: true, states: this.#states(now, lease) };
  }

  refuse(now: number, lease: Lease | null): LimitOutcome {
    const states = this.#states(now, lease);
    const nextAt = lease?.nextAt(now) ?? null;
    const waitMs = nextAt === null ? this.#leftOf(this.#waitMs(), now) : nextAt - now;
    const retryAfterMs = Math.max(waitMs, 0.001);
    return {
      allowed: false,
      states: states.map((state) =>
        state.remaining === 0
          ? { ...state, resetAfterMs: Math.min(state.resetAfterMs, retryAfterMs) }
          : state,
      ),
      retryAfterMs,
    };
  }

  /** From the call on, until one unit of every limit is free. */
  #waitMs(): number {
    return Math.max(0, ...this.#stands.map(({ free, waitMs }) => (free > 0 ? 0 : (waitMs ?? RETRY_MS))));
  }

  #leftOf(ms: number, now: number): number {
    return Math.max(0, ms - (now - this.#receivedAt) / CLOCK_RATES);
  }

  #states(now: number, lease: Lease | null): LimitState[] {
    const leaseMs = lease === null || lease.left(now) === 0 ? Number.POSITIVE_INFINITY : lease.endsAt - now;
    return this.#limits.map((limit, i) => {
      const { free, firstFreeMs, waitMs } = this.#stands[i] ?? { free: 0, firstFreeMs: 0, waitMs: null };
      const remaining = Math.max(0, free - this.#spentSince(i));
      if (remaining > 0) return { limit, remaining, resetAfterMs: this.#leftOf(firstFreeMs, now) };
      const soonestMs = free > 0 ? firstFreeMs : (waitMs ?? RETRY_MS);
      return { limit, remaining, resetAfterMs: Math.min(this.#leftOf(soonestMs, now), leaseMs) };
    });
  }
}
