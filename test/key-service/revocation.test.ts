import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { KeyService } from '../../src/key-service/keys.ts';
import type { RevokeKeyOutcome } from '../../src/key-service/outcomes.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { TestMember, type TestMemberOptions } from '../support/member.ts';
import { DRAFT, joinAndVanish, pepperSet, testService, type TestService } from './fixture.ts';

const FENCE = 400;
const FENCED = 1.15 * FENCE;

let keys: TestService;
beforeEach(async () => {
  keys = await testService({ fenceMs: FENCE });
  await keys.member.leave();
});

const join = (options: TestMemberOptions = {}) =>
  TestMember.join(keys.service, { news: keys.service.onNews, ...options });

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const startedAt = performance.now();
  return [await work, performance.now() - startedAt];
}

function told(outcome: RevokeKeyOutcome): unknown[] {
  if (outcome.kind !== 'revoked' && outcome.kind !== 'uncertain') return [outcome.kind];
  const { members, acked, fencedMembers } = outcome.propagation;
  return [outcome.kind, members, acked, ...fencedMembers];
}

/** Another process of the key service over the same store. */
async function anotherService(fenceMs = FENCE): Promise<KeyService> {
  const { store } = keys;
  const peppers = pepperSet('p1');
  const service = new KeyService({ store, clock: systemClock, peppers, randomBytes, fenceMs });
  await service.start();
  return service;
}

describe('a revocation', () => {
  test('is certain as soon as every member has acknowledged it', async () => {
    const members = await Promise.all(Array.from({ length: 5 }, () => join()));
    const { keyId } = await keys.create();
    expect(told(await keys.service.revokeKey(keyId))).toEqual(['revoked', 5, 5]);
    for (const member of members) expect(member.changes.at(-1)).toMatchObject({ number: 3, keyId });
  });

  test('is not certain before the last of them has', async () => {
    const slow = await join();
    await join();
    const { keyId } = await keys.create();
    slow.silence();
    const revoking = timed(keys.service.revokeKey(keyId));
    await pause(100);
    slow.goOn();
    await slow.renew();
    const [outcome, tookMs] = await revoking;
    expect(told(outcome)).toEqual(['revoked', 2, 2]);
    expect(tookMs).toBeGreaterThanOrEqual(99);
  });

  test('fences off a member that is silent, after the fence and its margin, and says which', async () => {
    const silent = await join({ id: 'silent', staleIfErrorMs: 2000 });
    await join();
    const { keyId } = await keys.create();
    silent.silence();
    const [outcome, tookMs] = await timed(keys.service.revokeKey(keyId));
    expect(told(outcome)).toEqual(['revoked', 2, 1, 'silent']);
    expect(tookMs).toBeGreaterThanOrEqual(FENCED);
    expect(tookMs).toBeLessThan(FENCED + 1000);
  });

  test('waits no longer for a member that leaves', async () => {
    const { keyId } = await keys.create();
    const leaving = await joinAndVanish(keys);
    const revoking = keys.service.revokeKey(keyId);
    await pause(40);
    await leaving.leave();
    expect(told(await revoking)).toEqual(['revoked', 1, 0, leaving.id]);
  });

  test('is not waited for by a member that joins after it', async () => {
    const { keyId } = await keys.create();
    const silent = await join();
    silent.silence();
    const revoking = keys.service.revokeKey(keyId);
    await pause(40);
    await join({ id: 'late' });
    expect(told(await revoking)).toEqual(['revoked', 1, 0, silent.id]);
  });

  test('holds up no other write', async () => {
    const silent = await join({ staleIfErrorMs: 2000 });
    const first = await keys.create();
    silent.silence();
    let isOver = false;
    const revoking = keys.service.revokeKey(first.keyId).finally(() => {
      isOver = true;
    });
    await pause(FENCE / 2);
    await keys.create();
    expect(isOver).toBe(false);
    expect(told(await revoking)).toEqual(['revoked', 1, 0, silent.id]);
  });

  test('ends its wait when the caller leaves, and holds all the same', async () => {
    const silent = await join();
    const { keyId, digest } = await keys.create();
    silent.silence();
    const caller = new AbortController();
    const revoking = timed(keys.service.revokeKey(keyId, undefined, { signal: caller.signal }));
    await pause(20);
    caller.abort();
    const [outcome, tookMs] = await revoking;
    expect(told(outcome)).toEqual(['uncertain', 1, 0]);
    expect(tookMs).toBeLessThan(FENCED);
    expect((await keys.resolve(digest)).record?.revokedAt).not.toBeNull();
  });

  test('goes on though the store does not answer for a moment, and is not certain by that', async () => {
    const silent = await join();
    const { keyId } = await keys.create();
    silent.silence();
    const fleet = vi.spyOn(keys.store, 'fleet');
    for (let i = 0; i < 3; i++) fleet.mockRejectedValueOnce(new Error('away'));
    expect(told(await keys.service.revokeKey(keyId))).toEqual(['revoked', 1, 0, silent.id]);
  });

  test('is not answered where the store does not say who the members are', async () => {
    await join();
    const { keyId } = await keys.create();
    vi.spyOn(keys.store, 'fleet').mockRejectedValue(new Error('away'));
    await expect(keys.service.revokeKey(keyId)).rejects.toThrow('away');
  });

  test('with five members that hear of news is a matter of milliseconds; of 200 no more than two take a fence', async () => {
    await Promise.all(Array.from({ length: 5 }, () => join()));
    const made = await Promise.all(Array.from({ length: 200 }, () => keys.create()));
    const took: number[] = [];
    for (const { keyId } of made) {
      const [outcome, ms] = await timed(keys.service.revokeKey(keyId));
      expect(told(outcome)).toEqual(['revoked', 5, 5]);
      took.push(ms);
    }
    took.sort((a, b) => a - b);
    expect(took[197]).toBeLessThan(FENCE);
    // Acknowledgements made to this process are heard at once, not at the next look at the store.
    expect(took[0]).toBeLessThan(20);
  });
});

