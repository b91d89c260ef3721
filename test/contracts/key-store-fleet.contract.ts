import { beforeEach, describe, expect, test } from 'vitest';
import type { MemberRenewal, MemberRow } from '../../src/key-service/store/fleet.ts';
import { CHANGES_KEPT_MS, type KeyStore } from '../../src/key-service/store/store.ts';
import { T0, newKey, owner } from './key-store.sample.ts';

/** What every key store knows of its members; `open` answers the store of the running test. */
export function fleetContract(open: () => KeyStore): void {
  describe('the fleet', () => {
    members(open);
    telling(open);
    redis(open);
    epochs(open);
  });
}

function renewal(id: string, more: Partial<MemberRenewal> = {}): MemberRenewal {
  return { id, epoch: 'e1', applied: 0, staleIfErrorMs: 60_000, ...more };
}

function members(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(() => {
    store = open();
  });

  const rows = async () => (await store.fleet()).members;
  const rowOf = async (id: string): Promise<MemberRow> => {
    const row = (await rows()).find((one) => one.id === id);
    if (row === undefined) throw new Error(`no member ${id}`);
    return row;
  };

  test('of a new store has no members and an epoch of its own', async () => {
    expect(await store.fleet()).toEqual({
      epoch: expect.stringMatching(/^[0-9a-f-]{36}$/),
      head: 0,
      members: [],
      redisRun: null,
      redisNaming: 0,
      redisSettled: true,
    });
  });

  test('has every member as it last renewed, in the order of their ids', async () => {
    await store.renewMembers([renewal('b', { applied: 3 }), renewal('a', { staleIfErrorMs: 0 })]);
    await store.renewMembers([renewal('b', { applied: 5, staleIfErrorMs: 1500 }), renewal('c')]);
    expect(await rows()).toMatchObject([
      renewal('a', { staleIfErrorMs: 0 }),
      renewal('b', { applied: 5, staleIfErrorMs: 1500 }),
      renewal('c'),
    ]);
  });

  test('no renewals at all change nothing', async () => {
    await store.renewMembers([]);
    await store.removeMembers([]);
    expect(await rows()).toEqual([]);
  });

  test('keeps 1,200 renewals of one call', async () => {
    await store.renewMembers(Array.from({ length: 1200 }, (_, i) => renewal(`m${i}`, { applied: i })));
    const seen = await rows();
    expect(seen).toHaveLength(1200);
    for (const { id, applied } of seen) expect(id).toBe(`m${applied}`);
  });

  test('counts renewals up', async () => {
    await store.renewMembers([renewal('a')]);
    const first = await rowOf('a');
    await store.renewMembers([renewal('a')]);
    expect((await rowOf('a')).renewals).toBeGreaterThan(first.renewals);
  });

  const orders: [string, readonly Partial<MemberRenewal>[], Partial<MemberRenewal>][] = [
    ['never goes back within an epoch', [{ applied: 7 }, { applied: 3 }], { applied: 7 }],
    ['goes forward', [{ applied: 3 }, { applied: 7 }], { applied: 7 }],
    [
      'begins anew in another epoch',
      [{ applied: 7 }, { applied: 2, epoch: 'e2' }],
      { applied: 2, epoch: 'e2' },
    ],
    [
      'never goes back within the new one',
      [{ applied: 7 }, { applied: 2, epoch: 'e2' }, { applied: 1, epoch: 'e2' }],
      { applied: 2, epoch: 'e2' },
    ],
  ];
  describe.each(orders)('what a member has applied %s', (_, renewals, row) => {
    test('over calls', async () => {
      for (const one of renewals) await store.renewMembers([renewal('a', one)]);
      expect(await rowOf('a')).toMatchObject(row);
    });

    test('within a call', async () => {
      await store.renewMembers([...renewals.map((one) => renewal('a', one)), renewal('b')]);
      expect(await rowOf('a')).toMatchObject(row);
    });
  });

  test('a member goes where it is as it was seen, and stays where it has renewed since', async () => {
    await store.renewMembers([renewal('a'), renewal('b'), renewal('c')]);
    const seen = await rows();
    await store.renewMembers([renewal('b')]);
    await store.removeMembers([...seen, { id: 'nobody', renewals: 1 }]);
    expect((await rows()).map(({ id }) => id)).toEqual(['b']);
  });

  test('a member that went and came back is not taken for the one that was seen before', async () => {
    await store.renewMembers([renewal('a')]);
    const seen = await rows();
    await store.removeMembers(seen);
    await store.renewMembers([renewal('a', { applied: 1 })]);
    await store.removeMembers(seen);
    expect(await rows()).toMatchObject([{ id: 'a', applied: 1 }]);
  });

  test('a member that stops is gone, and one that is not there may stop again', async () => {
    await store.renewMembers([renewal('a', { applied: 9 }), renewal('b')]);
    await store.forgetMember('a');
    await store.forgetMember('a');
    expect((await rows()).map(({ id }) => id)).toEqual(['b']);
    await store.renewMembers([renewal('a', { applied: 4 })]);
    expect(await rowOf('a')).toMatchObject({ applied: 4 });
  });

  test('renewals take no number', async () => {
    await store.putOwner(owner('acme'), T0);
    await store.renewMembers([renewal('a', { applied: 1 })]);
    expect(await store.fleet()).toMatchObject({ head: 1 });
    expect(await store.keptChanges()).toHaveLength(1);
  });
}

