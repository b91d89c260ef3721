import type { Limit } from '../../core/limit.ts';

/** What to draw beside the units for those who wait. */
export interface Order {
  readonly more: number;
  readonly ahead: number;
  /** Of those ahead, at least so many are this member's, if they are there. */
  readonly fair: number;
  readonly members: number;
  readonly share: number;
  readonly lifeMs: number;
  readonly horizonMs: number;
}

/** Requests in a life of a lease from which on one is drawn: for fewer, units would wait here while others ask. */
const LEASED_FROM = 6;
/**
 * As many within the life under way are not waited for to its end: what is drawn doubles with each call until then. For
 * fewer, units that wait here could be the ones that another replica refuses.
 */
const FAST = 256;
/** How far ahead units are drawn that are not free yet, in lives of a lease. */
const HORIZON_LIVES = 1.7;

/** How fast requests come to a purse: those of the last whole life of a lease, and of the one under way. */
export class Demand {
  lifeMs = 1000;
  readonly #leases: boolean;
  #beganAt = Number.NEGATIVE_INFINITY;
  #lastAt = Number.NEGATIVE_INFINITY;
  #before = 0;
  #current = 0;

  /** Without `leases` no more is drawn than is waited for. */
  constructor(leases: boolean) {
    this.#leases = leases;
  }

  count(now: number): void {
    this.#advance(now);
    this.#current++;
    this.#lastAt = now;
  }

  quietMs(now: number): number {
    return now - this.#lastAt;
  }

  /** Few requests draw nothing beyond themselves. */
  order(
    asked: number,
    mayLease: boolean,
    {
      now,
      limits,
      members,
      hasRefused,
    }: {
      readonly now: number;
      readonly limits: readonly Limit[];
      readonly members: number;
      readonly hasRefused: boolean;
    },
  ): Order {
    this.#advance(now);
    const { lifeMs } = this;
    const horizonMs = HORIZON_LIVES * lifeMs;
    const share = hasRefused ? 0 : 2 * members;
    const begun = this.#current < FAST ? 0 : this.#current;
    const wanted = this.#leases && mayLease ? Math.max(this.#before, begun) : 0;
    if (wanted < LEASED_FROM) return { more: 0, ahead: 0, fair: 0, members, share, lifeMs, horizonMs };
    const fair = Math.min(
      ...limits.map(({ quota, windowMs }) => Math.ceil((quota * horizonMs) / windowMs / members)),
    );
    return {
      more: Math.max(0, wanted - asked),
      ahead: Math.ceil(HORIZON_LIVES * wanted),
      fair,
      members,
      share,
      lifeMs,
      horizonMs,
    };
  }

  #advance(now: number): void {
    const lives = Math.floor((now - this.#beganAt) / this.lifeMs);
    if (lives < 1) return;
    this.#before = lives === 1 ? this.#current : 0;
    this.#current = 0;
    this.#beganAt = Number.isFinite(lives) ? this.#beganAt + lives * this.lifeMs : now;
  }
}
