interface Standing {
  /** Failures since the last answer. */
  failures: number;
  /** How often it was left out since then. */
  ejections: number;
  /** Monotonic. */
  outUntil: number;
}

/** A target that answers nothing so often, though it takes the connection, is left out. */
const FAILURES = 3;
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/**
 * The origins of upstreams and how they do. Those of one route take turns. One that cannot be connected to, or that
 * took three requests in a row and answered none, is left out for a second, then for two and so on up to thirty; the
 * requests themselves show whether it is back. Where all are out, the one whose time ends first is asked.
 */
export class Targets {
  readonly #monotonic: () => number;
  readonly #ejected: (origin: string) => void;
  readonly #standings = new Map<string, Standing>();
  readonly #turns = new WeakMap<readonly string[], number>();

  constructor(monotonic: () => number, ejected: (origin: string) => void = () => undefined) {
    this.#monotonic = monotonic;
    this.#ejected = ejected;
  }

  /** The next of `origins`, MUST be one at least; none of `tried` while there is another. */
  pick(origins: readonly string[], tried: readonly string[] = []): string {
    const [only = ''] = origins;
    if (origins.length === 1) return only;
    const turn = this.#turns.get(origins) ?? 0;
    this.#turns.set(origins, turn + 1);
    const now = this.#monotonic();
    let best = only;
    let bestRank = Infinity;
    for (let i = 0; i < origins.length; i++) {
      const origin = origins[(turn + i) % origins.length] ?? only;
      const outMs = (this.#standings.get(origin)?.outUntil ?? 0) - now;
      const rank = (tried.includes(origin) ? 1e12 : 0) + Math.max(0, outMs);
      if (rank < bestRank) [best, bestRank] = [origin, rank];
    }
    return best;
  }

  /** Those that are none of these any more are forgotten. */
  adopt(origins: ReadonlySet<string>): void {
    for (const origin of this.#standings.keys()) if (!origins.has(origin)) this.#standings.delete(origin);
  }

  answered(origin: string): void {
    // Most have nothing to forget.
    if (this.#standings.size > 0) this.#standings.delete(origin);
  }

  /** `unsent`: not a byte of the request has left, because no connection came about. */
  failed(origin: string, unsent: boolean): void {
    const standing = this.#standings.get(origin) ?? { failures: 0, ejections: 0, outUntil: 0 };
    this.#standings.set(origin, standing);
    standing.failures++;
    const now = this.#monotonic();
    if (now < standing.outUntil || (!unsent && standing.failures < FAILURES)) return;
    standing.outUntil = now + Math.min(LONGEST_MS, FIRST_MS * 2 ** standing.ejections);
    standing.ejections++;
    this.#ejected(origin);
  }
}
