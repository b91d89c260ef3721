import { describe, expect, it } from 'vitest';
import { look } from '../../../src/proxy/limiter/members-call.ts';
import { callBooks, type Call } from '../../../src/proxy/limiter/redis-books.ts';
import { callSlots } from '../../../src/proxy/limiter/slots/slots-call.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';

const BOOKS_CALL: Call = {
  id: 'purse',
  number: 1,
  known: 0,
  spent: [],
  doubt: false,
  run: 'run',
  by: 0,
  now: 1,
  more: 0,
  ahead: 0,
  fair: 0,
  members: 1,
  share: 0,
  lifeMs: 60,
  horizonMs: 0,
  parts: [],
};
const SLOTS_CALL = { id: 'm', owner: 'o', number: 1, run: 'run', by: 0, parts: [], asked: [], gone: [] };

const CALLS = [
  ['the books', (redis: RedisConnection) => callBooks(redis, BOOKS_CALL, null)],
  ['the registry', look],
  ['the slots', (redis: RedisConnection) => callSlots(redis, SLOTS_CALL)],
] as const;

const REPLIES = [
  'OK',
  7,
  null,
  [],
  ['why'],
  ['done'],
  ['late', 7, 'run'],
  ['done', 'run', 1, 'many', [], [], 0, [], []],
] as const;

describe.each(CALLS)('a reply that no script gives, of %s', (_, ask) => {
  it.each(REPLIES.map((reply) => [JSON.stringify(reply), reply] as const))(
    '%s is an answer that did not come',
    async (_text, reply) => {
      const redis = { isCluster: false, run: () => Promise.resolve(reply) } as unknown as RedisConnection;
      await expect(ask(redis)).rejects.toMatchObject({ name: 'RedisError', kind: 'unknown' });
    },
  );
});
