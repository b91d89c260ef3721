/** Steps to a doubling: a step is 9 % wide. */
const STEPS = 8;
/** Up to a minute, counted from a microsecond. */
const SIZE = 26 * STEPS;

/** How long many things took, in as much memory as one, to the nearest 9 %. */
export class Durations {
  readonly #counts = new Uint32Array(SIZE);
  #total = 0;

  add(ms: number): void {
    const step = Math.floor(Math.log2(Math.max(ms * 1000, 1)) * STEPS);
    const i = Math.min(step, SIZE - 1);
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    this.#total += 1;
  }

  /** What the given share took at most, in milliseconds; null where there was nothing. */
  quantile(share: number): number | null {
    if (this.#total === 0) return null;
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    let i = 0;
    while (i < SIZE - 1 && (seen += this.#counts[i] ?? 0) < wanted) i++;
    return Math.round(2 ** ((i + 1) / STEPS)) / 1000;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}
