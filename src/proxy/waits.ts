import type { Clock } from '../core/clock.ts';

/**
 * At which of its steps a request may wait for others: Redis or a renewal for what is known of the key (`recall`), the
 * key service (`ask`), concurrency limits (`slots`), limits.
 */
export type Step = 'recall' | 'ask' | 'slots' | 'limits';

/** How long a request has waited for others, at the steps that may ask them; 0 where all was at hand. */
export interface Waits {
  keyMs: number;
  limitsMs: number;
  /** Where the steps are told of, too; absent or null: nowhere. */
  readonly trace?: { step(step: Step, from: number, to: number): void } | null;
}

const SUMS = {
  recall: 'keyMs',
  ask: 'keyMs',
  slots: 'limitsMs',
  limits: 'limitsMs',
} as const satisfies Record<Step, keyof Waits>;

/** Begins to wait. Each call of the answer notes the time since then, or since the call before, as that step's. */
export function waitFor(waits: Waits, clock: Clock): (step: Step) => void {
  let since = clock.monotonic();
  return (step) => {
    const now = clock.monotonic();
    waits[SUMS[step]] += now - since;
    waits.trace?.step(step, since, now);
    since = now;
  };
}
