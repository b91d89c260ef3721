import { Lease, leaseLifeMs, type Between } from '../../core/lease.ts';
import type { Limit, LimitOutcome, NamedLimit } from '../../core/limit.ts';
import { RedisError } from '../../runtime/redis/redis.ts';
import { OwnRule } from './apart.ts';
import type { Demand } from './demand.ts';
import type { OwnShelf } from './own-shelf.ts';
import type { Reply } from './redis-books.ts';
import type { SharedBooks } from './shared-books.ts';
import { HeldLease } from './held-lease.ts';
import { TICKS_PER_MS } from './redis-times.ts';
import { Standing } from './standing.ts';
import { ATTEMPTS, Patience, Waiters } from './waiters.ts';

type Done = Reply & { readonly kind: 'done' };

/** Between two calls for the same requests. */
const PAUSE_MS = 25;
/** From a refusal by the books on, until a member that has lost them has its part. */
const APART_WINDOWS = 3;

/**
 * What this process has of one set of limits: units on lease, what the books said last, and the requests that wait.
 * One call at a time is under way; requests that come meanwhile go with the next one together.
 */
export class Purse {
  readonly #id: string;
  readonly #shared: SharedBooks;
  readonly #shelves: readonly OwnShelf[];
  readonly #demand: Demand;
  readonly #waiters = new Waiters();
  readonly #ownRule: OwnRule;
  #lists: readonly (readonly NamedLimit[])[] = [];
  #limits: readonly NamedLimit[] = [];
  #shortest: Limit = { quota: 0, windowMs: 1000 };
  readonly #held: HeldLease;
  /** How often the books had been lost, or their clock set, when they were asked last. */
  #losses = 0;
  /** The number of the latest call that is known to have been done. */
  #known = 0;
  #doubt = false;
  #standing: Standing | null = null;
  #refusedAt = Number.NEGATIVE_INFINITY;
  readonly #patience = new Patience();
  /** What to do without a request: end the lease, or also draw another. */
  #errand: 'report' | 'draw' | null = null;
  #serving: Promise<void> | null = null;

  constructor(id: string, shared: SharedBooks, shelves: readonly OwnShelf[], demand: Demand) {
    this.#id = id;
    this.#shared = shared;
    this.#shelves = shelves;
    this.#demand = demand;
    this.#ownRule = new OwnRule(shared, shelves);
    this.#held = new HeldLease(shared, () => this.#run('draw'));
  }

  /** What was known under other limits is forgotten. */
  turn(lists: readonly (readonly NamedLimit[])[]): void {
    this.#lists = lists;
    this.#limits = lists.flat();
    this.#shortest = this.#limits.reduce((a, b) => (b.windowMs < a.windowMs ? b : a));
    this.#demand.lifeMs = leaseLifeMs(this.#shortest.windowMs);
    this.#standing = null;
    this.#held.end();
  }

  take(now: number): LimitOutcome | Promise<LimitOutcome> {
    this.#prepare(now);
    this.#demand.count(now);
    if (this.#waiters.count === 0) {
      if (this.#held.spend(this.#shortest, now, this.#time(now))) return this.#acceptLast(now);
      if (this.#isOrdinary(now)) {
        const refused = this.#refuseFromMemory(now);
        if (refused !== null) return refused;
      } else if (this.#shared.members.isApart) {
        return this.#takeApart(now);
      }
    }
    const outcome = this.#waiters.join(now);
    this.#serve();
    return outcome;
  }

  /** Ends the lease; resolves when the books know. */
  async release(): Promise<void> {
    this.#held.end();
    if (this.#held.ended !== null) this.#run('report');
    await this.#serving;
  }

  isIdle(now: number): boolean {
    return (
      this.#serving === null &&
      this.#held.isEmpty &&
      this.#demand.quietMs(now) > Math.max(...this.#limits.map(({ windowMs }) => windowMs))
    );
  }

  /** Other purses of the owner may have seen other limits since, or lost books, and with them the lease. */
  #prepare(now: number): boolean {
    this.#shelves.forEach((shelf, i) => shelf.turn(this.#lists[i] ?? [], now));
    const before = this.#losses;
    this.#losses = this.#shelves.reduce((sum, { losses }) => sum + losses, this.#shared.losses);
    if (this.#losses === before) return false;
    this.#held.forget();
    this.#standing = null;
    return true;
  }

  /** Whether the books are in reach and know all that counts. */
  #isOrdinary(now: number): boolean {
    const { members } = this.#shared;
    return this.#shelves.every(({ limits, run }) =>
      limits.every(
        (limit) => members.isFresh(limit, now) && members.isSettled(run ?? members.run ?? '', limit, now),
      ),
    );
  }

