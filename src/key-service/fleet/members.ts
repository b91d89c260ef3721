import type { Clock } from '../../core/clock.ts';
import type { Grant, News, Renewal, Renewals } from '../../core/wire.ts';
import type { KeyServiceLog } from '../log.ts';
import type { Peppers } from '../peppers.ts';
import type { Fleet, FleetState } from '../store/fleet.ts';
import { Announcer, type RedisAnnouncements } from './announcer.ts';
import { Bell } from './bell.ts';
import { FleetWatch } from './fleet-watch.ts';
import { MARGIN, Reach, type Course, type Standing } from './reach.ts';
import { RenewalGroups } from './renewal-groups.ts';
import { Rounds } from './rounds.ts';

export interface MembersOptions {
  readonly store: Fleet;
  readonly clock: Clock;
  readonly peppers: Peppers;
  /** How long knowledge may be used without a renewal. MUST be the same in all processes over a store. */
  readonly fenceMs: number;
  readonly redis: RedisAnnouncements | null;
  readonly events: MemberEvents;
  readonly log: KeyServiceLog | null;
}

export interface MemberEvents {
  /** A member has renewed. */
  renewed(): void;
  /** How many members there are. */
  counted(members: number): void;
}

/** The members as they stand; the instants behind it are of this process' own watch. */
export interface FleetView {
  readonly epoch: string;
  readonly head: number;
  readonly redisRun: string | null;
  readonly redisSettled: boolean;
  readonly members: readonly MemberView[];
}

export interface MemberView {
  readonly id: string;
  readonly applied: number;
  /** How many changes it has not acknowledged. */
  readonly lag: number;
  readonly staleIfErrorMs: number;
  readonly seenAgoMs: number;
}

/** How often the store is asked for acknowledgements made to other processes, while somebody waits for some. */
const POLL_MS = 20;
/** How long a change that revokes nothing is waited for. */
const SETTLE_MS = 1000;
/** How long a revocation is waited for, in fences: until who does not answer is fenced, and a little. */
const WINDOW = MARGIN + 0.15;
/** A certainty that is so near then is waited for, in fences: Redis was told at the second attempt. */
const NEAR = 0.25;
/** Of a wait that its caller does not end. */
const STAYS = new AbortController().signal;

/**
 * The key service's side of what keeps gates in step. A member's row is committed before it is told of the head, so
 * that a change whose commit comes first is in what it is told, and one that comes later finds its row. A change is
 * certain when each member that had a row after the commit has acknowledged it or uses nothing older any more.
 */
export class Members implements Renewals {
  readonly #clock: Clock;
  readonly #fenceMs: number;
  readonly #log: KeyServiceLog | null;
  readonly #events: MemberEvents;
  readonly #watch: FleetWatch;
  readonly #announcer: Announcer;
  readonly #groups: RenewalGroups;
  readonly #rounds: Rounds;
  readonly #acks = new Bell();
  readonly #listeners = new Set<() => void>();

