import type { Clock } from '../../../core/clock.ts';
import { RedisError, type RedisConnection } from '../../../runtime/redis/redis.ts';
import type { Timers } from '../../../runtime/timers.ts';
import type { Members } from '../members.ts';
import type { RedisTimes } from '../redis-times.ts';
import type { LimiterEvents, WhenDown } from '../shared-books.ts';
import { OwnerSlots } from './owner-slots.ts';
import { callSlots, type SlotsCall, type SlotsReply } from './slots-call.ts';
import { UNAVAILABLE, type SlotClaim, type SlotOutcome, type Slots } from './slots.ts';

export interface SharedSlotsOptions {
  /** The member's id. */
  readonly id: string;
  readonly members: Members;
  readonly redis: RedisConnection;
  readonly times: RedisTimes;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly events: LimiterEvents;
  readonly whenDown: WhenDown;
  /** Whether slots are kept for a moment after a request has ended. */
  readonly keeps: boolean;
}

/** How long after it was sent a call may still be done. */
const CALL_MS = 100;
/** The others are seen as they were a moment ago, as for a window of any length. */
const SEEN = { quota: 1, windowMs: 60_000 };

/** Slots that all replicas keep together, in Redis. */
export class SharedSlots implements Slots {
  readonly #owners = new Map<string, OwnerSlots>();
  readonly #room: SlotsRoom;
  constructor(options: SharedSlotsOptions) {
    this.#room = new SlotsRoom(options);
  }

  occupy(claims: readonly SlotClaim[]): SlotOutcome | Promise<SlotOutcome> {
    if (this.#room.isStopped) return UNAVAILABLE;
    const owner = claims[0]?.owner ?? '';
    let slots = this.#owners.get(owner);
    if (slots === undefined) {
      slots = new OwnerSlots(owner, this.#room);
      this.#owners.set(owner, slots);
    }
    return slots.occupy(claims);
  }

  /** Gives back what is kept for these owners. */
  async release(owners: ReadonlySet<string>): Promise<void> {
    await Promise.all(Array.from(owners, async (owner) => this.#owners.get(owner)?.tell()));
  }

  /** Tells Redis what this process occupies, and of nothing more; false where it could not be told. */
  async tell(): Promise<boolean> {
    const told = await Promise.all(
      Array.from(this.#owners.values(), async (slots) => slots.isEmpty || slots.tell()),
    );
    return told.every(Boolean);
  }

  sweep(): void {
    for (const [owner, slots] of this.#owners) {
      if (!slots.isEmpty) continue;
      slots.end();
      this.#owners.delete(owner);
    }
  }

  /** Gives back what is kept. What is still occupied by then is anybody's once the member has left. */
  async stop(): Promise<void> {
    this.#room.isStopped = true;
    await this.tell();
    for (const slots of this.#owners.values()) slots.end();
  }

  /** Owners remembered. */
  get size(): number {
    return this.#owners.size;
  }
}

/** What the slots of all owners have in common. */
export class SlotsRoom {
  /** Nothing more is given out. */
  isStopped = false;
  readonly #options: SharedSlotsOptions;

  constructor(options: SharedSlotsOptions) {
    this.#options = options;
  }

  /** The Redis process that answered last. */
  get run(): string {
    return this.#options.members.run ?? '';
  }

  get whenDown(): WhenDown {
    return this.#options.whenDown;
  }

  get keeps(): boolean {
    return this.#options.keeps;
  }

  /** Of another number than before: what was held has gone to others. */
  lapses(): number {
    return this.#options.members.contacts.lapsesBy(this.#options.clock.monotonic());
  }

  /** Whether Redis is there, and knows of all that is occupied anywhere. */
  async isOpen(run: string): Promise<boolean> {
    const { members, clock } = this.#options;
    if (!members.isFresh(SEEN, clock.monotonic())) await members.refresh();
    const now = clock.monotonic();
    return members.isFresh(SEEN, now) && members.view?.allTold(run, now) === true;
  }

  /** Rejects with a RedisError. */
  async call(call: Omit<SlotsCall, 'id' | 'by'>): Promise<SlotsReply> {
    const { id, redis, members, times, clock, events } = this.#options;
    const sentAt = clock.monotonic();
    try {
      const by = times.between(call.run, sentAt + CALL_MS).latest;
      const reply = await callSlots(redis, { ...call, id, by });
      events.called('slots', 'ok', clock.monotonic() - sentAt);
      times.hear(reply.run, reply.at, sentAt, clock.monotonic());
      if (reply.kind === 'moved') members.sawRun(reply.run);
      return reply;
    } catch (error) {
      if (error instanceof RedisError) events.called('slots', 'error', clock.monotonic() - sentAt);
      throw error;
    }
  }

  /** Of these members, those that are no more. A view made after they were seen tells. */
  async gone(seen: readonly string[]): Promise<string[]> {
    const { members } = this.#options;
    const isUnknown = (id: string): boolean => members.view?.has(id) === false;
    if (seen.some(isUnknown)) await members.refresh();
    return seen.filter(isUnknown);
  }

  opened(): void {
    this.#options.events.exception('open');
  }

  after(ms: number, what: () => void): () => void {
    return this.#options.timers.after(ms, what);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.timers.after(ms, resolve));
  }
}
