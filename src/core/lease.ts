/**
 * Units that a replica may spend in its own memory for a while. They are counted by a clock elsewhere, of which the
 * replica knows at each moment between which two instants it stands: the units are spent only while both agree.
 * Instants are of that clock, in its own unit; durations in milliseconds.
 */
export interface LeasePiece {
  readonly waitMs: number;
  readonly units: number;
}

/** What is known of an instant of the other clock. */
export interface Between {
  readonly earliest: number;
  readonly latest: number;
}

/** Units spent at most so long after the grant. */
export interface SpentUnits {
  readonly afterMs: number;
  readonly units: number;
}

/** How far the rates of two clocks may differ. */
export const CLOCK_RATES = 1.1;

interface Piece {
  readonly from: number;
  readonly until: number;
  units: number;
}

/** Spending moments closer than this part of a life are reported as one. */
const GRAINS = 64;

export class Lease {
  readonly #grantedAt: number;
  readonly #ticksPerMs: number;
  readonly #grain: number;
  /** Ascending. */
  readonly #pieces: Piece[];
  readonly #spent: { readonly beganAt: number; at: number; units: number }[] = [];

  /** Units may be spent from `waitMs` after the grant on, for the life of the lease and a quarter of the wait. */
  constructor(pieces: readonly LeasePiece[], lifeMs: number, grantedAt: number, ticksPerMs: number) {
    this.#grantedAt = grantedAt;
    this.#ticksPerMs = ticksPerMs;
    this.#grain = (lifeMs * ticksPerMs) / GRAINS;
    this.#pieces = pieces.map(({ waitMs, units }) => ({
      from: grantedAt + waitMs * ticksPerMs,
      until: grantedAt + (waitMs * 1.25 + lifeMs) * ticksPerMs,
      units,
    }));
  }

  /** Spends a unit, if one may surely be spent. */
  spend({ earliest, latest }: Between): boolean {
    for (const piece of this.#pieces) {
      if (piece.from > earliest) return false;
      if (piece.units === 0 || piece.until <= latest) continue;
      piece.units--;
      const last = this.#spent.at(-1);
      if (last !== undefined && latest - last.beganAt < this.#grain) {
        last.at = Math.max(last.at, latest);
        last.units++;
      } else {
        this.#spent.push({ beganAt: latest, at: latest, units: 1 });
      }
      return true;
    }
    return false;
  }

  /** Until the next unit may be spent, 0: now; null: none will. */
  nextInMs({ earliest, latest }: Between): number | null {
    for (const { from, until, units } of this.#pieces) {
      if (units > 0 && until > latest) return Math.max(0, from - earliest) / this.#ticksPerMs;
    }
    return null;
  }

  /** Until no unit may be spent. */
  endsInMs({ latest }: Between): number {
    return Math.max(0, Math.max(...this.#pieces.map(({ until }) => until)) - latest) / this.#ticksPerMs;
  }

  /** Units not spent, whether or not they still may be. */
  get held(): number {
    return this.#pieces.reduce((sum, { units }) => sum + units, 0);
  }

  /** What was spent of it. */
  report(): SpentUnits[] {
    return this.#spent.map(({ at, units }) => ({
      afterMs: (at - this.#grantedAt) / this.#ticksPerMs,
      units,
    }));
  }
}

/** For how long a unit on lease may be spent, by the shortest window it counts in. */
export function leaseLifeMs(windowMs: number): number {
  return Math.min(1000, Math.max(20, windowMs / 16));
}