  constructor({ store, clock, peppers, fenceMs, redis, events, log }: MembersOptions) {
    this.#clock = clock;
    this.#fenceMs = fenceMs;
    this.#log = log;
    this.#events = events;
    this.#watch = new FleetWatch({ store, clock, fenceMs, log });
    this.#announcer = new Announcer(redis, clock, log);
    this.#groups = new RenewalGroups({
      store,
      peppers,
      deadlineMs: fenceMs,
      committed: (ids) => {
        this.#watch.renewed(ids);
        this.#acks.ring();
      },
    });
    this.#rounds = new Rounds({
      store,
      watch: this.#watch,
      announcer: this.#announcer,
      everyMs: fenceMs / 4,
      counted: (members) => events.counted(members),
      log,
    });
  }

  /** Rejects where the store does not answer. */
  start(): Promise<void> {
    return this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Rings after every commit of this process. */
  readonly news: News = (listener) => {
    // One of its own for each call, so that a function given twice is heard and ended twice.
    const heard = (): void => listener();
    this.#listeners.add(heard);
    return () => {
      this.#listeners.delete(heard);
    };
  };

  async renew(id: string, renewal: Renewal, signal: AbortSignal): Promise<Grant> {
    signal.throwIfAborted();
    const { applied, staleIfErrorMs, leaving } = renewal;
    const epoch = renewal.epoch ?? '';
    const group = await this.#groups.commit({ row: { id, epoch, applied, staleIfErrorMs }, leaving });
    this.#events.renewed();
    signal.throwIfAborted();
    const told = await group.changesAfter(applied);
    if (told.epoch === epoch && told.head < applied) {
      // The store knows less than it has said: whoever reads this row gives it a new epoch, in which all begin anew.
      await this.#watch.read();
      return this.renew(id, { ...renewal, epoch: null, applied: 0 }, signal);
    }
    const { changes, ...where } = told.epoch === epoch ? told : await group.changesAfter(0);
    // Who leaves is waited for no longer, so it is granted nothing.
    return { ...where, changes, fenceMs: leaving ? 0 : this.#fenceMs, now: this.#clock.now() };
  }

  /**
   * Sends a change on its way and waits a moment until the members that answer have acknowledged it, so that it is in
   * force when the call that made it returns. Never rejects: the change is made, whoever knows of it.
   */
  async settle(number: number): Promise<void> {
    const endsAt = this.#clock.monotonic() + SETTLE_MS;
    try {
      let { state, reach } = await this.#sendOff(number, endsAt);
      while (reach.waiting.some((id) => this.#answers(id)) && this.#clock.monotonic() < endsAt) {
        await this.#acks.heard(POLL_MS, STAYS);
        state = await this.#seenAfter(state);
        reach.see(state);
      }
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unknown error';
      this.#log?.warn({ detail }, 'a change is made, and it is not known which gates know of it');
    }
  }

  /**
   * Sends a change on its way and waits until it is certain, as long as that may be soon. `justCommitted` is false
   * where the change was made some time ago; then it counts from when this process first knew of it. Rejects where the
   * store does not say who the members are. `watch` is told how it stands whenever that has been looked at.
   */
  async confirm(
    number: number,
    justCommitted: boolean,
    signal: AbortSignal,
    watch?: (standing: Standing) => void,
  ): Promise<Standing> {
    const startedAt = this.#clock.monotonic();
    const endsAt = startedAt + WINDOW * this.#fenceMs;
    let { state, reach } = await this.#sendOff(number, endsAt);
    const known = justCommitted ? startedAt : this.#watch.committedSince({ epoch: state.epoch, number });
    const committedAt = known ?? this.#clock.monotonic();
    for (;;) {
      const now = this.#clock.monotonic();
      const standing = reach.standing(now, this.#course(state, number, committedAt), this.#fenceMs);
      watch?.(standing);
      const isFar = now >= endsAt && standing.leftMs > NEAR * this.#fenceMs;
      if (standing.leftMs === 0 || isFar || signal.aborted) return standing;
      await this.#acks.heard(Math.min(POLL_MS, standing.leftMs), signal);
      state = await this.#seenAfter(state);
      reach.see(state);
    }
  }

  async view(): Promise<FleetView> {
    const { members, epoch, head, redisRun, redisSettled } = await this.#watch.read();
    const views = members.map((row) => {
      const applied = row.epoch === epoch ? row.applied : 0;
      const seenAgoMs = this.#watch.idleMs(row.id) ?? 0;
      return { id: row.id, applied, lag: head - applied, staleIfErrorMs: row.staleIfErrorMs, seenAgoMs };
    });
    return { epoch, head, redisRun, redisSettled, members: views };
  }

  /** What Redis says to members counts only where all of them go by the process that was told of the change. */
  #course({ epoch, redisRun, redisSettled }: FleetState, number: number, committedAt: number): Course {
    if (!redisSettled) return { committedAt, witnessedAt: null };
    if (redisRun === null) return { committedAt, witnessedAt: committedAt };
    return { committedAt, witnessedAt: this.#announcer.heldSince(redisRun, { epoch, number }) };
  }

  /** Rejects where the store does not say in time who the members are. */
  async #sendOff(number: number, endsAt: number): Promise<{ state: FleetState; reach: Reach }> {
    this.#ring();
    for (;;) {
      try {
        const state = await this.#watch.read();
        // In the background: who waits for acknowledgements needs no Redis.
        void this.#announcer.announce({ epoch: state.epoch, number: state.head });
        return { state, reach: new Reach(number, state) };
      } catch (error) {
        if (this.#clock.monotonic() >= endsAt) throw error;
        await this.#acks.heard(POLL_MS, STAYS);
      }
    }
  }

  /** The state as it was seen before, where the store does not answer this time. */
  async #seenAfter(before: FleetState): Promise<FleetState> {
    try {
      return await this.#watch.read();
    } catch {
      return before;
    }
  }

  #answers(id: string): boolean {
    return (this.#watch.idleMs(id) ?? 0) <= this.#fenceMs / 2;
  }

  #ring(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        const detail = error instanceof Error ? error.message : 'unknown error';
        this.#log?.error({ detail }, 'a listener failed at news of a change');
      }
    }
  }
}
