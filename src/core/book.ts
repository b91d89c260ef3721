import type { Limit } from './limit.ts';

/**
 * A book remembers when the units spent from one limit become free again.
 *
 * "100/minute" promises at most 100 acceptances in ANY 60 s, so a unit spent at t is free at t + window and not
 * before. Limits of up to 256 are kept unit by unit. A larger one would cost too much memory, so what is spent within
 * 1/256 of the window shares one entry, which is free with the last of it: late by less than 1/256 of the window, never
 * early. A book that keeps its limit holds no more than 257 entries.
 *
 * Time is passed in and never goes back: a smaller `now` than an earlier one is read as that earlier one.
 */
const EXACT_UP_TO = 256;
const ENTRIES = 256;

export class Book {
  #limit: Limit;
  /** For how long after its first unit an entry takes more. */
  #sharedMs: number;
  #latest = Number.NEGATIVE_INFINITY;
  #used = 0;
  /** Ascending instants at which units become free, and how many; the live ones start at `#head`. */
  #ends: number[] = [];
  #units: number[] = [];
  #head = 0;
  /** When the first unit of the last entry was spent. */
  #lastBegan = Number.NEGATIVE_INFINITY;

  constructor(limit: Limit) {
    this.#limit = limit;
    this.#sharedMs = sharedMsOf(limit);
  }

  get limit(): Limit {
    return this.#limit;
  }

  /** Units free at `now`. Below zero never: a limit lowered under what is spent has none. */
  free(now: number): number {
    this.#advance(now);
    return Math.max(0, this.#limit.quota - this.#used);
  }

  /** Books `units` as spent at `now`. The caller MUST have asked `free` in the same tick. */
  spend(now: number, units = 1): void {
    this.#advance(now);
    const end = this.#latest + this.#limit.windowMs;
    const last = this.#ends.length - 1;
    const shares = this.#latest - this.#lastBegan < this.#sharedMs || this.#ends[last] === end;
    if (last >= this.#head && shares) {
      this.#ends[last] = end;
      this.#units[last] = (this.#units[last] ?? 0) + units;
    } else {
      this.#ends.push(end);
      this.#units.push(units);
      this.#lastBegan = this.#latest;
    }
    this.#used += units;
  }

  /** Milliseconds from `now` until `units` are free if nobody spends; 0 when they are. Infinity when the quota is smaller. */
  freeAfter(now: number, units = 1): number {
    this.#advance(now);
    if (units > this.#limit.quota) return Number.POSITIVE_INFINITY;
    let missing = units - (this.#limit.quota - this.#used);
    for (let i = this.#head; missing > 0; i++) {
      missing -= this.#units[i] ?? 0;
      if (missing <= 0) return (this.#ends[i] ?? 0) - this.#latest;
    }
    return 0;
  }

  /** Milliseconds from `now` until the earliest spent unit is free; 0 when none is spent. */
  earliestFreeAfter(now: number): number {
    this.#advance(now);
    return this.#used === 0 ? 0 : (this.#ends[this.#head] ?? 0) - this.#latest;
  }

  isEmpty(now: number): boolean {
    this.#advance(now);
    return this.#used === 0;
  }

  /** Units spent and not yet free at `now`. */
  used(now: number): number {
    this.#advance(now);
    return this.#used;
  }

  /** Units spent by `now` and not yet free `afterMs` later, if nobody spends. */
  usedAfter(now: number, afterMs: number): number {
    this.#advance(now);
    let used = this.#used;
    const at = this.#latest + afterMs;
    for (let i = this.#head; i < this.#ends.length && (this.#ends[i] ?? 0) <= at; i++) {
      used -= this.#units[i] ?? 0;
    }
    return used;
  }

  /** Milliseconds from `now` until fewer than `units` are spent, if nobody spends; Infinity for 0 units. */
  belowAfter(now: number, units: number): number {
    this.#advance(now);
    if (units <= 0) return Number.POSITIVE_INFINITY;
    let over = this.#used - units + 1;
    for (let i = this.#head; over > 0; i++) {
      over -= this.#units[i] ?? 0;
      if (over <= 0) return (this.#ends[i] ?? 0) - this.#latest;
    }
    return 0;
  }

  /** What is spent at `now`: for how long yet, and how many units. */
  left(now: number): { readonly leftMs: number; readonly units: number }[] {
    this.#advance(now);
    const left: { leftMs: number; units: number }[] = [];
    for (let i = this.#head; i < this.#ends.length; i++) {
      left.push({ leftMs: (this.#ends[i] ?? 0) - this.#latest, units: this.#units[i] ?? 0 });
    }
    return left;
  }

  /** A changed number over the same window: what the window has spent stays counted. */
  resize(limit: Limit): void {
    if (limit.windowMs !== this.#limit.windowMs) throw new RangeError('a book keeps its window');
    this.#limit = limit;
    this.#sharedMs = sharedMsOf(limit);
  }

  #advance(now: number): void {
    if (now > this.#latest) this.#latest = now;
    let head = this.#head;
    while (head < this.#ends.length && (this.#ends[head] ?? 0) <= this.#latest) {
      this.#used -= this.#units[head] ?? 0;
      head++;
    }
    this.#head = head;
    // More dead than live entries: cut them off, so that a book costs what it holds and each entry is moved once.
    if (head > this.#ends.length - head) {
      this.#ends.splice(0, head);
      this.#units.splice(0, head);
      this.#head = 0;
    }
  }
}

/**
 * Books for changed limits. The same window keeps its book under the new number. A new window starts with the
 * most that any old book knows, booked as now: late at worst, never over.
 */
export function rebook(old: readonly Book[], limits: readonly Limit[], now: number): Book[] {
  const used = Math.max(0, ...old.map((book) => book.used(now)));
  return limits.map((limit) => {
    const kept = old.find((book) => book.limit.windowMs === limit.windowMs);
    if (kept !== undefined) {
      kept.resize(limit);
      return kept;
    }
    const book = new Book(limit);
    if (used > 0) book.spend(now, used);
    return book;
  });
}

function sharedMsOf({ quota, windowMs }: Limit): number {
  return quota <= EXACT_UP_TO ? 0 : windowMs / ENTRIES;
}
