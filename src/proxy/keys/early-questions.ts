import type { Clock } from '../../core/clock.ts';

/** Of a key service that is away: enough to find out that it is back. */
const ASK_AGAIN_MS = 1000;
/** Of one that renews: each key once in `freshFor` where a thousand are in use. */
const IN_A_SECOND = 100;

/**
 * How often keys are asked for that need not be waited for. Where renewals tell of every change there is time, so that
 * asking costs little however many keys are in use; what is not used of a second is saved for a burst.
 */
export class EarlyQuestions {
  readonly #clock: Clock;
  #left = IN_A_SECOND;
  /** Of the latest that was allowed. */
  #at = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to ask now, which counts as asked. `alone`: requests would have to wait soon, so there is no bound. */
  may(state: 'renewed' | 'alone' | 'away'): boolean {
    const now = this.#clock.monotonic();
    const sinceMs = now - this.#at;
    if (state === 'away' && sinceMs < ASK_AGAIN_MS) return false;
    if (state === 'renewed') {
      const left = Math.min(IN_A_SECOND, this.#left + (sinceMs * IN_A_SECOND) / 1000);
      if (left < 1) return false;
      this.#left = left - 1;
    }
    this.#at = now;
    return true;
  }
}
