import { Random as Numbers } from '../revocation/random.ts';

/** Random choices of a grammar, the same for the same seed. */
export class Random extends Numbers {
  /** One of `proper`, and once in twenty one of `odd`. */
  usually<T>(proper: readonly T[], odd: readonly T[]): T {
    return this.oneOf(this.chance(0.95) ? proper : odd);
  }

  shuffled<T>(list: readonly T[]): T[] {
    const left = [...list];
    const taken: T[] = [];
    while (left.length > 0) taken.push(...left.splice(this.below(left.length), 1));
    return taken;
  }
}
