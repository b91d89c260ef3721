import { beforeEach, describe, expect, test } from 'vitest';
import { CHANGES_KEPT_MS, type KeyFilter, type KeyStore } from '../../src/key-service/store/store.ts';
import { ALL, PAGE, T0, newKey, owner } from './key-store.sample.ts';

/** How every key store lists keys; `open` answers the store of the running test. */
export function keyListContract(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(() => {
    store = open();
  });

  describe('lists of keys', () => {
    beforeEach(async () => {
      await store.putOwner(owner('acme', { workspace: 'W1' }), T0);
      await store.putOwner(owner('beta', { enabled: false }), T0);
      const keys = [
        newKey({ keyId: 'old', createdAt: T0 - 30, name: 'Nightly Build' }),
        newKey({ keyId: 'new', createdAt: T0 - 10, name: 'build_2' }),
        newKey({ keyId: 'twin', createdAt: T0 - 10, name: 'x', ownerId: 'beta', profile: 'standard' }),
        newKey({ keyId: 'expired', createdAt: T0 - 5, expiresAt: T0, name: '100%' }),
        newKey({ keyId: 'expiring', createdAt: T0 - 40, expiresAt: T0 + 1, name: 'a\\b' }),
        newKey({ keyId: 'both', createdAt: T0 - 1, expiresAt: T0 - 1, revokedAt: T0 - 1 }),
        newKey({ keyId: 'revoked', createdAt: T0 - 2, revokedAt: T0 - 2, ownerId: 'beta' }),
      ];
      await store.insertKeys(keys, T0);
    });

    const lists: [string, Partial<KeyFilter>, string[]][] = [
      [
        'all: active ones first, then the newest',
        {},
        ['new', 'twin', 'old', 'expiring', 'both', 'revoked', 'expired'],
      ],
      ['active', { status: 'active' }, ['new', 'twin', 'old', 'expiring']],
      ['expired, from the very millisecond', { status: 'expired' }, ['expired']],
      ['revoked, though expired too', { status: 'revoked' }, ['both', 'revoked']],
      ['of an owner', { ownerId: 'beta' }, ['twin', 'revoked']],
      ['of a profile', { profile: 'standard' }, ['twin']],
      ['of a workspace', { workspace: 'W1', status: 'active' }, ['new', 'old', 'expiring']],
      ['by a part of the name in any case', { name: 'bUILD' }, ['new', 'old']],
      ['by a percent sign that is only that', { name: '%' }, ['expired']],
      ['by an underscore that is only that', { name: '_' }, ['new']],
      ['by a backslash', { name: '\\' }, ['expiring']],
      ['of an owner without keys', { ownerId: 'nobody' }, []],
    ];
    test.for(lists)('%s', async ([, filter, ids]) => {
      const { keys, total } = await store.listKeys({ ...ALL, ...filter }, PAGE);
      expect(keys.map((key) => key.record.keyId)).toEqual(ids);
      expect(total).toBe(ids.length);
    });

    test('letters beyond ASCII are found as they are written only', async () => {
      await store.insertKeys([newKey({ keyId: 'big', name: 'NÄHER' }), newKey({ name: 'ıstanbul İ' })], T0);
      const idsOf = async (name: string) =>
        (await store.listKeys({ ...ALL, name }, PAGE)).keys.map((key) => key.record.keyId);
      expect(await idsOf('nÄher')).toEqual(['big']);
      expect(await idsOf('näher')).toEqual([]);
      expect(await idsOf('Istanbul')).toEqual([]);
      expect(await idsOf('İ')).toHaveLength(1);
    });

    test('keys of one instant are in the order of the bytes of their ids', async () => {
      const ids = ['a', 'B', '_', 'a-b', 'aB', 'ab', 'é', 'z', '10', '9'];
      await store.insertKeys(
        ids.map((keyId) => newKey({ keyId, createdAt: T0 + 1 })),
        T0,
      );
      const { keys } = await store.listKeys({ ...ALL, status: 'active' }, { limit: 10, offset: 0 });
      const inOrder = ['10', '9', 'B', '_', 'a', 'a-b', 'aB', 'ab', 'z', 'é'];
      expect(keys.map((key) => key.record.keyId)).toEqual(inOrder);
      const middle = await store.listKeys({ ...ALL, status: 'active' }, { limit: 4, offset: 3 });
      expect(middle.keys.map((key) => key.record.keyId)).toEqual(inOrder.slice(3, 7));
    });

    test('nothing is found by a text that no name and no id can have', async () => {
      expect((await store.listKeys({ ...ALL, name: 'b\0u' }, PAGE)).total).toBe(0);
      expect((await store.listKeys({ ...ALL, ownerId: 'acme\0' }, PAGE)).total).toBe(0);
      expect(await store.showKey('old\0')).toBeNull();
      expect(await store.showOwner('\0')).toBeNull();
      expect(await store.resolve(['\0'])).toMatchObject({ key: null, asOf: 9 });
    });

    test('pages cut the same order, and the total is of all', async () => {
      const { keys, total } = await store.listKeys(ALL, { limit: 2, offset: 1 });
      expect(keys.map((key) => key.record.keyId)).toEqual(['twin', 'old']);
      expect(total).toBe(7);
    });
  });
}

