import type { SpentUnits } from '../../core/lease.ts';
import type { RedisConnection, RedisScript } from '../../runtime/redis/redis.ts';
import { listIn, numberIn, replyOf, senseless, textIn } from '../../runtime/redis/reply.ts';
import { BOOKS_LUA } from './books-script.ts';
import { readBeat, REGISTRY, writeBeat, type Beat, type BeatReply } from './members-call.ts';

/** A member's beat that goes along with a call on the books. One of both is called when the outcome is known. */
export interface Ride {
  readonly beat: Beat;
  heard(reply: BeatReply): void;
  failed(error: unknown): void;
}

/** One partition in a call. Durations in the wire form are whole microseconds. */
export interface Part {
  readonly name: string;
  /** Quota, window, and how much of the quota is kept for members that are silent. */
  readonly limits: readonly {
    readonly quota: number;
    readonly windowMs: number;
    readonly reserved: number;
  }[];
  /** Whether the caller has spent units that must still be in the books. */
  readonly expected: boolean;
  /** For each limit, what the caller spent where no book could know: how long each counts, and how many. */
  readonly own: readonly (readonly Counted[])[] | null;
}

export interface Counted {
  readonly leftMs: number;
  readonly units: number;
}

export interface Call {
  /** The purse, unique over all members. */
  readonly id: string;
  /** Greater in each call of a purse. */
  readonly number: number;
  /**
   * The latest number whose outcome the caller knows. The call ends the purse's last grant: one of that number with
   * what was spent of its lease; a later one, of a call without an answer, as if it had never been.
   */
  readonly known: number;
  readonly spent: readonly SpentUnits[];
  /** Whether there was a call without an answer since: if it has not arrived yet, it does nothing when it does. */
  readonly doubt: boolean;
  /** The run id of the process that has the books. */
  readonly run: string;
  /** Redis' time, in microseconds, after which the call does nothing. */
  readonly by: number;
  /** Units spent at once; on lease; on lease beyond those free, as they come free within the horizon. */
  readonly now: number;
  readonly more: number;
  readonly ahead: number;
  /** Of those, no more than so many, or than a part for each member of those that come free. */
  readonly fair: number;
  readonly members: number;
  /** All units together are at most free / share; 0: no matter. */
  readonly share: number;
  readonly lifeMs: number;
  readonly horizonMs: number;
  readonly parts: readonly Part[];
}

/** A limit as the books have it after the call. */
export interface Stand {
  /** Units neither spent nor on lease, less those kept for silent members; below zero after a limit was lowered. */
  readonly free: number;
  readonly firstFreeMs: number;
  /** Until one unit may be spent, if leases that are open have units left; 0: now. Null: not as things stand. */
  readonly waitMs: number | null;
}

export type Reply =
  | {
      readonly kind: 'done';
      readonly run: string;
      readonly at: number;
      readonly now: number;
      /** Units on lease, and how long after the call they may be spent. */
      readonly pieces: readonly { readonly waitMs: number; readonly units: number }[];
      readonly stands: readonly Stand[];
      /** Until the first lease of another purse ends; null: none is open. */
      readonly openMs: number | null;
      /** Whether others may give back units in a moment: a lease has ended, and what was spent of it is not told yet. */
      readonly isLate: boolean;
    }
  /** Nothing was done: other books than the call was for, its time was over, or books that must be there are not. */
  | { readonly kind: 'moved' | 'late' | 'lost'; readonly run: string; readonly at: number };

/** A script has a fixed number of keys: one for each partition of a request, and the registry where a beat goes along. */
const SCRIPTS = new Map<number, RedisScript>();

export function booksScript(numberOfKeys: number): RedisScript {
  let script = SCRIPTS.get(numberOfKeys);
  if (script === undefined) {
    script = { name: `limits${numberOfKeys}`, lua: BOOKS_LUA, numberOfKeys };
    SCRIPTS.set(numberOfKeys, script);
  }
  return script;
}

/** Rejects with a RedisError where no answer came. */
export async function callBooks(redis: RedisConnection, call: Call, ride: Ride | null): Promise<Reply> {
  const keys = call.parts.map(({ name }) => name);
  if (ride !== null) keys.push(REGISTRY);
  const replies = redis.run(booksScript(keys.length), keys, [write(call, ride)]);
  if (ride === null) return readReply(await replies);
  try {
    const answered = await replies;
    if (!Array.isArray(answered)) throw senseless();
    const [reply, beaten]: unknown[] = answered;
    ride.heard(readBeat(beaten));
    return readReply(reply);
  } catch (error) {
    ride.failed(error);
    throw error;
  }
}

/** The name of a partition's books: the owner is the hash tag. */
export function bookName(owner: string, partition: string): string {
  return `plexgate:limit:{${escaped(owner)}}:${escaped(partition)}`;
}

/** Braces would end the hash tag. */
function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function write(call: Call, ride: Ride | null): string {
  return JSON.stringify({
    ...(ride === null ? {} : { beat: writeBeat(ride.beat) }),
    id: call.id,
    number: call.number,
    known: call.known,
    spent: call.spent.map(({ afterMs, units }) => [up(afterMs), units]),
    doubt: call.doubt ? 1 : 0,
    run: call.run,
    by: call.by,
    now: call.now,
    more: call.more,
    ahead: call.ahead,
    fair: call.fair,
    members: call.members,
    share: call.share,
    life: up(call.lifeMs),
    horizon: up(call.horizonMs),
    parts: call.parts.map(({ limits, expected, own }) => ({
      limits: limits.map(({ quota, windowMs, reserved }) => [quota, up(windowMs), reserved]),
      expected: expected ? 1 : 0,
      ...(own === null
        ? {}
        : { own: own.map((list) => list.map(({ leftMs, units }) => [up(leftMs), units])) }),
    })),
  });
}

const up = (ms: number): number => Math.ceil(ms * 1000);

function readReply(reply: unknown): Reply {
  const [kind, ...fields] = replyOf(reply, ['done', 'moved', 'late', 'lost']);
  const [run, at] = [textIn(fields[0]), numberIn(fields[1])];
  if (kind !== 'done') return { kind, run, at };
  const [, , now, pieces, stand, open, late] = fields;
  const openMs = numberIn(open) / 1000;
  return {
    kind,
    run,
    at,
    now: numberIn(now),
    pieces: inGroups(listIn(pieces, numberIn), 2).map(([wait = 0, units = 0]) => ({
      waitMs: wait / 1000,
      units,
    })),
    stands: inGroups(listIn(stand, numberIn), 3).map(([free = 0, first = 0, wait = 0]) => ({
      free,
      firstFreeMs: first / 1000,
      waitMs: wait < 0 ? null : wait / 1000,
    })),
    openMs: openMs === 0 ? null : openMs,
    isLate: late === 1,
  };
}

function inGroups(numbers: readonly number[], size: number): number[][] {
  if (numbers.length % size !== 0) throw senseless();
  return Array.from({ length: numbers.length / size }, (_, i) => numbers.slice(i * size, (i + 1) * size));
}
