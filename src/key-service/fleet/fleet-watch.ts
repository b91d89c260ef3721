import type { Clock } from '../../core/clock.ts';
import type { KeyServiceLog } from '../log.ts';
import type { Fleet, FleetState, MemberRow } from '../store/fleet.ts';
import type { Head } from './announcer.ts';
import { within } from './deadline.ts';
import { HeadLog } from './head-log.ts';
import { MARGIN } from './reach.ts';

const DEADLINE_MS = 1000;

export interface FleetWatchOptions {
  readonly store: Fleet;
  readonly clock: Clock;
  readonly fenceMs: number;
  readonly log: KeyServiceLog | null;
}

interface Watched {
  readonly renewals: number;
  /** When this process first saw the row like this. */
  readonly at: number;
}

/**
 * Reads the fleet from the store and remembers, by this process' monotonic clock, since when things are as they are:
 * the store keeps no instants, because the clocks of its writers differ.
 *
 * A head that is lower than one given out before means that the store has lost commits (a backup put back, a failover
 * to a standby that was behind). Whoever reads here is told of the state after the store has been given a new epoch
 * for that.
 */
export class FleetWatch {
  readonly #store: Fleet;
  readonly #clock: Clock;
  readonly #fenceMs: number;
  readonly #log: KeyServiceLog | null;
  /** The highest number known to be given out. */
  #givenOut: Head | null = null;
  readonly #heads = new HeadLog();
  #rows = new Map<string, Watched>();
  /** Until when a member may remember the Redis process named before this naming. */
  #naming: { readonly number: number; readonly forgottenAt: number } | null = null;
  #reading: Promise<FleetState> | null = null;
  #next: Promise<FleetState> | null = null;
  #readAt = -Infinity;

  constructor({ store, clock, fenceMs, log }: FleetWatchOptions) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
    this.#fenceMs = fenceMs;
  }

  /** The state of a moment after the call. Reads follow each other, and calls that wait for the same one share it. */
  read(): Promise<FleetState> {
    const running = this.#reading;
    if (running === null) return this.#start();
    this.#next ??= running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  /** Notes that this number was given out, by what somebody else has seen; reads from now on are held to it. */
  expect({ epoch, number }: Head): void {
    const known = this.#givenOut;
    if (known === null || (known.epoch === epoch && known.number < number))
      this.#givenOut = { epoch, number };
  }

  /** Notes that these members have renewed just now. */
  renewed(ids: readonly string[]): void {
    const at = this.#clock.monotonic();
    for (const id of ids) this.#rows.set(id, { renewals: this.#rows.get(id)?.renewals ?? -1, at });
  }

  /** Since when this process knows of the number's commit; null where it does not. */
  committedSince({ epoch, number }: Head): number | null {
    return this.#heads.since(epoch, number);
  }

  /** How long ago the member was last seen to have renewed; null where it is not known. */
  idleMs(id: string): number | null {
    const watched = this.#rows.get(id);
    return watched === undefined ? null : this.#clock.monotonic() - watched.at;
  }

  /** Those of the state last read that have not renewed for so long that they have nothing left to use. */
  lapsed({ members }: FleetState): readonly MemberRow[] {
    return members.filter(({ id, staleIfErrorMs }) => {
      const seenAt = this.#rows.get(id)?.at ?? Infinity;
      return this.#readAt - seenAt > MARGIN * (staleIfErrorMs + this.#fenceMs);
    });
  }

  /** The naming of a Redis process that has stood for so long that no member remembers another; null: not yet. */
  settledNaming({ redisNaming, redisSettled }: FleetState): number | null {
    const naming = this.#naming;
    if (redisSettled || naming?.number !== redisNaming) return null;
    return this.#readAt > naming.forgottenAt ? redisNaming : null;
  }

  #start(): Promise<FleetState> {
    const reading = this.#read();
    this.#reading = reading;
    this.#next = null;
    const ended = (): void => {
      if (this.#reading === reading) this.#reading = null;
    };
    reading.then(ended, ended);
    return reading;
  }

  async #read(): Promise<FleetState> {
    const givenOut = this.#givenOut;
    let startedAt = this.#clock.monotonic();
    let state = await this.#fleet();
    if (hasLostCommits(state, givenOut)) {
      await within(DEADLINE_MS, 'the store', this.#store.renewEpoch(state.epoch));
      startedAt = this.#clock.monotonic();
      state = await this.#fleet();
      this.#log?.warn(
        { detail: `epoch ${state.epoch}` },
        'the store has lost changes; every gate begins anew',
      );
    }
    this.#observe(state, startedAt);
    return state;
  }

  #fleet(): Promise<FleetState> {
    return within(DEADLINE_MS, 'the store', this.#store.fleet());
  }

  #observe(state: FleetState, startedAt: number): void {
    const now = this.#clock.monotonic();
    const { epoch, head: number, members, redisNaming } = state;
    if (this.#givenOut?.epoch !== epoch || this.#givenOut.number < number) this.#givenOut = { epoch, number };
    this.#heads.note(epoch, number, now);
    this.#rows = new Map(
      members.map(({ id, renewals }) => {
        const before = this.#rows.get(id);
        return [id, before?.renewals === renewals ? before : { renewals, at: now }];
      }),
    );
    if (this.#naming?.number !== redisNaming) {
      // Members that come later, or change how long they go on, are told of this one.
      const longest = members.reduce((max, { staleIfErrorMs }) => Math.max(max, staleIfErrorMs), 0);
      this.#naming = { number: redisNaming, forgottenAt: now + MARGIN * (longest + this.#fenceMs) };
    }
    this.#readAt = startedAt;
  }
}

/** `givenOut` MUST have been known when the state was asked for. */
function hasLostCommits({ epoch, head, members }: FleetState, givenOut: Head | null): boolean {
  if (givenOut?.epoch === epoch && givenOut.number > head) return true;
  return members.some((row) => row.epoch === epoch && row.applied > head);
}
