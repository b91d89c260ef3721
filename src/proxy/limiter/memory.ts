import { Book, rebook } from '../../core/book.ts';
import type { Clock } from '../../core/clock.ts';
import { sameLimits, type LimitOutcome, type LimitState, type NamedLimit } from '../../core/limit.ts';
import type { RunningLimiter, Spending } from './limiter.ts';
import { MemorySlots } from './slots/memory-slots.ts';

interface Shelf {
  limits: readonly NamedLimit[];
  books: Book[];
}

/** Limits in this process's memory: for one replica. */
export class MemoryLimiter implements RunningLimiter {
  readonly algorithm = 'memory';
  readonly slots = new MemorySlots();
  readonly #clock: Clock;
  readonly #shelves = new Map<string, Shelf>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(spendings: readonly Spending[]): LimitOutcome {
    const now = this.#clock.monotonic();
    const shelves = spendings.map((spending) => this.#shelfOf(spending, now));
    let retryAfterMs = 0;
    for (const { books } of shelves) {
      for (const book of books) retryAfterMs = Math.max(retryAfterMs, book.freeAfter(now));
    }
    if (retryAfterMs > 0) return { allowed: false, states: statesOf(shelves, now), retryAfterMs };
    for (const { books } of shelves) {
      for (const book of books) book.spend(now);
    }
    return { allowed: true, states: statesOf(shelves, now) };
  }

  /** Forgets partitions that have nothing spent; they are as good as new. Called from time to time. */
  sweep(): void {
    const now = this.#clock.monotonic();
    for (const [partition, { books }] of this.#shelves) {
      if (books.every((book) => book.isEmpty(now))) this.#shelves.delete(partition);
    }
  }

  /** Nothing is leased from memory. */
  async release(): Promise<void> {}

  async stop(): Promise<void> {}

  /** Partitions remembered. */
  get size(): number {
    return this.#shelves.size;
  }

  #shelfOf({ partition, limits }: Spending, now: number): Shelf {
    let shelf = this.#shelves.get(partition);
    if (shelf === undefined) {
      shelf = { limits, books: limits.map((limit) => new Book(limit)) };
      this.#shelves.set(partition, shelf);
    } else if (shelf.limits !== limits) {
      if (!sameLimits(shelf.limits, limits)) shelf.books = rebook(shelf.books, limits, now);
      shelf.limits = limits;
    }
    return shelf;
  }
}

function statesOf(shelves: readonly Shelf[], now: number): LimitState[] {
  const states: LimitState[] = [];
  for (const { limits, books } of shelves) {
    for (const [i, limit] of limits.entries()) {
      const book = books[i];
      if (book === undefined) continue;
      const remaining = book.free(now);
      // With nothing left, both headers name the moment at which one unit is free again.
      const resetAfterMs = remaining === 0 ? book.freeAfter(now) : book.earliestFreeAfter(now);
      states.push({ limit, remaining, resetAfterMs });
    }
  }
  return states;
}
