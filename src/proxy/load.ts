export interface LoadBounds {
  readonly inFlight: number;
  readonly loopDelayMs: number;
}

const TICK_MS = 100;

/**
 * How much this process has to do. What is beyond its bounds is refused at once, so that the rest is served in time.
 * A delay counts when two ticks in a row were late: one alone may be a pause of the whole machine, which is over.
 */
export class Load {
  #bounds: LoadBounds;
  readonly #monotonic: () => number;
  readonly #ticking: NodeJS.Timeout;
  #underWay = 0;
  #tickedAt: number;
  #wasLate = false;
  #isLate = false;

  /** `monotonic` MUST be a clock of the machine's own: it measures how late the process is. */
  constructor(bounds: LoadBounds, monotonic: () => number) {
    this.#bounds = bounds;
    this.#monotonic = monotonic;
    this.#tickedAt = monotonic();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  adopt(bounds: LoadBounds): void {
    this.#bounds = bounds;
  }

  begin(): void {
    this.#underWay++;
  }

  end(): void {
    this.#underWay--;
  }

  /** What the request that has begun last is refused for; null where it may go on. */
  excess(): 'requests' | 'delay' | null {
    if (this.#underWay > this.#bounds.inFlight) return 'requests';
    return this.#isLate ? 'delay' : null;
  }

  close(): void {
    clearInterval(this.#ticking);
  }

  #tick(): void {
    const now = this.#monotonic();
    const isLate = now - this.#tickedAt - TICK_MS > this.#bounds.loopDelayMs;
    this.#isLate = isLate && this.#wasLate;
    this.#wasLate = isLate;
    this.#tickedAt = now;
  }
}
