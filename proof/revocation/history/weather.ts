/** A time in which something a gate needs is away, or the gate itself. */
export interface Spell {
  readonly what: string;
  /** The name of the gate it concerns; null: all of them. */
  readonly gate: string | null;
  /** Whether the key service may have been unable to tell Redis of a change. */
  readonly redis: boolean;
  readonly from: number;
  to: number;
}

/** After a dependency is back it may take the gate this long to notice. */
export const RECOVERY_MS = 4000;
const STALL_EVERY_MS = 50;
/** A pause of this process that long is one of the machine, and then everybody has paused. */
const STALL_MS = 400;

/** What has been disturbed, and when: the only excuse for an answer of 503. */
export class Weather {
  readonly #spells: Spell[] = [];
  readonly #timer: NodeJS.Timeout;
  #lookedAt = performance.now();

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (now - this.#lookedAt > STALL_MS) {
        const spell = { what: 'the machine stalled', gate: null, redis: false };
        this.#spells.push({ ...spell, from: this.#lookedAt, to: now });
      }
      this.#lookedAt = now;
    }, STALL_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The returned function ends it. */
  disturb(what: string, gate: string | null, redis = false): () => void {
    const spell: Spell = { what, gate, redis, from: performance.now(), to: Infinity };
    this.#spells.push(spell);
    return () => {
      spell.to = performance.now();
    };
  }

  /** Whether something this gate needs was away within these instants or shortly before. */
  excuses(gate: string, begunAt: number, endedAt: number): boolean {
    return this.#spells.some(
      (spell) =>
        (spell.gate === null || spell.gate === gate) &&
        spell.from <= endedAt &&
        spell.to + RECOVERY_MS >= begunAt,
    );
  }

  /** Whether the key service could tell Redis of every change within these instants. */
  redisWasThere(from: number, to: number): boolean {
    return !this.#spells.some((spell) => spell.redis && spell.from <= to && spell.to >= from);
  }

  /** The last spells, for the trace of a violation; instants relative to `zero`. */
  describe(zero: number): string[] {
    const second = (at: number): string => ((at - zero) / 1000).toFixed(3);
    return this.#spells
      .slice(-12)
      .map(
        ({ what, gate, from, to }) =>
          `${second(from)} to ${Number.isFinite(to) ? second(to) : 'now'}: ${what}${gate === null ? '' : ` (${gate})`}`,
      );
  }
}
