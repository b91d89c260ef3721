import { CLOCK_RATES, type Between } from '../../core/lease.ts';

/** A reading of a Redis clock, in microseconds, made at some moment between two of our own. */
interface Reading {
  readonly at: number;
  readonly sentAt: number;
  readonly receivedAt: number;
}

/** The readings that say most: which is latest at the least, and earliest at the most. */
interface Known {
  readonly lower: Reading;
  readonly upper: Reading;
}

export const TICKS_PER_MS = 1000;
const PROCESSES = 16;

/**
 * Where the clocks of the Redis processes stand, by what their answers tell: between two instants, however the rates of
 * their clocks and ours differ.
 */
export class RedisTimes {
  /** How often a clock was found set. What was reckoned by it before is worth nothing. */
  sets = 0;
  readonly #known = new Map<string, Known>();
  readonly #stepped: (ms: number) => void;

  /** `stepped` hears of each forward step of a Redis clock that no difference of rates explains. */
  constructor(stepped: (ms: number) => void) {
    this.#stepped = stepped;
  }

  hear(run: string, at: number, sentAt: number, receivedAt: number): void {
    const reading: Reading = { at, sentAt, receivedAt };
    const before = this.#known.get(run);
    this.#known.delete(run);
    this.#known.set(run, this.#better(before, reading));
    for (const [oldest] of this.#known) {
      if (this.#known.size > PROCESSES) this.#known.delete(oldest);
    }
  }

  /** A Redis clock at our instant `at`; 0 and 0 where nothing was heard of it. */
  between(run: string, at: number): Between {
    const known = this.#known.get(run);
    if (known === undefined) return { earliest: 0, latest: 0 };
    return { earliest: earliestOf(known.lower, at), latest: latestOf(known.upper, at) };
  }

  #better(before: Known | undefined, reading: Reading): Known {
    const { at, receivedAt } = reading;
    if (before === undefined) return { lower: reading, upper: reading };
    const stepMs = (at - latestOf(before.upper, receivedAt)) / TICKS_PER_MS;
    if (stepMs > 1) this.#stepped(stepMs);
    // A clock that was set: what was known of it before is of no use.
    const wasSet = stepMs > 1 || latestOf(reading, receivedAt) < earliestOf(before.lower, receivedAt);
    if (wasSet) this.sets++;
    if (wasSet) return { lower: reading, upper: reading };
    return {
      lower: earliestOf(before.lower, receivedAt) > at ? before.lower : reading,
      upper: latestOf(before.upper, receivedAt) < latestOf(reading, receivedAt) ? before.upper : reading,
    };
  }
}

function earliestOf({ at, receivedAt }: Reading, local: number): number {
  const sinceMs = local - receivedAt;
  return Math.floor(at + (sinceMs < 0 ? sinceMs * CLOCK_RATES : sinceMs / CLOCK_RATES) * TICKS_PER_MS);
}

function latestOf({ at, sentAt }: Reading, local: number): number {
  const sinceMs = local - sentAt;
  return Math.ceil(at + (sinceMs < 0 ? sinceMs / CLOCK_RATES : sinceMs * CLOCK_RATES) * TICKS_PER_MS);
}