function telling(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(() => {
    store = open();
  });

  test('is told the head, the epoch, the Redis process and the changes after a number, in order', async () => {
    await store.putOwner(owner('acme'), T0);
    await store.insertKeys([newKey({ keyId: 'k1', sealedDigest: 'sealed' })], T0);
    await store.revokeKey('k1', T0);
    await store.nameRedis('run-1');
    const { epoch } = await store.fleet();
    const all = await store.keptChanges();
    const told = { epoch, head: 3, redisRun: 'run-1' };
    expect(await store.changesAfter(0, 100)).toEqual({ ...told, changes: all });
    expect(await store.changesAfter(1, 100)).toEqual({ ...told, changes: all.slice(1) });
    expect(await store.changesAfter(3, 100)).toEqual({ ...told, changes: [] });
    expect(await store.changesAfter(900, 100)).toEqual({ ...told, changes: [] });
    expect(await store.changesAfter(0, 2)).toEqual({ ...told, changes: all.slice(0, 2) });
  });

  test('of an empty store is told that nothing has happened', async () => {
    expect(await store.changesAfter(0, 100)).toMatchObject({ head: 0, redisRun: null, changes: [] });
  });

  test('sees by the first number that older changes are no longer kept', async () => {
    for (let i = 0; i < 4; i++) await store.putOwner(owner('acme'), T0);
    await store.putOwner(owner('acme'), T0 + CHANGES_KEPT_MS + 1);
    const { head, changes } = await store.changesAfter(2, 100);
    expect([head, changes.map(({ number }) => number)]).toEqual([5, [5]]);
  });

  test('asked for some at a time, is told every change once while others write', async () => {
    const seen: number[] = [];
    const writing = Promise.all(Array.from({ length: 30 }, (_, i) => store.putOwner(owner(`o${i}`), T0)));
    let head = 0;
    do {
      const told = await store.changesAfter(seen.at(-1) ?? 0, 4);
      seen.push(...told.changes.map(({ number }) => number));
      head = told.head;
      expect(seen.at(-1) ?? 0).toBeLessThanOrEqual(head);
    } while (head < 30 || seen.length < head);
    await writing;
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });
}

function redis(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(() => {
    store = open();
  });

  const named = async () => {
    const { redisRun, redisNaming, redisSettled } = await store.fleet();
    return [redisRun, redisNaming, redisSettled];
  };

  test('hears of a Redis process, which is settled where nobody was told of another', async () => {
    await store.nameRedis('run-1');
    expect(await named()).toEqual(['run-1', 1, true]);
    await store.nameRedis('run-1');
    expect(await named()).toEqual(['run-1', 1, true]);
  });

  test('hears of another Redis process, which is settled when that is said', async () => {
    await store.nameRedis('run-1');
    await store.nameRedis('run-2');
    expect(await named()).toEqual(['run-2', 2, false]);
    await store.settleRedis(2);
    expect(await named()).toEqual(['run-2', 2, true]);
    await store.nameRedis('run-2');
    expect(await named()).toEqual(['run-2', 2, true]);
  });

  test('is not settled by who has not heard of the newest process, though the first is back', async () => {
    await store.nameRedis('run-1');
    await store.nameRedis('run-2');
    await store.settleRedis(1);
    expect(await named()).toEqual(['run-2', 2, false]);
    await store.nameRedis('run-1');
    await store.settleRedis(1);
    expect(await named()).toEqual(['run-1', 3, false]);
  });

  test('may have no Redis any more', async () => {
    await store.nameRedis(null);
    expect(await named()).toEqual([null, 0, true]);
    await store.nameRedis('run-1');
    await store.nameRedis(null);
    expect(await named()).toEqual([null, 2, false]);
    await store.nameRedis('run-1');
    expect(await named()).toEqual(['run-1', 3, false]);
  });
}

function epochs(open: () => KeyStore): void {
  test('gets a new epoch once from those who all saw the old one, and the numbers go on', async () => {
    const store = open();
    await store.putOwner(owner('acme'), T0);
    const { epoch } = await store.fleet();
    await Promise.all([store.renewEpoch(epoch), store.renewEpoch(epoch)]);
    const after = await store.fleet();
    expect(after.epoch).toMatch(/^[0-9a-f-]{36}$/);
    expect(after.epoch).not.toBe(epoch);
    expect(after.head).toBe(1);
    await store.renewEpoch(epoch);
    expect((await store.fleet()).epoch).toBe(after.epoch);
    expect(await store.putOwner(owner('acme'), T0)).toBe(2);
    expect((await store.changesAfter(1, 10)).epoch).toBe(after.epoch);
  });
}
