/** One acceptance: a unit was spent at some moment between the two, which are inclusive and by one clock. */
export interface Acceptance {
  readonly arrivedAt: number;
  readonly handedOverAt: number;
}

/** The fullest window there was; `from` and `to` are its first arrival and its last hand-over. */
export interface FullestWindow {
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Looks at every window, wherever it begins. Acceptances count into the same one where all of them arrived after some
 * `a` and were all handed over before some `b` with b - a shorter than `windowMs`. For a limit of N a count of more
 * than N is a violation whatever the moments in between were; what only may have been one is not counted.
 */
export function fullestWindow(acceptances: readonly Acceptance[], windowMs: number): FullestWindow {
  const byArrival = acceptances.toSorted((a, b) => b.arrivedAt - a.arrivedAt);
  const handOvers = acceptances.map(({ handedOverAt }) => handedOverAt).toSorted((a, b) => a - b);
  const later = new Counts(handOvers.length);
  let fullest: FullestWindow = { count: 0, from: 0, to: 0 };
  // From the last arrival to the first: what is in `later` arrived no earlier than the window begins.
  for (let i = 0; i < byArrival.length;) {
    const from = byArrival[i]?.arrivedAt ?? 0;
    for (; byArrival[i]?.arrivedAt === from; i++) {
      later.add(rankBelow(handOvers, byArrival[i]?.handedOverAt ?? 0));
    }
    const end = rankBelow(handOvers, from + windowMs);
    const count = later.below(end);
    if (count > fullest.count) fullest = { count, from, to: handOvers[later.lastBelow(end)] ?? from };
  }
  return fullest;
}

/** How many of the ascending values are less than `value`. */
function rankBelow(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many were added at each place, with sums over the first places in logarithmic time (a Fenwick tree). */
class Counts {
  readonly #sums: Uint32Array;

  constructor(places: number) {
    this.#sums = new Uint32Array(places + 1);
  }

  add(place: number): void {
    for (let i = place + 1; i < this.#sums.length; i += i & -i) this.#sums[i] = (this.#sums[i] ?? 0) + 1;
  }

  /** How many were added at places less than `end`. */
  below(end: number): number {
    let sum = 0;
    for (let i = end; i > 0; i -= i & -i) sum += this.#sums[i] ?? 0;
    return sum;
  }

  /** The last place less than `end` that has any. The caller MUST have found some below `end`. */
  lastBelow(end: number): number {
    const all = this.below(end);
    let low = 0;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.below(middle) < all) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
