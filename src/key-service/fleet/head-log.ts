import { CHANGES_KEPT_MS } from '../store/store.ts';

/** Numbers noted within so short a time share a step. */
const GRAIN_MS = 100;

interface Step {
  number: number;
  at: number;
  readonly firstAt: number;
}

/**
 * Since when a number that rises is known to have been at least so high. It may say a later moment than the true one,
 * never an earlier. What was noted of another scope, or before the number fell, counts no longer.
 */
export class HeadLog {
  #scope: string | null = null;
  readonly #steps: Step[] = [];

  note(scope: string, number: number, at: number): void {
    const before = this.#steps.at(-1);
    if (scope !== this.#scope || (before !== undefined && number < before.number)) this.forget();
    this.#scope = scope;
    const last = this.#steps.at(-1);
    if (last === undefined || (number > last.number && at - last.firstAt >= GRAIN_MS)) {
      this.#steps.push({ number, at, firstAt: at });
    } else if (number > last.number) {
      last.number = number;
      last.at = at;
    }
    while ((this.#steps[1]?.at ?? Infinity) < at - CHANGES_KEPT_MS) this.#steps.shift();
  }

  /** Null where it is not known to be so high. */
  since(scope: string, number: number): number | null {
    if (scope !== this.#scope) return null;
    return this.#steps.find((step) => step.number >= number)?.at ?? null;
  }

  forget(): void {
    this.#scope = null;
    this.#steps.length = 0;
  }
}
