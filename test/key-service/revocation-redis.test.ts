import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Seal } from '../../src/core/seal.ts';
import { Secret } from '../../src/core/secret.ts';
import { redisAnnouncements } from '../../src/key-service/fleet/redis-announcements.ts';
import { HEAD_NAME, RedisHead } from '../../src/runtime/redis/head.ts';
import { openRedis } from '../../src/runtime/redis/connect.ts';
import { NEWS_CHANNEL, openNews } from '../../src/runtime/redis/news.ts';
import type { RedisConnection } from '../../src/runtime/redis/redis.ts';
import { subscribeRedis } from '../../src/runtime/redis/subscribe.ts';
import { TestMember } from '../support/member.ts';
import { startRedis, type RedisServer } from '../support/redis-servers.ts';
import { until } from '../support/until.ts';
import { testService, type TestService } from './fixture.ts';

const FENCE = 400;
const FENCED = 1.15 * FENCE;
const MINUTE = 60_000;
const QUIET = { info: () => undefined, warn: () => undefined };
const seal = new Seal([new Secret(randomBytes(16).toString('hex'))]);

let server: RedisServer;
let redis: RedisConnection;
let head: RedisHead;
let keys: TestService;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

beforeEach(async () => {
  await server.cli('FLUSHALL');
  redis = await openRedis(server.config, {
    purpose: 'test',
    deadlineMs: 100,
    events: { up: () => undefined, command: () => undefined },
    log: QUIET,
  });
  head = new RedisHead(redis, seal);
  keys = await testService({ fenceMs: FENCE, redis: redisAnnouncements(redis, seal) });
  await keys.member.leave();
});
afterEach(async () => {
  await keys.service.stop();
  await redis.close();
});

const settled = () => until('the run is settled', async () => (await keys.store.fleet()).redisSettled);
const join = (id: string, staleIfErrorMs: number) =>
  TestMember.join(keys.service, { id, staleIfErrorMs, news: keys.service.onNews });

/** A key, and a member that is silent from when it was made and may go on for a minute by Redis. */
async function keyAndSilentMember(): Promise<string> {
  const silent = await join('silent', MINUTE);
  await join('there', MINUTE);
  const { keyId } = await keys.create();
  silent.silence();
  return keyId;
}

async function revoke(keyId: string) {
  const startedAt = performance.now();
  const outcome = await keys.service.revokeKey(keyId);
  const tookMs = performance.now() - startedAt;
  if (outcome.kind !== 'revoked' && outcome.kind !== 'uncertain') throw new Error(outcome.kind);
  const { kind, propagation } = outcome;
  const leftMs = outcome.kind === 'uncertain' ? outcome.certainAt - keys.clock.now() : 0;
  return { kind, acked: propagation.acked, fenced: propagation.fencedMembers, tookMs, leftMs };
}

/** Far less than the minute, however busy the machine: a Redis that is slow once is told again. */
const untilCertain = (keyId: string) =>
  until('certain', async () => (await revoke(keyId)).kind === 'revoked');

describe('a change', () => {
  test('raises the head in Redis and is published, both signed', async () => {
    const heard: unknown[] = [];
    const listener = {
      message: (text: string) => void heard.push(openNews(seal, text)),
      connected: () => undefined,
    };
    const options = { purpose: 'test', events: { up: () => undefined }, log: QUIET };
    const subscription = await subscribeRedis(server.config, NEWS_CHANNEL, listener, options);
    await until('subscribed', () => subscription.isUp);
    await keys.create();
    const { epoch } = await keys.store.fleet();
    await until('the head is raised', async () => (await head.read()).head?.number === 2);
    expect((await head.read()).head).toEqual({ epoch, number: 2 });
    await until('the news is heard', () => heard.length > 0);
    expect(heard).toEqual([{ epoch, head: 2 }]);
    await subscription.close();
  });

  test('does not wait for a Redis that does not answer', async () => {
    const member = await join('there', MINUTE);
    server.pause();
    try {
      const took: number[] = [];
      for (let i = 0; i < 3; i++) {
        const startedAt = performance.now();
        const { keyId } = await keys.create();
        took.push(performance.now() - startedAt);
        expect(await revoke(keyId)).toMatchObject({ kind: 'revoked', acked: 1, fenced: [] });
      }
      expect(member.applied).toBe(7);
      expect(Math.min(...took)).toBeLessThan(100);
    } finally {
      server.resume();
    }
  });
});

