/** What is asked of a generator of load. */
export interface Attempt {
  readonly origin: string;
  readonly path: string;
  readonly key: string;
  /** Beside the key. */
  readonly headers: Readonly<Record<string, string>>;
  readonly seconds: number;
  /** Requests a second over all connections; null: as many as there is time for. */
  readonly perSecond: number | null;
}

/** What it found. */
export interface Loaded {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers with a status from 400 on. */
  readonly refused: number;
  /** Requests without an answer. */
  readonly failed: number;
}

/** Collects times and makes a result of them. */
export class Times {
  readonly #ms: number[] = [];
  refused = 0;
  failed = 0;

  add(ms: number): void {
    this.#ms.push(ms);
  }

  after(seconds: number): Loaded {
    const sorted = Float64Array.from(this.#ms).sort();
    const at = (part: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
    const { refused, failed } = this;
    return { requests: sorted.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99), refused, failed };
  }
}
