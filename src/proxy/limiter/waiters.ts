import type { LimitOutcome } from '../../core/limit.ts';

interface Waiter {
  readonly since: number;
  readonly resolve: (outcome: LimitOutcome) => void;
  readonly reject: (error: unknown) => void;
}

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
