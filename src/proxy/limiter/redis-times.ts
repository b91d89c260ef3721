import { CLOCK_RATES } from '../../core/lease.ts';

interface Heard {
  /** Redis' time, in microseconds, at some moment between the two of ours. */
  readonly at: number;
  readonly sentAt: number;
  readonly receivedAt: number;
}

/** What is known of the times of the Redis processes, by run id. */
export class RedisTimes {
  readonly #heard = new Map<string, Heard>();
  readonly #stepped: (ms: number) => void;

  /** `stepped` hears of each forward step of a Redis clock that no difference of rates explains. */
  constructor(stepped: (ms: number) => void) {
    this.#stepped = stepped;
  }

  hear(run: string, at: number, sentAt: number, receivedAt: number): void {
    const before = this.#heard.get(run);
    if (before !== undefined) {
      const most = (receivedAt - before.sentAt) * CLOCK_RATES;
      const stepMs = (at - before.at) / 1000 - most;
      if (stepMs > 1) this.#stepped(stepMs);
    }
    this.#heard.delete(run);
    this.#heard.set(run, { at, sentAt, receivedAt });
    for (const [oldest] of this.#heard) {
      if (this.#heard.size > 16) this.#heard.delete(oldest);
    }
  }

  /** Redis' time at our instant `at` at the earliest; 0 where nothing was heard. */
  earliest(run: string, at: number): number {
    const heard = this.#heard.get(run);
    if (heard === undefined) return 0;
    const sinceMs = at - heard.receivedAt;
    return Math.floor(heard.at + (sinceMs < 0 ? sinceMs * CLOCK_RATES : sinceMs / CLOCK_RATES) * 1000);
  }

  /** Redis' time at our instant `at` at the latest; 0 where nothing was heard. */
  latest(run: string, at: number): number {
    const heard = this.#heard.get(run);
    return heard === undefined ? 0 : Math.ceil(heard.at + (at - heard.sentAt) * CLOCK_RATES * 1000);
  }
}
