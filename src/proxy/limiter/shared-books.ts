import type { Clock } from '../../core/clock.ts';
import { RedisError, type RedisConnection } from '../../runtime/redis/redis.ts';
import type { Timers } from '../../runtime/timers.ts';
import type { Members } from './members.ts';
import type { OwnShelf, Telling } from './own-shelf.ts';
import { callBooks, type Call, type Part, type Reply } from './redis-books.ts';
import type { RedisTimes } from './redis-times.ts';

/** What the metrics hear. */
export interface LimiterEvents {
  /** A call to Redis has ended. */
  called(operation: 'take' | 'beat' | 'slots', result: 'ok' | 'error', durationMs: number): void;
  /** Units have come on lease, or gone from it. */
  leased(units: number): void;
  /** Something let requests pass that no book counted in time. */
  exception(kind: 'open' | 'clock_step' | 'unreported'): void;
}

export type WhenDown = 'share' | 'open' | 'closed';

/** How long after it was sent a call may still be done. */
const CALL_MS = 100;

export type Asked = Omit<Call, 'number' | 'run' | 'by' | 'parts'>;

type Answer =
  | { readonly kind: 'done'; readonly number: number; readonly reply: Reply & { readonly kind: 'done' } }
  | { readonly kind: 'moved' | 'late' | 'lost' };

/** The books in Redis as the purses of this process use them. */
export class SharedBooks {
  readonly members: Members;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly events: LimiterEvents;
  readonly whenDown: WhenDown;
  readonly #redis: RedisConnection;
  readonly times: RedisTimes;
  #number = 0;

  constructor(options: {
    readonly members: Members;
    readonly redis: RedisConnection;
    readonly times: RedisTimes;
    readonly clock: Clock;
    readonly timers: Timers;
    readonly events: LimiterEvents;
    readonly whenDown: WhenDown;
  }) {
    this.members = options.members;
    this.clock = options.clock;
    this.timers = options.timers;
    this.events = options.events;
    this.whenDown = options.whenDown;
    this.#redis = options.redis;
    this.times = options.times;
  }

  /** How often all that was leased has become worth nothing. */
  get losses(): number {
    return this.times.sets + this.members.moves;
  }

  /** One call on the books of these shelves. It tells them, too, what they do not know. Rejects with a RedisError. */
  async ask(shelves: readonly OwnShelf[], asked: Asked): Promise<Answer> {
    const sentAt = this.clock.monotonic();
    const run = shelves[0]?.run ?? this.members.run ?? '';
    // Where one partition of a request has been seen in another process, the others' books are lost as well.
    for (const shelf of shelves) if (shelf.run !== null && shelf.run !== run) shelf.lost();
    const takes = asked.now + asked.more + asked.ahead > 0;
    // What is told twice counts twice: one call that takes tells, and one that is made to tell does in any case.
    const tellings = new Map<OwnShelf, Telling>();
    for (const shelf of shelves) {
      if (!takes || shelf.tellers === 0) tellings.set(shelf, shelf.toTell(sentAt));
    }
    const number = ++this.#number;
    const parts = shelves.map((shelf) => this.#part(shelf, run, tellings.get(shelf)?.lists ?? null, sentAt));
    const call: Call = { ...asked, number, run, by: this.#by(run, shelves, sentAt, takes), parts };
    for (const shelf of tellings.keys()) shelf.tellers++;
    for (const shelf of shelves) shelf.asked += asked.now;
    try {
      const reply = await callBooks(this.#redis, call, this.members.ride());
      this.events.called('take', 'ok', this.clock.monotonic() - sentAt);
      return this.#heard(reply, { shelves, tellings, number, sentAt });
    } catch (error) {
      if (error instanceof RedisError) {
        this.events.called('take', 'error', this.clock.monotonic() - sentAt);
      }
      throw error;
    } finally {
      for (const shelf of tellings.keys()) shelf.tellers--;
      for (const shelf of shelves) shelf.asked -= asked.now;
    }
  }

  #part(shelf: OwnShelf, run: string, own: Telling['lists'], now: number): Part {
    return {
      name: shelf.name,
      limits: shelf.limits.map(({ quota, windowMs }) => ({
        quota,
        windowMs,
        reserved: this.members.reserved({ quota, windowMs }, run),
      })),
      expected: shelf.isBooked(now),
      own,
    };
  }

  #by(run: string, shelves: readonly OwnShelf[], sentAt: number, takes: boolean): number {
    const latest = this.times.between(run, sentAt + CALL_MS).latest;
    // What takes nothing from the others needs no view of them.
    if (!takes) return latest;
    const views = shelves.flatMap(({ limits }) => limits.map((limit) => this.members.callBy(run, limit)));
    return Math.min(latest, ...views);
  }

  #heard(
    reply: Reply,
    of: {
      readonly shelves: readonly OwnShelf[];
      readonly tellings: ReadonlyMap<OwnShelf, Telling>;
      readonly number: number;
      readonly sentAt: number;
    },
  ): Answer {
    this.times.hear(reply.run, reply.at, of.sentAt, this.clock.monotonic());
    if (reply.kind === 'moved') {
      this.members.sawRun(reply.run);
      for (const shelf of of.shelves) shelf.lost();
    }
    if (reply.kind === 'lost') {
      for (const shelf of of.shelves) shelf.lost();
    }
    for (const shelf of of.shelves) shelf.run = reply.run;
    if (reply.kind !== 'done') return { kind: reply.kind };
    for (const [shelf, telling] of of.tellings) shelf.booked(telling);
    const { view } = this.members;
    const isOneLate = of.shelves.some(({ limits }) => limits.some((limit) => view?.isOneLate(limit)));
    return { kind: 'done', number: of.number, reply: { ...reply, isLate: reply.isLate || isOneLate } };
  }
}
