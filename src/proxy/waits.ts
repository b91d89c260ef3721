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
  readonly trace?: StepTrace | null;
}

/** Instants are monotonic. */
export interface StepTrace {
  begin(step: Step, at: number): { readonly traceparent: string; end(at: number): void };
}

const SUMS = {
  recall: 'keyMs',
  ask: 'keyMs',
  slots: 'limitsMs',
  limits: 'limitsMs',
} as const satisfies Record<Step, keyof Waits>;

export interface Wait {
  /** Whose child it is that others do meanwhile; null: of nobody who is traced. */
  readonly traceparent: string | null;
  /** Notes the time since it began. */
  over(): void;
}

export function waitFor(step: Step, waits: Waits, clock: Clock): Wait {
  const since = clock.monotonic();
  const span = waits.trace?.begin(step, since) ?? null;
  return {
    traceparent: span === null ? null : span.traceparent,
    over() {
      const now = clock.monotonic();
      waits[SUMS[step]] += now - since;
      span?.end(now);
    },
  };
}
