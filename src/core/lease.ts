/**
 * Units that a replica may spend in its own memory for a while. They came with a call to a clock elsewhere, so all
 * that is known of that clock is that the call was answered between two readings of our own. Durations are stretched
 * by how far the rates of two clocks may differ; offsets have no effect.
 */
export const CLOCK_RATES = 1.1;

/** Units that may be spent from `waitMs` after the grant on, for the life of the lease and a quarter of the wait. */
export interface LeasePiece {
  readonly waitMs: number;
  readonly units: number;
}

/** Units spent by a moment: at most `afterMs` after the grant, and at least `agoMs` before the report. */
export interface SpentUnits {
  readonly afterMs: number;
  readonly agoMs: number;
  readonly units: number;
}

interface Piece {
  readonly from: number;
  readonly until: number;
  units: number;
}

/** Spending moments closer than this part of a life are reported as one. */
const GRAINS = 64;

export class Lease {
  readonly #sentAt: number;
  readonly #grainMs: number;
  /** Ascending. */
  readonly #pieces: Piece[];
  readonly #spent: { beganAt: number; at: number; units: number }[] = [];

  /** `sentAt` and `receivedAt`: our own instants before the call and after its answer. */
  constructor(pieces: readonly LeasePiece[], lifeMs: number, sentAt: number, receivedAt: number) {
    this.#sentAt = sentAt;
    this.#grainMs = lifeMs / GRAINS;
    this.#pieces = pieces.map(({ waitMs, units }) => ({
      from: waitMs === 0 ? receivedAt : receivedAt + waitMs * CLOCK_RATES,
      until: sentAt + (waitMs * 1.25 + lifeMs) / CLOCK_RATES,
      units,
    }));
  }

  /** Spends a unit, if one may be spent at `now`. */
  spend(now: number): boolean {
    for (const piece of this.#pieces) {
      if (piece.from > now) return false;
      if (piece.units === 0 || piece.until <= now) continue;
      piece.units--;
      const last = this.#spent.at(-1);
      if (last !== undefined && now - last.beganAt < this.#grainMs) {
        last.at = now;
        last.units++;
      } else {
        this.#spent.push({ beganAt: now, at: now, units: 1 });
      }
      return true;
    }
    return false;
  }

  /** When the next unit may be spent, `now` or later; null: none will. */
  nextAt(now: number): number | null {
    for (const { from, until, units } of this.#pieces) {
      if (units > 0 && until > now && until > from) return Math.max(from, now);
    }
    return null;
  }

  /** Units that may be spent at `now` or later. */
  left(now: number): number {
    return this.#pieces.reduce((sum, { until, units }) => sum + (until > now ? units : 0), 0);
  }

  /** Units not spent, whether or not they still may be. */
  get held(): number {
    return this.#pieces.reduce((sum, { units }) => sum + units, 0);
  }

  /** From when on no unit may be spent. */
  get endsAt(): number {
    return Math.max(...this.#pieces.map(({ until }) => until));
  }

  /** What was spent of it, for a report sent at `now` or later. */
  report(now: number): SpentUnits[] {
    return this.#spent.map(({ at, units }) => ({
      afterMs: (at - this.#sentAt) * CLOCK_RATES,
      agoMs: Math.max(0, now - at) / CLOCK_RATES,
      units,
    }));
  }
}

/** For how long a unit on lease may be spent, by the shortest window it counts in. */
export function leaseLifeMs(windowMs: number): number {
  return Math.min(1000, Math.max(20, windowMs / 16));
}