describe('a silent member that may go on by Redis', () => {
  test('is fenced off a fence after the Redis named to it knows of the change', async () => {
    await settled();
    const keyId = await keyAndSilentMember();
    const startedAt = performance.now();
    await untilCertain(keyId);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(FENCED);
    expect(await revoke(keyId)).toMatchObject({ kind: 'revoked', acked: 1, fenced: ['silent'] });
  });

  test('is uncertain while Redis does not answer; repeated, the call counts its own writing of the head', async () => {
    await settled();
    const keyId = await keyAndSilentMember();
    server.pause();
    const first = await revoke(keyId).finally(() => server.resume());
    expect(first).toMatchObject({ kind: 'uncertain', acked: 1, fenced: [] });
    expect(first.tookMs).toBeGreaterThanOrEqual(FENCED);
    expect(first.leftMs + first.tookMs).toBeGreaterThan(1.15 * (MINUTE + FENCE) - 5);
    expect(first.leftMs + first.tookMs).toBeLessThan(1.15 * (MINUTE + FENCE) + 500);
    await until('Redis answers', async () => (await head.read()).head?.number === 3);
    await untilCertain(keyId);
    expect(await revoke(keyId)).toMatchObject({ kind: 'revoked', fenced: ['silent'] });
  });

  test('is uncertain after Redis was replaced, until no member remembers the one before', async () => {
    await settled();
    const short = 600;
    const silent = await join('silent', short);
    const there = await join('there', short);
    const { keyId } = await keys.create();
    const before = (await keys.store.fleet()).redisRun;
    await server.kill();
    await server.start();
    await until('the new run is named', async () => (await keys.store.fleet()).redisRun !== before);
    const namedAt = performance.now();
    expect((await keys.store.fleet()).redisSettled).toBe(false);
    await there.renew();
    expect(there.grant.redisRun).toBe((await keys.store.fleet()).redisRun);
    silent.silence();
    expect(await revoke(keyId)).toMatchObject({ kind: 'uncertain', acked: 1, fenced: [] });
    await settled();
    expect(performance.now() - namedAt).toBeGreaterThan(1.15 * (short + FENCE) - FENCE);
  });

  test('has its bound in any case: so long after the commit the call is certain', async () => {
    await settled();
    server.pause();
    try {
      const short = 800;
      const silent = await join('silent', short);
      const { keyId } = await keys.create();
      silent.silence();
      const first = await revoke(keyId);
      expect([first.kind, first.leftMs < 1.15 * (short + FENCE)]).toEqual(['uncertain', true]);
      const tookMs = await untilCertain(keyId);
      expect(first.tookMs + tookMs).toBeGreaterThanOrEqual(1.15 * (short + FENCE) - FENCE / 2);
      expect(first.tookMs + tookMs).toBeLessThan(1.15 * (short + FENCE) + 1000);
    } finally {
      server.resume();
    }
  });
});

describe('the head in Redis', () => {
  const numberThere = async () => (await head.read()).head?.number ?? null;

  test('is written again where it is lost or forged', async () => {
    await keys.create();
    await until('written', async () => (await numberThere()) === 2);
    await server.cli('DEL', HEAD_NAME);
    await until('written again', async () => (await numberThere()) === 2);
    const { epoch } = await keys.store.fleet();
    await server.cli('SET', HEAD_NAME, `${epoch} 99 ${'A'.repeat(43)}`);
    await until('the forgery is replaced', async () => (await numberThere()) === 2);
    expect((await keys.store.fleet()).epoch).toBe(epoch);
  });

  test('higher than the store’s means that the store has lost changes: a new epoch begins', async () => {
    const { epoch } = await keys.store.fleet();
    await head.raise(epoch, 60);
    await until('a new epoch', async () => (await keys.store.fleet()).epoch !== epoch);
    const renewed = await keys.store.fleet();
    await until('written', async () => (await head.read()).head?.epoch === renewed.epoch);
    expect((await head.read()).head?.number).toBe(renewed.head);
  });

  test('of changes made at the same time by others is no reason for a new epoch', async () => {
    const { epoch } = await keys.store.fleet();
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 10 }, () => keys.create()));
    await until('written', async () => (await numberThere()) === 101);
    expect((await keys.store.fleet()).epoch).toBe(epoch);
  });
});