describe('a revocation that is repeated', () => {
  test('waits for the number of the first', async () => {
    const silent = await join({ id: 'silent' });
    const { keyId } = await keys.create();
    silent.silence();
    const caller = AbortSignal.timeout(20);
    expect(told(await keys.service.revokeKey(keyId, undefined, { signal: caller }))).toEqual([
      'uncertain',
      1,
      0,
    ]);
    silent.goOn();
    await keys.create();
    expect(told(await keys.service.revokeKey(keyId))).toEqual(['revoked', 1, 1]);
    expect((await keys.store.fleet()).head).toBe(4);
  });

  test('counts from the first, where this process has made it or seen it', async () => {
    const silent = await join({ staleIfErrorMs: 2000 });
    const other = await anotherService();
    const { keyId } = await keys.create();
    silent.silence();
    await keys.service.revokeKey(keyId, undefined, { signal: AbortSignal.abort() });
    await pause(FENCED - FENCE / 4);
    for (const service of [keys.service, other]) {
      const [outcome, tookMs] = await timed(service.revokeKey(keyId));
      expect(told(outcome)).toEqual(['revoked', 1, 0, silent.id]);
      expect(tookMs).toBeLessThan(FENCED - 20);
    }
    await other.stop();
  });

  test('counts from itself, where this process has not known of it', async () => {
    const silent = await join({ staleIfErrorMs: 2000 });
    const { keyId } = await keys.create();
    silent.silence();
    await keys.service.revokeKey(keyId, undefined, { signal: AbortSignal.abort() });
    await pause(FENCED);
    const other = await anotherService();
    const [outcome, tookMs] = await timed(other.revokeKey(keyId));
    expect(told(outcome)).toEqual(['revoked', 1, 0, silent.id]);
    expect(tookMs).toBeGreaterThan(FENCE);
    await other.stop();
  });
});

