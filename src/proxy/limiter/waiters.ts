import type { LimitOutcome } from '../../core/limit.ts';

interface Waiter {
  readonly since: number;
  readonly resolve: (outcome: LimitOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** How long a request may wait for a call to be made again, and how often it is made. */
const PATIENCE_MS = 120;
export const ATTEMPTS = 4;

/** Requests that wait for a decision, in the order in which they came. */
export class Waiters {
  readonly #waiters: Waiter[] = [];

  get count(): number {
    return this.#waiters.length;
  }

  /** When the first of them came; null: nobody waits. */
  get since(): number | null {
    return this.#waiters[0]?.since ?? null;
  }

  /** Whether the first of them may wait for one more attempt. */
  mayWait(now: number, attempts: number): boolean {
    return now - (this.since ?? now) < PATIENCE_MS && attempts + 1 < ATTEMPTS;
  }

  join(now: number): Promise<LimitOutcome> {
    return new Promise((resolve, reject) => void this.#waiters.push({ since: now, resolve, reject }));
  }

  /** Answers the first of them, or all; an outcome is made for each. */
  answer(outcome: () => LimitOutcome, count = this.#waiters.length): void {
    for (const { resolve } of this.#waiters.splice(0, count)) resolve(outcome());
  }

  reject(error: unknown): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}

/** How late a busy process may be with telling of a lease that has ended; it is asked for that often meanwhile. */
const LATE_MS = [10, 20, 40, 80, 100];

/** Before a first refusal: what others hold on lease may come back, at its end or when they have told of it. */
export class Patience {
  #hasWaited = false;
  #asked = 0;

  /** How long to wait now; null: not any longer. */
  next(
    { openMs, isLate }: { readonly openMs: number | null; readonly isLate: boolean },
    lifeMs: number,
  ): number | null {
    if (isLate && this.#asked < LATE_MS.length) return LATE_MS[this.#asked++] ?? null;
    if (openMs === null || this.#hasWaited) return null;
    this.#hasWaited = true;
    return Math.min(openMs, lifeMs) + 2;
  }

  end(): void {
    this.#hasWaited = false;
    this.#asked = 0;
  }
}
