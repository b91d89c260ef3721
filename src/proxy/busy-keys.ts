import type { Metrics } from '../runtime/metrics.ts';

/** A key with a series of its own. */
interface Seat {
  readonly series: { inc(): void };
  recent: number;
}

/** So many keys wait for a seat for each that there is; who comes beyond them is looked at after the next sweep. */
const WAITING_PER_SEAT = 10;

/**
 * Requests by key, for as many keys as the configuration allows and no more: those that have had most of late. The
 * first keys take the seats. At each sweep a key that has had more requests since the last one than one with a seat
 * takes its place, whose series goes. The requests of all others are counted together.
 */
export class BusyKeys {
  readonly #metrics: Metrics;
  #most = 0;
  readonly #seats = new Map<string, Seat>();
  /** Keys without a seat, by their requests since the last sweep. */
  readonly #waiting = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** So many seats there are from now on; 0: nothing is counted by key. */
  adopt(most: number): void {
    this.#most = most;
    for (const [keyId] of this.#seated()) {
      if (this.#seats.size <= most) break;
      this.#clear(keyId);
    }
  }

  count(keyId: string): void {
    if (this.#most === 0) return;
    const seat = this.#seats.get(keyId) ?? (this.#seats.size < this.#most ? this.#take(keyId) : null);
    if (seat !== null) {
      seat.series.inc();
      seat.recent++;
      return;
    }
    this.#metrics.otherKeyRequests.inc();
    const before = this.#waiting.get(keyId);
    if (before !== undefined) this.#waiting.set(keyId, before + 1);
    else if (this.#waiting.size < this.#most * WAITING_PER_SEAT) this.#waiting.set(keyId, 1);
  }

  sweep(): void {
    const waiting = [...this.#waiting].sort(([, a], [, b]) => b - a);
    for (const [i, [keyId, { recent }]] of this.#seated().entries()) {
      const [next, count] = waiting[i] ?? ['', 0];
      if (count <= recent) break;
      this.#clear(keyId);
      this.#take(next);
    }
    this.#waiting.clear();
    for (const seat of this.#seats.values()) seat.recent = 0;
  }

  /** Those with the fewest requests of late first. */
  #seated(): [string, Seat][] {
    return [...this.#seats].sort(([, a], [, b]) => a.recent - b.recent);
  }

  #take(keyId: string): Seat {
    const seat = { series: this.#metrics.keyRequests.labels(keyId), recent: 0 };
    this.#metrics.keyRequests.labels(keyId).inc(0);
    this.#seats.set(keyId, seat);
    return seat;
  }

  #clear(keyId: string): void {
    this.#seats.delete(keyId);
    this.#metrics.keyRequests.remove(keyId);
  }
}
