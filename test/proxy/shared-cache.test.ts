import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Seal } from '../../src/core/seal.ts';
import { digestOf, Secret } from '../../src/core/secret.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { KeySource } from '../../src/core/wire.ts';
import { KeyLookup } from '../../src/proxy/keys/lookup.ts';
import { momentOf } from '../../src/proxy/keys/moment.ts';
import { SharedCache } from '../../src/proxy/keys/shared-cache.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { openRedis } from '../../src/runtime/redis/connect.ts';
import type { RedisConnection } from '../../src/runtime/redis/redis.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordOf } from '../support/key-record.ts';
import { HeldSource } from '../support/key-source.ts';
import { startRedis, type RedisServer } from '../support/redis-servers.ts';
import { Renewed } from '../support/renewed.ts';
import { until } from '../support/until.ts';

const D1 = digestOf('one');
const NAME = `plexgate:key:{${D1}}`;
const KEEP_MS = 70_000;
const RECORD = recordOf({ name: 'shared' });
const tokens = [1, 2].map(() => new Secret(randomBytes(16).toString('hex')));
const [seal, stranger] = tokens.map((token) => new Seal([token])) as [Seal, Seal];

let server: RedisServer;
let redis: RedisConnection;

function connect(deadlineMs: number): Promise<RedisConnection> {
  const events = { up: () => undefined, command: () => undefined };
  const log = { info: () => undefined, warn: () => undefined };
  return openRedis(server.config, { purpose: 'cache', deadlineMs, events, log });
}

beforeAll(async () => {
  server = await startRedis();
  // No machine is too slow for it.
  redis = await connect(5000);
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});
afterEach(() => server.cli('FLUSHALL'));

/** What a gate of that name has of the cache. By a clock that stands still it waits as long as it takes. */
function gate(
  member: string,
  { clock = systemClock, by = redis }: { clock?: Clock; by?: RedisConnection } = {},
) {
  const renewed = new Renewed({ clock, fenceMs: 60_000 });
  const { knowledge } = renewed;
  const cache = new SharedCache({ redis: by, seal, knowledge, clock, member, keepMs: KEEP_MS });
  const answer = (digest = D1, record: typeof RECORD | null = RECORD) => ({
    digest,
    record,
    asOf: 3,
    generation: knowledge.generation,
    askedAt: momentOf(clock),
    firstHand: true,
    currentAt: -1,
  });
  return { renewed, cache, answer };
}

/** Writes a record and waits until it is there. */
async function share({ cache, answer }: ReturnType<typeof gate>, digest = D1): Promise<string> {
  cache.settle(digest, answer(digest));
  await until('the record', async () => (await redis.get(`plexgate:key:{${digest}}`)) !== null);
  return (await redis.get(`plexgate:key:{${digest}}`)) ?? '';
}

describe('a record that one gate has shared', () => {
  it('is what another finds, as old as it is, for as long as it is kept', async () => {
    await share(gate('a'));
    await redis.set(NAME, (await redis.get(NAME)) ?? '', KEEP_MS - 5000);
    const found = await gate('b').cache.find(D1);
    if (found.kind !== 'hit') throw new Error(found.kind);
    expect(found.answer).toMatchObject({ digest: D1, record: RECORD, asOf: 3, firstHand: false });
    const ageMs = systemClock.monotonic() - found.answer.askedAt.monotonic;
    expect(ageMs).toBeGreaterThanOrEqual(5000);
    expect(ageMs).toBeLessThan(10_000);
    expect(Number(await server.cli('PTTL', NAME))).toBeGreaterThan(0);
  });

  it('is as old as the question it answers', async () => {
    const clock = new FakeClock();
    const a = gate('a', { clock });
    const answer = a.answer();
    clock.advance(5000);
    a.cache.settle(D1, answer);
    await until('the record', async () => (await redis.get(NAME)) !== null);
    expect(Number(await server.cli('PTTL', NAME))).toBeLessThanOrEqual(KEEP_MS - 5000);
  });

  it('is not kept where its time is over before it is written', async () => {
    const clock = new FakeClock();
    const a = gate('a', { clock });
    const answer = a.answer();
    await a.cache.find(D1);
    clock.advance(KEEP_MS);
    a.cache.settle(D1, answer);
    expect(await gate('b').cache.find(D1)).toEqual({ kind: 'miss' });
    // The next one may ask at once.
    expect(await redis.get(`plexgate:asked:{${D1}}`)).toBe('b');
  });

  it('is never younger than its reading, however long it is to be kept', async () => {
    await share(gate('a'));
    await redis.set(NAME, (await redis.get(NAME)) ?? '', 10 * KEEP_MS);
    const before = systemClock.monotonic();
    const found = await gate('b').cache.find(D1);
    expect(found.kind === 'hit' && found.answer.askedAt.monotonic).toBeGreaterThanOrEqual(before);
  });

  it('of another epoch is none, and is no forgery', async () => {
    await share(gate('a'));
    const other = gate('b');
    other.renewed.renewEpoch('e2', 3);
    expect(await other.cache.find(D1)).toEqual({ kind: 'miss' });
  });

  it('is none where nobody has the key: only keys are shared', async () => {
    const a = gate('a');
    a.cache.settle(D1, a.answer(D1, null));
    expect(await gate('b').cache.find(D1)).toEqual({ kind: 'miss' });
    expect(await redis.get(NAME)).toBeNull();
  });

  it('that was asked for before a new epoch is not written', async () => {
    const a = gate('a');
    const answer = a.answer();
    a.renewed.renewEpoch('e2', 3);
    a.cache.settle(D1, answer);
    expect(await gate('b').cache.find(D1)).toEqual({ kind: 'miss' });
    expect(await redis.get(NAME)).toBeNull();
  });
});

