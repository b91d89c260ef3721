import { Book } from '../core/book.ts';
import type { Denial } from '../core/decision.ts';
import { REASONS, type Reason } from '../core/reasons.ts';
import type { Limit } from '../core/limit.ts';
import type { RefusedRequest, SuppressedRefusals } from '../core/wire.ts';

/** Rows of refused authentications a gate makes: 20 a second on average, 100 in a burst. */
const ROWS: Limit = { quota: 100, windowMs: 5000 };
/** Rows that wait while nobody takes reports. */
const ROWS_MAX = 1000;
/** Counts by reason, route and address; what comes on top is counted by reason alone. */
const COUNTS_MAX = 300;
/** The address of what is counted by reason alone. */
export const MANY_ADDRESSES = '*';

/** The refused authentications since the last report: rows up to a rate, beyond it counts. */
export class Refusals {
  readonly #book = new Book(ROWS);
  #rows: RefusedRequest[] = [];
  #counts = new Map<string, SuppressedRefusals>();

  /** `monotonic` is the moment on the clock that never goes back. */
  add(row: RefusedRequest, monotonic: number): void {
    if (this.#rows.length < ROWS_MAX && this.#book.free(monotonic) > 0) {
      this.#book.spend(monotonic);
      this.#rows.push(row);
    } else this.#suppress(row);
  }

  get size(): number {
    return this.#rows.length + this.#counts.size;
  }

  /** What has been collected; it starts empty again. */
  take(): {
    readonly refusals: readonly RefusedRequest[];
    readonly suppressed: readonly SuppressedRefusals[];
  } {
    const taken = { refusals: this.#rows, suppressed: [...this.#counts.values()] };
    this.#rows = [];
    this.#counts = new Map();
    return taken;
  }

  #suppress({ reason, route, address, at }: RefusedRequest): void {
    const name = `${reason} ${route ?? ''} ${address}`;
    const fits = this.#counts.has(name) || this.#counts.size < COUNTS_MAX;
    const [counted, place] = fits
      ? [name, { reason, route, address }]
      : [reason, { reason, route: null, address: MANY_ADDRESSES }];
    const before = this.#counts.get(counted);
    this.#counts.set(counted, {
      ...place,
      count: (before?.count ?? 0) + 1,
      firstAt: before?.firstAt ?? at,
      lastAt: at,
    });
  }
}

/** Who is not let in (401, or slowed down after too many tries) or may not do what it asks (403). */
export function isRefusedAuthentication({ reason }: Denial<unknown>): boolean {
  return AUDITED.has(reason);
}

const AUDITED: ReadonlySet<Reason> = new Set(
  (Object.keys(REASONS) as Reason[]).filter(
    (reason) => [401, 403].includes(REASONS[reason].status) || reason === 'auth_throttled',
  ),
);
