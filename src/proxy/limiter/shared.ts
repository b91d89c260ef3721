import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { sameLimits, type LimitOutcome, type NamedLimit } from '../../core/limit.ts';
import { RedisError, type RedisConnection } from '../../runtime/redis/redis.ts';
import type { Timers } from '../../runtime/timers.ts';
import { unavailable } from './apart.ts';
import { Demand } from './demand.ts';
import type { RunningLimiter, Spending } from './limiter.ts';
import { Members } from './members.ts';
import { OwnShelf } from './own-shelf.ts';
import { Purse } from './purse.ts';
import { RedisTimes } from './redis-times.ts';
import { SharedSlots } from './slots/shared-slots.ts';
import { SharedBooks, type LimiterEvents, type WhenDown } from './shared-books.ts';

export interface SharedLimiterOptions {
  readonly algorithm: 'exact' | 'leased';
  readonly whenDown: WhenDown;
  /**
   * Two processes that live at the same time MUST NOT have the same. One that starts under the name of a dead one takes
   * its place; under another name, the place of the dead one is kept for a while. Null: a new name.
   */
  readonly name: string | null;
  readonly redis: RedisConnection;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly events: LimiterEvents;
}

interface Entry {
  readonly purse: Purse;
  readonly owner: string;
  readonly partitions: readonly string[];
  limits: readonly (readonly NamedLimit[])[];
}

/** How many partitions are told of at once when the books must be told of all. */
const TELLING = 16;

/** Limits that all replicas keep together, in Redis. */
export class SharedLimiter implements RunningLimiter {
  readonly algorithm: 'exact' | 'leased';
  readonly slots: SharedSlots;
  readonly #id = randomUUID().slice(0, 13);
  readonly #shared: SharedBooks;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #shelves = new Map<string, OwnShelf>();
  #purses = 0;
  #isStopped = false;

  constructor({ algorithm, whenDown, name, redis, clock, timers, events }: SharedLimiterOptions) {
    this.algorithm = algorithm;
    this.#clock = clock;
    const times = new RedisTimes(() => events.exception('clock_step'));
    const members = new Members({
      id: this.#id,
      name: name ?? this.#id,
      redis,
      times,
      clock,
      timers,
      tell: () => this.#tell(),
      unreported: () => events.exception('unreported'),
    });
    const common = { members, redis, times, clock, timers, events, whenDown };
    this.#shared = new SharedBooks(common);
    this.slots = new SharedSlots({ ...common, id: this.#id, keeps: algorithm === 'leased' });
  }

  /** Joins the others. `limits` are those that are known already. Resolves also where Redis is not there. */
  start(limits: readonly NamedLimit[]): Promise<void> {
    for (const limit of limits) this.#shared.members.meet(limit);
    return this.#shared.members.start();
  }

  take(spendings: readonly Spending[]): LimitOutcome | Promise<LimitOutcome> {
    if (spendings.length === 0) return { allowed: true, states: [] };
    if (this.#isStopped) return unavailable(1000);
    const now = this.#clock.monotonic();
    return this.#entryOf(spendings).purse.take(now);
  }

  sweep(): void {
    this.slots.sweep();
    const now = this.#clock.monotonic();
    const used = new Set<string>();
    for (const [name, { purse, partitions }] of this.#entries) {
      if (purse.isIdle(now)) this.#entries.delete(name);
      else for (const partition of partitions) used.add(partition);
    }
    for (const [partition, shelf] of this.#shelves) {
      if (!used.has(partition) && shelf.isEmpty(now)) this.#shelves.delete(partition);
    }
  }

  async release(owners: ReadonlySet<string>, keys: ReadonlySet<string>): Promise<void> {
    const partitions = new Set(Array.from(keys, (key) => `key:${key}`));
    const touched = [...this.#entries.values()].filter(
      (entry) => owners.has(entry.owner) || entry.partitions.some((partition) => partitions.has(partition)),
    );
    const all = new Set([...owners, ...touched.map(({ owner }) => owner)]);
    await Promise.all([...touched.map(({ purse }) => purse.release()), this.slots.release(all)]);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const purses = Array.from(this.#entries.values(), ({ purse }) => purse.release());
    await Promise.all([...purses, this.slots.stop()]);
    await this.#shared.members.stop();
  }

  /** Partitions remembered. */
  get size(): number {
    return this.#shelves.size;
  }

  #entryOf(spendings: readonly Spending[]): Entry {
    const partitions = spendings.map(({ partition }) => partition);
    const name = partitions.join(' ');
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      const shelves = spendings.map((spending) => this.#shelfOf(spending));
      const id = `${this.#id}.${(++this.#purses).toString(36)}`;
      const purse = new Purse(id, this.#shared, shelves, new Demand(this.algorithm === 'leased'));
      entry = { purse, owner: spendings[0]?.owner ?? '', partitions, limits: [] };
      this.#entries.set(name, entry);
    }
    const { limits } = entry;
    if (!spendings.every((spending, i) => spending.limits === limits[i])) this.#turn(entry, spendings);
    return entry;
  }

  #turn(entry: Entry, spendings: readonly Spending[]): void {
    const before = entry.limits;
    entry.limits = spendings.map(({ limits }) => limits);
    if (entry.limits.every((limits, i) => sameLimits(limits, before[i] ?? []))) return;
    for (const limit of entry.limits.flat()) this.#shared.members.meet(limit);
    entry.purse.turn(entry.limits);
  }

  #shelfOf(spending: Spending): OwnShelf {
    let shelf = this.#shelves.get(spending.partition);
    if (shelf === undefined) {
      shelf = new OwnShelf(spending);
      this.#shelves.set(spending.partition, shelf);
    }
    return shelf;
  }

  /** Puts into the books what they do not know of this process's spending; false where they could not be reached. */
  async #tell(): Promise<boolean> {
    const waiting = [...this.#shelves.values()].filter(
      (shelf) => shelf.suspect || !shelf.isEmpty(this.#clock.monotonic()),
    );
    const tellers = Array.from({ length: TELLING }, async () => {
      for (let shelf = waiting.pop(); shelf !== undefined; shelf = waiting.pop()) {
        if (!(await this.#tellOf(shelf))) return false;
      }
      return true;
    });
    return (await Promise.all([...tellers, this.slots.tell()])).every(Boolean);
  }

  async #tellOf(shelf: OwnShelf): Promise<boolean> {
    for (let attempt = 0; attempt < 4; attempt++) {
      try {
        const answer = await this.#shared.ask([shelf], {
          id: `${this.#id}.tell`,
          known: 0,
          spent: [],
          doubt: false,
          now: 0,
          more: 0,
          ahead: 0,
          fair: 0,
          members: 1,
          share: 0,
          lifeMs: 0,
          horizonMs: 0,
        });
        if (answer.kind === 'done') return true;
      } catch (error) {
        if (!(error instanceof RedisError)) throw error;
        return false;
      }
    }
    return false;
  }
}