describe('what somebody without the service token writes', () => {
  const bodyOf = (text: string): string => text.slice(text.indexOf('\n') + 1);
  const FORGERIES: Record<string, (genuine: string, other: string) => string> = {
    anything: () => 'anything',
    nothing: () => '',
    'a record without a seal': bodyOf,
    'a record under an empty seal': (genuine) => `\n${bodyOf(genuine)}`,
    'a record under the seal of another token': (genuine) =>
      `${stranger.macOf('record', bodyOf(genuine))}\n${bodyOf(genuine)}`,
    'a record under the seal of another purpose': (genuine) =>
      `${seal.macOf('news', bodyOf(genuine))}\n${bodyOf(genuine)}`,
    'a record with another permission': (genuine) => genuine.replace('read_write', 'read_only'),
    'a record that has seen more': (genuine) => genuine.replace('"as_of":3', '"as_of":9'),
    'the record of another key': (_, other) => other,
  };

  it.each(Object.entries(FORGERIES))('%s is a forgery', async (_, forge) => {
    const [genuine, other] = [await share(gate('a')), await share(gate('a'), digestOf('two'))];
    await redis.set(NAME, forge(genuine, other), KEEP_MS);
    expect(await gate('b').cache.find(D1)).toEqual({ kind: 'forged' });
  });

  it('that is no text is an error, and the next answer is written over it', async () => {
    await server.cli('RPUSH', NAME, 'a', 'b');
    expect(await gate('b').cache.find(D1)).toEqual({ kind: 'error' });
    await share(gate('a'));
    expect((await gate('b').cache.find(D1)).kind).toBe('hit');
  });
});

describe('of gates that miss a record at one time', () => {
  it('one asks the key service, and the others have its answer', async () => {
    const [a, b] = [gate('a'), gate('b', { clock: new FakeClock() })];
    expect(await a.cache.find(D1)).toEqual({ kind: 'miss' });
    const waiting = b.cache.find(D1);
    await share(a);
    expect((await waiting).kind).toBe('hit');
  });

  it('the others ask as soon as it has had no answer that can be shared', async () => {
    const [a, b] = [gate('a'), gate('b', { clock: new FakeClock() })];
    await a.cache.find(D1);
    const waiting = b.cache.find(D1);
    a.cache.settle(D1, null);
    expect(await waiting).toEqual({ kind: 'miss' });
  });

  it('the others wait for a fifth of a second, where it says nothing at all', async () => {
    const [a, b] = [gate('a'), gate('b')];
    await a.cache.find(D1);
    const startedAt = performance.now();
    expect(await b.cache.find(D1)).toEqual({ kind: 'miss' });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(190);
  });

  it('a thousand requests at each of three are one question to the key service', async () => {
    const source = new HeldSource();
    const lookups = ['a', 'b', 'c'].map((name) => lookupOf(source, name));
    const use = async (lookup: KeyLookup) =>
      lookup.cached(D1, true) ?? (await lookup.recall(D1, true)) ?? (await lookup.ask(D1, true));
    const asked = lookups.flatMap((lookup) => Array.from({ length: 1000 }, () => use(lookup)));
    await until('a question', () => source.questions.length > 0);
    source.last.answer(RECORD, 3);
    const found = await Promise.all(asked);
    expect(found.every(({ kind }) => kind === 'found')).toBe(true);
    expect(source.questions).toHaveLength(1);
  });
});

function lookupOf(source: KeySource, name: string): KeyLookup {
  const clock = new FakeClock();
  const { renewed, cache } = gate(name, { clock });
  return new KeyLookup({
    source,
    knowledge: renewed.knowledge,
    member: renewed.member,
    shared: cache,
    clock,
    events: { answered: () => undefined, took: () => undefined, coalesced: () => undefined },
    cacheSize: 100,
    freshForMs: 10_000,
    negativeForMs: 5000,
  });
}

describe('a Redis that does not answer', () => {
  it('costs its deadline, and nothing once it is known to be down', async () => {
    const hasty = await connect(100);
    const { cache } = gate('a', { by: hasty });
    server.pause();
    try {
      expect(await cache.find(D1)).toEqual({ kind: 'error' });
      await until('known to be down', async () => (await cache.find(D1)).kind === 'miss');
    } finally {
      server.resume();
    }
    await until('back', async () => hasty.isUp && (await cache.find(D1)).kind === 'miss');
    await hasty.close();
    await until('the other connection is back', () => redis.isUp);
  });
});

it('Redis holds digests, and nothing else of a key', async () => {
  await share(gate('a'));
  await gate('b').cache.find(digestOf('cold'));
  const names = (await server.cli('KEYS', '*')).split('\n').filter((name) => name !== '');
  expect(names.every((name) => /^plexgate:(?:key|asked):\{[0-9a-f]{64}\}$/.test(name))).toBe(true);
  expect(names).toHaveLength(2);
});
