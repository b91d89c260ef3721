import type { Held } from '../../core/share.ts';
import type { RedisConnection, RedisScript } from '../../runtime/redis/redis.ts';
import { listIn, numberIn, replyOf, textIn } from '../../runtime/redis/reply.ts';
import { MEMBERS_LUA } from './members-script.ts';

/** A member as the registry has it. */
export interface Row {
  readonly id: string;
  /** Since its last beat, when the registry was read. */
  readonly quietMs: number;
  readonly order: number;
  /** The part that the others keep for it when it is silent; null: none. */
  readonly held: Held | null;
  readonly silenceMs: number;
  readonly longestMs: number;
  readonly hasLeft: boolean;
  readonly name: string;
  /** The Redis processes whose books know what it spent. */
  readonly told: readonly string[];
}

export interface Beat {
  readonly id: string;
  /** Who starts under the same name takes the place of one that is dead. */
  readonly name: string;
  /** Greater in each beat. */
  readonly number: number;
  /** Redis' time, in microseconds, after which the beat does nothing. */
  readonly by: number;
  readonly joined: boolean;
  readonly held: Held | null;
  readonly told: readonly string[];
  /** Redis processes it has met. */
  readonly seen: readonly string[];
  /** The silence and the longest window of the limits it has met. */
  readonly silenceMs: number;
  readonly longestMs: number;
  /** What it remembers of a registry that is gone. */
  readonly rows: readonly Row[];
}

export type BeatReply =
  | {
      readonly kind: 'done';
      readonly run: string;
      readonly at: number;
      /** How old the registry is. */
      readonly madeMs: number;
      readonly held: Held | null;
      readonly paceMs: number;
      readonly rows: readonly Row[];
      /** For how long each Redis process has been known. */
      readonly runs: ReadonlyMap<string, number>;
    }
  | { readonly kind: 'seen' | 'late' | 'forgotten'; readonly run: string; readonly at: number };

/** How long a member may be silent before the others count on it no more. */
export const LAPSE_MS = 15 * 60_000;
/** A registry made anew may miss members that were there before; they are back within this time. */
export const REGISTRY_MS = 2000;
const HOUR_MS = 3_600_000;
export const REGISTRY = 'plexgate:limits';
export const MEMBERS_SCRIPT: RedisScript = { name: 'limitmembers', lua: MEMBERS_LUA, numberOfKeys: 1 };

/** Changes nothing: for what only looks whether Redis is there. */
export function look(redis: RedisConnection): Promise<BeatReply> {
  return ask(redis, { kind: 'look' });
}

/** The member goes for good: it has no part any more. */
export function leave(redis: RedisConnection, { id, number, by, longestMs }: Beat): Promise<BeatReply> {
  return ask(redis, { kind: 'leave', id, number, by, keep: micros(LAPSE_MS + longestMs + HOUR_MS) });
}

export async function beat(redis: RedisConnection, call: Beat): Promise<BeatReply> {
  return ask(redis, writeBeat(call));
}

/** A beat in its wire form. */
export function writeBeat(call: Beat): object {
  return {
    kind: 'beat',
    id: call.id,
    name: call.name,
    number: call.number,
    by: call.by,
    joined: call.joined ? 1 : 0,
    count: call.held?.count ?? 0,
    rank: call.held?.rank ?? 0,
    told: call.told,
    seen: call.seen,
    silence: micros(call.silenceMs),
    longest: micros(call.longestMs),
    lapse: micros(LAPSE_MS),
    believed: micros(REGISTRY_MS),
    keep: micros(LAPSE_MS + call.longestMs + HOUR_MS),
    rows: call.rows.map(({ id, order, held, silenceMs, longestMs, hasLeft, name }) => [
      id,
      order,
      held?.count ?? 0,
      held?.rank ?? 0,
      micros(silenceMs),
      micros(longestMs),
      hasLeft ? 1 : 0,
      name,
    ]),
  };
}

const micros = (ms: number): number => Math.ceil(ms * 1000);

async function ask(redis: RedisConnection, call: object): Promise<BeatReply> {
  return readBeat(await redis.run(MEMBERS_SCRIPT, [REGISTRY], [JSON.stringify(call)]));
}

export function readBeat(reply: unknown): BeatReply {
  const [kind, ...fields] = replyOf(reply, ['done', 'seen', 'late', 'forgotten']);
  const [run, at] = [textIn(fields[0]), numberIn(fields[1])];
  if (kind !== 'done') return { kind, run, at };
  const [, , made, count, rank, pace, rows, since] = fields;
  const known = listIn(since, (item) => item);
  const runs = new Map<string, number>();
  for (let i = 0; i < known.length; i += 2) runs.set(textIn(known[i]), numberIn(known[i + 1]) / 1000);
  return {
    kind,
    run,
    at,
    madeMs: numberIn(made) / 1000,
    held: heldOf(numberIn(count), numberIn(rank)),
    paceMs: numberIn(pace) / 1000,
    rows: listIn(rows, readRow),
    runs,
  };
}

function readRow(row: unknown): Row {
  const [id, quiet, order, of, at, silence, longest, left, name, told] = listIn(row, (item) => item);
  return {
    id: textIn(id),
    quietMs: numberIn(quiet) / 1000,
    order: numberIn(order),
    held: heldOf(numberIn(of), numberIn(at)),
    silenceMs: numberIn(silence) / 1000,
    longestMs: numberIn(longest) / 1000,
    hasLeft: left === 1,
    name: textIn(name),
    told: listIn(told, textIn),
  };
}

function heldOf(count: number, rank: number): Held | null {
  return count === 0 ? null : { count, rank };
}
