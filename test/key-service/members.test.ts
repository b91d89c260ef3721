import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import type { Renewal } from '../../src/core/wire.ts';
import { TestMember } from '../support/member.ts';
import { DRAFT, T0, testService, type TestService } from './fixture.ts';

const FENCE = 200;
let keys: TestService;
beforeEach(async () => {
  keys = await testService({ fenceMs: FENCE });
  await keys.member.leave();
});

const FIRST: Renewal = { epoch: null, applied: 0, staleIfErrorMs: 0, leaving: false };
const signal = new AbortController().signal;
const renew = (id: string, renewal: Partial<Renewal> = {}) =>
  keys.service.renew(id, { ...FIRST, ...renewal }, signal);
const rows = async () => (await keys.store.fleet()).members.map(({ id, applied }) => [id, applied]);

describe('a renewal', () => {
  test('tells what has changed, and grants the fence', async () => {
    const { keyId, digest } = await keys.create();
    const { epoch } = await keys.store.fleet();
    const grant = await renew('a');
    expect(grant).toEqual({
      epoch,
      head: 2,
      changes: [
        { number: 1, keyId: null, ownerId: 'acme', digest: null },
        { number: 2, keyId, ownerId: null, digest },
      ],
      fenceMs: FENCE,
      now: T0,
      redisRun: null,
    });
    expect(await renew('a', { epoch, applied: 1 })).toEqual({ ...grant, changes: grant.changes.slice(1) });
    expect(await renew('a', { epoch, applied: 2 })).toEqual({ ...grant, changes: [] });
    expect(await rows()).toEqual([['a', 2]]);
  });

  test('is answered after its row is committed, of a head not older than that', async () => {
    const order: string[] = [];
    const renewMembers = keys.store.renewMembers.bind(keys.store);
    const changesAfter = keys.store.changesAfter.bind(keys.store);
    vi.spyOn(keys.store, 'renewMembers').mockImplementation(async (renewals) => {
      await renewMembers(renewals);
      await pause(20);
      order.push('row');
    });
    vi.spyOn(keys.store, 'changesAfter').mockImplementation((...asked) => {
      order.push('head');
      return changesAfter(...asked);
    });
    const renewing = renew('a');
    await keys.create();
    expect((await renewing).head).toBe(2);
    expect(order).toEqual(['row', 'head']);
  });

  test('of more changes than are told at once goes on until the last', async () => {
    const drafts = Array.from({ length: 10_001 }, (_, i) => ({ ...DRAFT, sha256: digestOf(`key ${i}`) }));
    expect(await keys.service.importKeys(drafts.slice(0, 5000))).toMatchObject({ imported: 5000 });
    expect(await keys.service.importKeys(drafts.slice(5000))).toMatchObject({ imported: 5001 });
    const first = await renew('a');
    expect([first.changes.length, first.changes.at(-1)?.number, first.head]).toEqual([
      10_000, 10_000, 10_002,
    ]);
    const second = await renew('a', { epoch: first.epoch, applied: 10_000 });
    expect(second.changes.map(({ number, digest }) => [number, digest])).toEqual([
      [10_001, digestOf('key 9999')],
      [10_002, digestOf('key 10000')],
    ]);
  }, 30_000);

  test('names the Redis process of the moment of its head', async () => {
    await keys.store.nameRedis('run of a Redis');
    expect((await renew('a')).redisRun).toBe('run of a Redis');
  });

  test('of who has left already is not answered, and makes no member', async () => {
    const left = keys.service.renew('a', FIRST, AbortSignal.abort());
    await expect(left).rejects.toThrow('aborted');
    expect(await rows()).toEqual([]);
  });

  test('that the store cannot keep is not answered, and the next one is', async () => {
    vi.spyOn(keys.store, 'renewMembers').mockRejectedValueOnce(new Error('disk full'));
    await expect(renew('a')).rejects.toThrow('disk full');
    await renew('a');
    expect(await rows()).toEqual([['a', 0]]);
  });

  test('that the store keeps for too long is not answered, and does not hold up the next one', async () => {
    vi.spyOn(keys.store, 'renewMembers').mockReturnValueOnce(new Promise(() => undefined));
    const [stuck, next] = [renew('a'), renew('b')];
    await expect(stuck).rejects.toThrow('did not answer within 200 ms');
    expect((await next).head).toBe(1);
  });
});

