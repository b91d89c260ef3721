import type { RedisConnection, RedisScript } from '../../../runtime/redis/redis.ts';
import { listIn, numberIn, replyOf, textIn } from '../../../runtime/redis/reply.ts';
import { LAPSE_MS } from '../members-call.ts';
import { SLOTS_LUA } from './slots-script.ts';

/** One partition in a call. */
export interface SlotsPart {
  readonly partition: string;
  readonly occupied: number;
  /** Slots in all that the member would keep, if nobody else needs them. */
  readonly keep: number;
  readonly slots: number;
}

export interface SlotsCall {
  /** The member. */
  readonly id: string;
  readonly owner: string;
  /** Greater in each call. */
  readonly number: number;
  /** The Redis process that has the slots. */
  readonly run: string;
  /** Redis' time, in microseconds, after which the call does nothing. */
  readonly by: number;
  readonly parts: readonly SlotsPart[];
  /** For each request that waits, the places in `parts` of which it needs a slot. */
  readonly asked: readonly (readonly number[])[];
  /** Members of whom it is known that they are no more. */
  readonly gone: readonly string[];
}

export type SlotsReply =
  | {
      readonly kind: 'done';
      readonly run: string;
      readonly at: number;
      /** Of those asked. */
      readonly granted: readonly boolean[];
      /** For each part. */
      readonly held: readonly number[];
      /** The others that hold any. */
      readonly members: readonly string[];
    }
  | { readonly kind: 'moved' | 'late'; readonly run: string; readonly at: number };

export const SLOTS_SCRIPT: RedisScript = { name: 'limitslots', lua: SLOTS_LUA, numberOfKeys: 1 };
/** Longer than a member may be away and still have its slots. */
const KEEP_MS = LAPSE_MS + 5 * 60_000;

/** Rejects with a RedisError where no answer came. */
export async function callSlots(redis: RedisConnection, call: SlotsCall): Promise<SlotsReply> {
  const { id, owner, number, run, by, parts, asked, gone } = call;
  const written = JSON.stringify({
    id,
    number,
    run,
    by,
    keep: KEEP_MS,
    parts: parts.map(({ partition, occupied, keep, slots }) => [partition, occupied, keep, slots]),
    // Counted from 1, as the script does.
    asked: asked.map((places) => places.map((place) => place + 1)),
    gone,
  });
  const name = `plexgate:slots:{${encodeURIComponent(owner.toWellFormed())}}`;
  const reply = await redis.run(SLOTS_SCRIPT, [name], [written]);
  const [kind, ...fields] = replyOf(reply, ['done', 'moved', 'late']);
  const [from, at] = [textIn(fields[0]), numberIn(fields[1])];
  if (kind !== 'done') return { kind, run: from, at };
  const [, , granted, held, members] = fields;
  return {
    kind,
    run: from,
    at,
    granted: listIn(granted, (one) => one === 1),
    held: listIn(held, numberIn),
    members: listIn(members, textIn),
  };
}