describe('with several processes over one store', () => {
  test('a revocation made by one is acknowledged to another', async () => {
    const other = await anotherService();
    const members = [await join(), await TestMember.join(other), await TestMember.join(other)];
    const { keyId } = await keys.create();
    expect(told(await keys.service.revokeKey(keyId))).toEqual(['revoked', 3, 3]);
    for (const member of members) expect(member.applied).toBe(3);
    await other.stop();
  });

  test('a member that renews with one is known to be alive to another', async () => {
    const other = await anotherService();
    const member = await TestMember.join(other);
    await pause(FENCE);
    const { members } = await keys.service.members();
    expect(members.map(({ id }) => id)).toEqual([member.id]);
    expect(members[0]?.seenAgoMs).toBeLessThan(FENCE);
    await other.stop();
  });
});

describe('a change that revokes nothing', () => {
  const imported = () => ({ ...DRAFT, sha256: randomBytes(32).toString('hex') });
  const change: [string, (keyId: string) => Promise<unknown>][] = [
    ['a new key', () => keys.create()],
    ['a patch', (keyId) => keys.service.patchKey(keyId, { name: 'new' })],
    ['a rotation', (keyId) => keys.service.rotateKey(keyId, { overlap: '0s' })],
    ['an owner', () => keys.service.putOwner('acme', { profile: 'plexe', tier: 'pro', enabled: false })],
    ['an import', () => keys.service.importKeys([imported(), imported()])],
  ];
  test.for(change)('is known to the members when the call returns: %s', async ([, make]) => {
    const { keyId } = await keys.create();
    const members = [await join(), await join()];
    await make(keyId);
    const { head } = await keys.store.fleet();
    expect(members.map(({ applied }) => applied)).toEqual([head, head]);
  });

  test('does not wait for a member that has been silent for half a fence', async () => {
    const silent = await join({ staleIfErrorMs: 5000 });
    const there = await join();
    silent.silence();
    await pause(FENCE / 2 + 10);
    const [, tookMs] = await timed(keys.create());
    expect(tookMs).toBeLessThan(700);
    expect(there.applied).toBe(2);
  });

  test('does not fail where the store does not say who the members are', async () => {
    await join();
    vi.spyOn(keys.store, 'fleet').mockRejectedValue(new Error('away'));
    const [made, tookMs] = await timed(keys.create());
    expect(made.keyId).toMatch(/^key_/);
    expect(tookMs).toBeLessThan(2000);
  });
});

describe('the row of a member that is silent', () => {
  test('goes when the member has nothing left to use, and it may come back', async () => {
    const silent = await join({ staleIfErrorMs: 400 });
    const there = await join();
    silent.silence();
    const ids = async () => (await keys.store.fleet()).members.map(({ id }) => id).sort();
    await pause(1.15 * (400 + FENCE) - FENCE / 2);
    expect(await ids()).toEqual([silent.id, there.id].sort());
    await expect.poll(ids, { timeout: 2000 }).toEqual([there.id]);
    silent.goOn();
    await silent.renew();
    expect(await ids()).toEqual([silent.id, there.id].sort());
  });
});

describe('a store that has lost commits', () => {
  test('begins a new epoch before anybody takes an old acknowledgement for a new one', async () => {
    const member = await join();
    const keptOnly = await keys.create();
    for (let i = 0; i < 3; i++) await keys.create();
    const { epoch, head } = await keys.store.fleet();
    member.silence();
    // As a backup put back: the numbers 3 and up were given out, and the store knows of none.
    const fleet = keys.store.fleet.bind(keys.store);
    vi.spyOn(keys.store, 'fleet').mockImplementation(async () => {
      const state = await fleet();
      return state.epoch === epoch ? { ...state, head: head - 2 } : state;
    });
    const outcome = await keys.service.revokeKey(keptOnly.keyId);
    expect(told(outcome)).toEqual(['revoked', 1, 0, member.id]);
    expect((await fleet()).epoch).not.toBe(epoch);
  });
});
