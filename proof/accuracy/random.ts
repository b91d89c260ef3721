/** The same seed, the same numbers (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, without, 1. */
  part(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  chance(probability: number): boolean {
    return this.part() < probability;
  }

  /** The time until the next of events that come at random, so many a second on average (a Poisson process). */
  pauseMs(perSecond: number): number {
    return (-Math.log(1 - this.part()) / perSecond) * 1000;
  }

  /** A place of the list, as likely as its weight says; weights may be 0, not all of them. */
  placeOf(weights: readonly number[]): number {
    let left = this.part() * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [i, weight] of weights.entries()) {
      left -= weight;
      if (left < 0) return i;
    }
    return weights.findLastIndex((weight) => weight > 0);
  }
}
