import type { LimitOutcome } from '../../src/core/limit.ts';
import type { Limiter, Spending } from '../../src/proxy/limiter/limiter.ts';
import type { VirtualProcess, VirtualTime } from './virtual-time.ts';
import type { Accepted } from './windows.ts';

export interface VirtualLoadOptions {
  readonly time: VirtualTime;
  readonly spendings: readonly Spending[];
  /** Other sets of limits that requests are in as often, each. */
  readonly others?: readonly (readonly Spending[])[];
  readonly perSecond: number;
  /** What part of the requests each gets. */
  readonly weights: readonly number[];
  readonly random: () => number;
  /** The limiter of each, null where it is dead: what it answers then is seen by nobody. */
  readonly limiterOf: (replica: number) => Limiter | null;
  /** Where requests wait while it is frozen; null: they never do. */
  readonly processOf?: (replica: number) => VirtualProcess | null;
}

/** Requests that come at random moments, until `end`. */
export class VirtualLoad {
  /** `set` is 0 for the spendings of the options, and from 1 on for the others. */
  readonly accepted: (Accepted & { readonly set: number })[] = [];
  /** When each was refused by a limit, and when none could tell. */
  readonly refused: number[] = [];
  readonly unavailable: number[] = [];
  readonly #options: VirtualLoadOptions;
  #isOn = true;

  constructor(options: VirtualLoadOptions) {
    this.#options = options;
    this.#arrive();
  }

  get offered(): number {
    return this.accepted.length + this.refused.length + this.unavailable.length;
  }

  end(): void {
    this.#isOn = false;
  }

  /** What part of the limit was used in a span of time. */
  used(from: number, to: number): number {
    const [limit] = this.#options.spendings[0]?.limits ?? [];
    if (limit === undefined) throw new Error('there is no limit');
    const count = this.accepted.filter(({ arrivedAt }) => arrivedAt > from && arrivedAt <= to).length;
    return count / (((to - from) / limit.windowMs) * limit.quota);
  }

  #arrive(): void {
    if (!this.#isOn) return;
    const { time, random, perSecond } = this.#options;
    this.#request(this.#pick());
    time.at(time.now - (Math.log(1 - random()) * 1000) / perSecond, () => this.#arrive());
  }

  #pick(): number {
    const { weights, random } = this.#options;
    let x = random() * weights.reduce((a, b) => a + b);
    return weights.findIndex((weight) => (x -= weight) < 0);
  }

  #request(replica: number): void {
    const { time, limiterOf, processOf, random, spendings, others = [] } = this.#options;
    const limiter = limiterOf(replica);
    if (limiter === null) return;
    const set = others.length === 0 ? 0 : Math.floor(random() * (others.length + 1));
    const take = async (): Promise<void> => {
      const arrivedAt = time.now;
      const outcome = await limiter.take(others[set - 1] ?? spendings);
      if (limiterOf(replica) === limiter) this.#answered(outcome, arrivedAt, set);
    };
    const process = processOf?.(replica) ?? null;
    if (process === null) void take();
    else process.at(time.now, () => void take());
  }

  #answered(outcome: LimitOutcome, arrivedAt: number, set: number): void {
    const { time } = this.#options;
    if (outcome.allowed) this.accepted.push({ arrivedAt, handedOverAt: time.now, set });
    else (outcome.unavailable === true ? this.unavailable : this.refused).push(time.now);
  }
}

/** The same numbers each time for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