  /** With the last unit of a lease it is told what is left now, and not what was left when it was drawn. */
  #acceptLast(now: number): LimitOutcome | Promise<LimitOutcome> {
    const outcome = this.#acceptLeased(now);
    if (this.#serving === null || this.#hasRefused(now)) return outcome;
    return this.#serving.then(
      () => this.#standing?.accept(this.#time(this.#shared.clock.monotonic()), this.#held.lease) ?? outcome,
    );
  }

  #acceptLeased(now: number): LimitOutcome {
    const { lease } = this.#held;
    for (const shelf of this.#shelves) shelf.spend(now);
    const time = this.#time(now);
    const outcome = this.#standing?.accept(time, lease) ?? { allowed: true, states: [] };
    // The others are told at once that nothing is left of it, and more is drawn where more will be wanted.
    if (lease !== null && !this.#held.hasUnits(time)) this.#run('draw');
    return outcome;
  }

  /** Before a first refusal the books are asked: another replica may have told the client what is news to this one. */
  #refuseFromMemory(now: number): LimitOutcome | null {
    if (this.#standing === null || !this.#hasRefused(now)) return null;
    const time = this.#time(now);
    if (!this.#held.hasUnits(time) && !this.#standing.isSpent(time, this.#demand.lifeMs)) return null;
    return this.#refuse(now, this.#standing);
  }

  #refuse(now: number, standing: Standing): LimitOutcome {
    this.#refusedAt = now;
    return standing.refuse(this.#time(now), this.#held.lease);
  }

  /** The clock of the books. */
  #time(now: number): Between {
    return this.#shared.times.between(this.#shelves[0]?.run ?? '', now);
  }

  #run(errand: 'report' | 'draw'): void {
    this.#errand = errand;
    this.#serve();
  }

  #serve(): void {
    this.#serving ??= this.#serveAll().finally(() => {
      this.#serving = null;
      if (this.#waiters.count > 0) this.#serve();
    });
  }

  async #serveAll(): Promise<void> {
    try {
      for (let attempts = 0; this.#waiters.count > 0 || this.#errand !== null;) {
        attempts = (await this.#step(attempts)) ? 0 : attempts + 1;
      }
    } catch (error) {
      this.#waiters.reject(error);
      this.#errand = null;
    }
  }

  /** One call, or the answer to all who wait; false where it is to be tried again. */
  async #step(attempts: number): Promise<boolean> {
    const { members } = this.#shared;
    const now = this.#shared.clock.monotonic();
    this.#prepare(now);
    if (attempts >= ATTEMPTS) return this.#giveUp(now);
    if (!this.#limits.every((limit) => members.isFresh(limit, now))) {
      if (members.isApart && attempts > 0) return this.#giveUp(now);
      await members.refresh();
      return false;
    }
    const errand = this.#errand;
    this.#errand = null;
    const isOrdinary = this.#isOrdinary(now);
    const asked = Math.min(this.#waiters.count, isOrdinary ? Infinity : this.#ownRule.room(now));
    if (this.#waiters.count > 0 && asked === 0) {
      // Books that are new are told by all within moments.
      if (this.#waiters.mayWait(now, attempts)) return this.#pause(PAUSE_MS);
      this.#waiters.answer(() => this.#refuseApart(now));
      return true;
    }
    if (asked === 0 && this.#held.hasUnits(this.#time(now)) && errand === 'draw') return true;
    return this.#call(asked, isOrdinary && errand !== 'report', attempts);
  }

  async #call(asked: number, mayLease: boolean, attempts: number): Promise<boolean> {
    const { clock, members } = this.#shared;
    const sentAt = clock.monotonic();
    this.#held.end();
    const order = this.#demand.order(asked, mayLease, {
      now: sentAt,
      limits: this.#limits,
      members: members.count,
      hasRefused: this.#hasRefused(sentAt),
    });
    if (asked + order.more + order.ahead === 0 && this.#held.ended === null && !this.#doubt) return true;
    try {
      const reply = await this.#shared.ask(this.#shelves, {
        ...order,
        id: this.#id,
        known: this.#known,
        spent: this.#held.ended?.report() ?? [],
        doubt: this.#doubt,
        now: asked,
      });
      if (reply.kind === 'late') await members.refresh();
      // What came from books that were lost meanwhile is in none.
      if (reply.kind !== 'done' || this.#prepare(clock.monotonic())) return false;
      this.#took(reply.reply, reply.number);
      await this.#distribute(reply.reply);
      return true;
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      if (error.kind === 'unknown') this.#doubt = true;
      return this.#failed(attempts);
    }
  }

  #took(reply: Done, number: number): void {
    const now = this.#shared.clock.monotonic();
    this.#known = number;
    this.#doubt = false;
    this.#held.reported();
    this.#standing = new Standing(this.#shelves, reply.stands, reply.at, reply.now);
    if (reply.pieces.length === 0) return;
    this.#held.begin(new Lease(reply.pieces, this.#demand.lifeMs, reply.at, TICKS_PER_MS), this.#time(now));
  }

  async #distribute(reply: Done): Promise<void> {
    const [now, standing] = [this.#shared.clock.monotonic(), this.#standing];
    if (standing === null) return;
    this.#waiters.answer(() => {
      for (const shelf of this.#shelves) shelf.spend(now);
      return standing.accept(this.#time(now), this.#held.lease);
    }, reply.now);
    while (this.#waiters.count > 0 && this.#held.spend(this.#shortest, now, this.#time(now)))
      this.#waiters.answer(() => this.#acceptLeased(now), 1);
    const isPatient = this.#waiters.count > 0 && standing.free <= 0 && !this.#hasRefused(now);
    const pauseMs = isPatient ? this.#patience.next(reply, this.#demand.lifeMs) : null;
    if (pauseMs !== null) return void (await this.#pause(pauseMs));
    this.#patience.end();
    if (standing.free <= 0) this.#waiters.answer(() => this.#refuse(now, standing));
  }

  async #failed(attempts: number): Promise<boolean> {
    if (this.#waiters.count === 0) return true;
    const now = this.#shared.clock.monotonic();
    if (this.#waiters.mayWait(now, attempts)) return this.#pause(PAUSE_MS);
    for (const shelf of this.#shelves) shelf.suspect = true;
    this.#shared.members.withdraw();
    return this.#giveUp(now);
  }

  /** False: what was under way is to be tried again. */
  #pause(ms: number): Promise<false> {
    return new Promise((resolve) => void this.#shared.timers.after(ms, () => resolve(false)));
  }

  #giveUp(now: number): true {
    this.#errand = null;
    this.#waiters.answer(() =>
      this.#shared.members.isApart ? this.#takeApart(now) : this.#refuseApart(now),
    );
    return true;
  }

  #takeApart(now: number): LimitOutcome {
    return this.#ownRule.take(now) ?? this.#refuseApart(now);
  }

  #refuseApart(now: number): LimitOutcome {
    const outcome = this.#ownRule.refuse(now, this.#hasRefused(now, APART_WINDOWS));
    if (!outcome.allowed && outcome.unavailable === undefined) this.#refusedAt = now;
    return outcome;
  }

  /** Whether a limit was spent within so many of the longest windows. */
  #hasRefused(now: number, windows = 1): boolean {
    return now - this.#refusedAt <= windows * Math.max(...this.#limits.map(({ windowMs }) => windowMs));
  }
}