/** How every key store counts and keeps changes. */
export function changesContract(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(() => {
    store = open();
  });

  describe('changes', () => {
    test('fifty writers at once get fifty numbers without a gap, and each key has its own', async () => {
      await store.putOwner(owner('acme'), T0);
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => store.insertKeys([newKey()], T0)));
      const numbers = outcomes.map((outcome) => (outcome.kind === 'inserted' ? outcome.firstNumber : -1));
      expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
      const { keys } = await store.listKeys(ALL, PAGE);
      const changes = new Map((await store.keptChanges()).map((change) => [change.number, change.keyId]));
      for (const key of keys) expect(changes.get(key.changeNumber)).toBe(key.record.keyId);
    });

    test('a read during a long write sees all of it or nothing', async () => {
      await store.putOwner(owner('acme'), T0);
      const keys = Array.from({ length: 1000 }, (_, i) => newKey(i === 999 ? { ownerId: 'nobody' } : {}));
      const writing = store.insertKeys(keys, T0);
      const first = keys[0]?.digest.hash ?? '';
      const seen = [];
      for (let i = 0; i < 20; i++) {
        seen.push(await store.resolve([first]));
        await new Promise(setImmediate);
      }
      expect(await writing).toMatchObject({ kind: 'unknown_owner', index: 999 });
      for (const found of seen) expect(found).toEqual({ key: null, hash: null, asOf: 1 });
    });

    test('a change of an owner names the owner, of a key the key; only a new key has its digest, sealed', async () => {
      await store.putOwner(owner('acme'), T0);
      await store.insertKeys([newKey({ keyId: 'k1', sealedDigest: 'sealed' })], T0 + 1);
      await store.patchKey('k1', { name: 'new' }, T0 + 2);
      await store.revokeKey('k1', T0 + 3);
      const none = { keyId: null, ownerId: null, sealedDigest: null };
      expect(await store.keptChanges()).toEqual([
        { ...none, number: 1, at: T0, ownerId: 'acme' },
        { ...none, number: 2, at: T0 + 1, keyId: 'k1', sealedDigest: { pepperId: 'p1', text: 'sealed' } },
        { ...none, number: 3, at: T0 + 2, keyId: 'k1' },
        { ...none, number: 4, at: T0 + 3, keyId: 'k1' },
      ]);
    });

    test('changes are kept for 15 minutes and leave with the first write after that', async () => {
      await store.putOwner(owner('a'), T0);
      await store.putOwner(owner('b'), T0 + CHANGES_KEPT_MS);
      expect((await store.keptChanges()).map((change) => change.number)).toEqual([1, 2]);
      await store.putOwner(owner('c'), T0 + CHANGES_KEPT_MS + 1);
      expect((await store.keptChanges()).map((change) => change.number)).toEqual([2, 3]);
      expect(await store.head()).toBe(3);
    });
  });
}
