import type { Between, Lease } from '../../core/lease.ts';
import type { LimitOutcome, LimitState, NamedLimit } from '../../core/limit.ts';
import type { OwnShelf } from './own-shelf.ts';
import type { Stand } from './redis-books.ts';
import { TICKS_PER_MS } from './redis-times.ts';

/** Where the books cannot say when a unit will be free. */
const RETRY_MS = 1000;
const NOTHING: Stand = { free: 0, firstFreeMs: 0, waitMs: null };

interface Place {
  readonly shelf: OwnShelf;
  readonly limit: NamedLimit;
  readonly stand: Stand;
  /** What this process had spent of it when the call was answered. */
  readonly spent: number;
}

/** A purse's limits as the books had them at its last call, less what this process has spent since. */
export class Standing {
  readonly #places: readonly Place[];
  /** When the books were asked, by their clock. */
  readonly #at: number;
  /** From there until one unit of every limit is free. */
  readonly #waitMs: number;

  /** `accepted` units of each were spent by the call itself. */
  constructor(shelves: readonly OwnShelf[], stands: readonly Stand[], at: number, accepted: number) {
    this.#places = shelves
      .flatMap((shelf) => shelf.limits.map((limit) => ({ shelf, limit, spent: shelf.spentEver + accepted })))
      .map((place, i) => ({ ...place, stand: stands[i] ?? NOTHING }));
    this.#at = at;
    this.#waitMs = Math.max(0, ...stands.map(({ free, waitMs }) => (free > 0 ? 0 : (waitMs ?? RETRY_MS))));
  }

  /** Units free of every limit, as far as the last call tells. */
  get free(): number {
    return Math.min(...this.#places.map(freeOf));
  }

  /**
   * Whether a limit is spent, and nothing has changed since for any of them: no unit can have come free. What is told
   * of limits that are not spent is not older than `lifeMs`.
   */
  isSpent({ latest }: Between, lifeMs: number): boolean {
    if (this.#waitMs === 0) return false;
    const holdsMs = this.#places.map(({ stand: { free, firstFreeMs, waitMs } }) => {
      if (free <= 0) return waitMs ?? RETRY_MS;
      return firstFreeMs === 0 ? lifeMs : Math.min(lifeMs, firstFreeMs);
    });
    return latest < this.#at + Math.min(...holdsMs) * TICKS_PER_MS;
  }

  accept(now: Between, lease: Lease | null): LimitOutcome {
    return { allowed: true, states: this.#states(now, lease) };
  }

  refuse(now: Between, lease: Lease | null): LimitOutcome {
    const retryAfterMs = Math.max(lease?.nextInMs(now) ?? this.#leftOf(this.#waitMs, now), 0.001);
    const states = this.#states(now, lease).map((state) =>
      state.remaining === 0 ? { ...state, resetAfterMs: Math.min(state.resetAfterMs, retryAfterMs) } : state,
    );
    return { allowed: false, states, retryAfterMs };
  }

  /** What is left of a time since the books were asked, at the most. */
  #leftOf(ms: number, { earliest }: Between): number {
    return Math.max(0, ms - Math.max(0, earliest - this.#at) / TICKS_PER_MS);
  }

  #states(now: Between, lease: Lease | null): LimitState[] {
    const leaseMs = lease === null || lease.held === 0 ? Number.POSITIVE_INFINITY : lease.endsInMs(now);
    return this.#places.map((place) => {
      const { limit, stand } = place;
      const remaining = Math.max(0, freeOf(place));
      if (remaining > 0) return { limit, remaining, resetAfterMs: this.#leftOf(stand.firstFreeMs, now) };
      const soonestMs = stand.free > 0 ? stand.firstFreeMs : (stand.waitMs ?? RETRY_MS);
      return { limit, remaining, resetAfterMs: Math.min(this.#leftOf(soonestMs, now), leaseMs) };
    });
  }
}

function freeOf({ shelf, stand, spent }: Place): number {
  return stand.free - Math.max(0, shelf.spentEver - spent);
}
