import type { Between, Lease } from '../../core/lease.ts';
import type { Limit } from '../../core/limit.ts';
import type { SharedBooks } from './shared-books.ts';

/** The lease that a purse has, and the one before it that the books have not heard the end of. */
export class HeldLease {
  readonly #shared: SharedBooks;
  readonly #isOver: () => void;
  #lease: Lease | null = null;
  #ended: Lease | null = null;
  #cancel: (() => void) | null = null;

  /** `isOver` hears when the time of a lease that is still held is over. */
  constructor(shared: SharedBooks, isOver: () => void) {
    this.#shared = shared;
    this.#isOver = isOver;
  }

  get lease(): Lease | null {
    return this.#lease;
  }

  /** To be reported by the next call. */
  get ended(): Lease | null {
    return this.#ended;
  }

  get isEmpty(): boolean {
    return this.#lease === null && this.#ended === null;
  }

  /** Whether there are units that may be spent now or later. `time` is that of the books, here as elsewhere. */
  hasUnits(time: Between): boolean {
    return this.#lease !== null && this.#lease.nextInMs(time) !== null;
  }

  begin(lease: Lease, time: Between): void {
    this.#lease = lease;
    this.#shared.events.leased(lease.held);
    this.#cancel = this.#shared.timers.after(lease.endsInMs(time) + 1, () => {
      if (this.#lease === lease) this.#isOver();
    });
  }

  /** Spends a unit; false where there is none, or where others may keep this member's part for it by now. */
  spend(shortest: Limit, now: number, time: Between): boolean {
    if (this.#lease === null || !this.#shared.members.mayLease(shortest, now)) return false;
    if (!this.#lease.spend(time)) return false;
    this.#shared.events.leased(-1);
    return true;
  }

  end(): void {
    if (this.#lease === null) return;
    this.#cancel?.();
    this.#shared.events.leased(-this.#lease.held);
    this.#ended = this.#lease;
    this.#lease = null;
  }

  reported(): void {
    this.#ended = null;
  }

  /** What was leased from books that are lost is worth nothing. */
  forget(): void {
    this.end();
    this.#ended = null;
  }
}
