interface Entry<T> {
  value: T;
  /** The call that brings it has begun: from here on it may be seen. */
  readonly from: number;
  /** Whoever begins from here on sees it, or what came after it. */
  settledAt: number;
}

/** A change that has been asked for. */
export interface Pending<T> {
  /** What it turned out to be. */
  become(value: T): void;
  /** From this instant on nobody who begins may see what was before. An earlier instant wins. */
  settle(at: number): void;
}

/** How long what is past may still matter to a request under way. */
const KEPT_MS = 60_000;

/**
 * Something that changes over time and is learnt of with a delay. What was true is an interval, not an instant:
 * between the call and its settling an observer may see either.
 */
export class Fact<T> {
  #entries: Entry<T>[];

  constructor(initial: T) {
    this.#entries = [{ value: initial, from: -Infinity, settledAt: -Infinity }];
  }

  /** What the latest change says, settled or not. */
  get latest(): T {
    return (this.#entries.at(-1) as Entry<T>).value;
  }

  change(value: T, from: number): Pending<T> {
    const entry: Entry<T> = { value, from, settledAt: Infinity };
    const old = this.#baseAt(from - KEPT_MS);
    this.#entries = [...this.#entries.slice(old), entry];
    return {
      become: (turnedOut) => {
        entry.value = turnedOut;
      },
      settle: (at) => {
        entry.settledAt = Math.min(entry.settledAt, at);
      },
    };
  }

  /** Every value that who began and ended at these instants may have seen. */
  possible(begunAt: number, endedAt: number): T[] {
    return this.#entries
      .slice(this.#baseAt(begunAt))
      .filter(({ from }) => from <= endedAt)
      .map(({ value }) => value);
  }

  /** For the trace of a violation; instants relative to `zero`. */
  describe(zero: number): string {
    const second = (at: number): string => (Number.isFinite(at) ? ((at - zero) / 1000).toFixed(3) : '-');
    return this.#entries
      .map(
        ({ value, from, settledAt }) => `${String(value)} from ${second(from)} surely ${second(settledAt)}`,
      )
      .join(', ');
  }

  /** The last entry that was settled by then. */
  #baseAt(at: number): number {
    return Math.max(
      this.#entries.findLastIndex(({ settledAt }) => settledAt <= at),
      0,
    );
  }
}