describe('a member that leaves', () => {
  test('is none, and is granted nothing', async () => {
    await renew('a');
    await renew('b');
    const { fenceMs } = await renew('a', { leaving: true });
    expect(fenceMs).toBe(0);
    expect(await rows()).toEqual([['b', 0]]);
  });

  test('is none, though a renewal of it is written at the same moment', async () => {
    await Promise.all([renew('x'), renew('a'), renew('a', { leaving: true })]);
    expect(await rows()).toEqual([['x', 0]]);
  });
});

describe('an epoch', () => {
  test('other than the one a member knows is told of from its beginning', async () => {
    await keys.create();
    const grant = await renew('a', { epoch: 'before', applied: 2 });
    expect(grant.changes.map(({ number }) => number)).toEqual([1, 2]);
  });

  test('ends when a member has seen numbers that the store does not have', async () => {
    await keys.create();
    const before = await renew('a');
    const member = await TestMember.join(keys.service);
    const after = await renew('a', { epoch: before.epoch, applied: 60 });
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.changes.map(({ number }) => number)).toEqual([1, 2]);
    await member.renew();
    expect([member.grant.epoch, member.changes.length]).toEqual([after.epoch, 2]);
    expect((await renew('a', { epoch: after.epoch, applied: 2 })).epoch).toBe(after.epoch);
  });

  test('goes on while members and the store agree', async () => {
    const { epoch } = await renew('a');
    const members = await Promise.all(
      Array.from({ length: 5 }, () => TestMember.join(keys.service, { news: keys.service.onNews })),
    );
    await Promise.all(Array.from({ length: 50 }, () => keys.create()));
    expect(members.map(({ grant, applied }) => [grant.epoch, applied])).toEqual(
      Array.from({ length: 5 }, () => [epoch, 51]),
    );
  });
});

test('a thousand renewals at once are few transactions and few reads', async () => {
  await keys.create();
  const writes = vi.spyOn(keys.store, 'renewMembers');
  const reads = vi.spyOn(keys.store, 'changesAfter');
  const { epoch } = await keys.store.fleet();
  const renewals = Array.from({ length: 1000 }, (_, i) => renew(`m${i}`, { epoch, applied: i % 2 }));
  const grants = await Promise.all(renewals);
  expect(grants.map(({ changes }) => changes.length)).toEqual(grants.map((_, i) => 2 - (i % 2)));
  expect(writes.mock.calls.length).toBeLessThan(10);
  expect(reads.mock.calls.length).toBeLessThan(20);
  expect((await keys.service.members()).members).toHaveLength(1000);
});

test('the list of members says how far behind each is, and when it was last heard of', async () => {
  const { epoch, head } = await renew('a', { staleIfErrorMs: 5000 });
  await renew('a', { epoch, applied: 1, staleIfErrorMs: 5000 });
  await renew('b', { staleIfErrorMs: 5000 });
  await keys.create();
  await pause(30);
  const view = await keys.service.members();
  expect(view).toMatchObject({ epoch, head: head + 1, redisRun: null, redisSettled: true });
  expect(view.members).toEqual([
    { id: 'a', applied: 1, lag: 1, staleIfErrorMs: 5000, seenAgoMs: expect.any(Number) },
    { id: 'b', applied: 0, lag: 2, staleIfErrorMs: 5000, seenAgoMs: expect.any(Number) },
  ]);
  for (const { seenAgoMs } of view.members) {
    expect(seenAgoMs).toBeGreaterThanOrEqual(29);
    expect(seenAgoMs).toBeLessThan(3000);
  }
});
