import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KeyStore, NewKey } from '../../src/key-service/store/store.ts';
import { changesContract, keyListContract } from './key-store-changes.contract.ts';
import { fleetContract } from './key-store-fleet.contract.ts';
import { gaugesContract } from './key-store-gauges.contract.ts';
import { ledgerContract } from './key-store-ledger.contract.ts';
import { operatorsContract } from './key-store-operators.contract.ts';
import { rotationContract } from './key-store-rotation.contract.ts';
import { ALL, PAGE, T0, newKey, owner } from './key-store.sample.ts';

/** What every key store must do. `open` makes an empty one. */
export function keyStoreContract(name: string, open: () => Promise<KeyStore>): void {
  describe(`${name} as a key store`, () => {
    let store: KeyStore;

    beforeEach(async () => {
      store = await open();
    });

    afterEach(async () => {
      await store.close();
    });

    describe('owners', () => {
      test('an owner is read back as it was put, limits and all', async () => {
        const acme = owner('acme', {
          profile: 'plextera',
          enabled: false,
          workspace: 'W1',
          limits: [
            { quota: 10, windowMs: 1000 },
            { quota: 7, windowMs: 900_000 },
          ],
        });
        await store.putOwner(acme, T0);
        expect(await store.showOwner('acme')).toEqual(acme);
        expect(await store.showOwner('other')).toBeNull();
      });

      test('no limits of its own and limits that are none are different things', async () => {
        await store.putOwner(owner('tier', { limits: null }), T0);
        await store.putOwner(owner('unlimited', { limits: [] }), T0);
        expect((await store.showOwner('tier'))?.limits).toBeNull();
        expect((await store.showOwner('unlimited'))?.limits).toEqual([]);
      });

      test('a second put replaces the owner, and its keys have the new one', async () => {
        await store.putOwner(owner('acme', { workspace: 'W1' }), T0);
        await store.insertKeys([newKey({ keyId: 'k1' })], T0);
        await store.putOwner(owner('acme', { tier: 'pro', enabled: false }), T0);
        expect((await store.showKey('k1'))?.record.owner).toEqual(
          owner('acme', { tier: 'pro', enabled: false }),
        );
        expect((await store.listOwners(PAGE)).total).toBe(1);
      });

      test('owners are listed in pages, in the order of their ids', async () => {
        for (const id of ['c', 'a', 'D', 'b', '_']) await store.putOwner(owner(id), T0);
        const first = await store.listOwners({ limit: 2, offset: 0 });
        expect(first.owners.map((one) => one.id)).toEqual(['D', '_']);
        const second = await store.listOwners({ limit: 2, offset: 3 });
        expect(second.owners.map((one) => one.id)).toEqual(['b', 'c']);
        expect(second.total).toBe(5);
      });
    });

    describe('keys', () => {
      beforeEach(async () => {
        await store.putOwner(owner('acme', { workspace: 'W1' }), T0);
        await store.putOwner(owner('beta'), T0);
      });

      test('a key is read back as it was inserted', async () => {
        const key = newKey({
          name: "it's 100 % \\ «näme»",
          limits: [{ quota: 5, windowMs: 60_000 }],
          mcps: ['m1', 'm2'],
          expiresAt: T0 + 1,
          shownPrefix: 'abc',
          shownSuffix: 'xyz',
        });
        await store.insertKeys([key], T0);
        expect(await store.showKey(key.keyId)).toEqual({
          record: {
            keyId: key.keyId,
            name: key.name,
            profile: 'plexe',
            owner: owner('acme', { workspace: 'W1' }),
            permission: 'read_write',
            limits: key.limits,
            mcps: key.mcps,
            createdAt: T0,
            expiresAt: T0 + 1,
            revokedAt: null,
            deprecatedAt: null,
          },
          description: null,
          createdBy: 'admin',
          replacedBy: null,
          lastUsedAt: null,
          requestCount: 0,
          shownPrefix: 'abc',
          shownSuffix: 'xyz',
          changeNumber: 3,
        });
      });

      test('a key is found by any of the hashes asked for, with the head of the moment', async () => {
        const key = newKey();
        await store.insertKeys([key], T0);
        const found = await store.resolve(['another hash', key.digest.hash]);
        expect(found).toMatchObject({
          hash: key.digest.hash,
          asOf: 3,
          key: { record: { keyId: key.keyId } },
        });
        await store.putOwner(owner('beta'), T0);
        expect(await store.resolve(['another hash'])).toEqual({ key: null, hash: null, asOf: 4 });
      });

      test('an empty store answers that nothing is known as of 0', async () => {
        const empty = await open();
        expect(await empty.resolve(['any'])).toEqual({ key: null, hash: null, asOf: 0 });
        expect(await empty.head()).toBe(0);
        await empty.close();
      });

      const faults: [string, readonly NewKey[], object][] = [
        [
          'an unknown owner',
          [newKey(), newKey({ ownerId: 'nobody' }), newKey({ ownerId: 'no one' })],
          { kind: 'unknown_owner', index: 1 },
        ],
        [
          'a digest already kept',
          [newKey(), newKey({ digest: { pepperId: 'p1', hash: 'there' } })],
          { kind: 'taken', index: 1, what: 'digest' },
        ],
        [
          'a digest already kept under an older pepper',
          [newKey({ olderHashes: ['elsewhere', 'there'] })],
          { kind: 'taken', index: 0, what: 'digest' },
        ],
        [
          'a key id already there',
          [newKey(), newKey(), newKey({ keyId: 'k0' })],
          { kind: 'taken', index: 2, what: 'key_id' },
        ],
      ];
      test.for(faults)('%s refuses all of the keys and takes no number', async ([, keys, refusal]) => {
        await store.insertKeys([newKey({ keyId: 'k0', digest: { pepperId: 'p1', hash: 'there' } })], T0);
        expect(await store.insertKeys(keys, T0)).toEqual(refusal);
        expect((await store.listKeys(ALL, PAGE)).total).toBe(1);
        expect(await store.head()).toBe(3);
        expect(await store.keptChanges()).toHaveLength(3);
      });

      test('of 1,200 keys, one known near the end refuses all', async () => {
        await store.insertKeys([newKey({ keyId: 'k0' })], T0);
        const keys = Array.from({ length: 1200 }, (_, i) => newKey(i === 1100 ? { keyId: 'k0' } : {}));
        expect(await store.insertKeys(keys, T0)).toMatchObject({ kind: 'taken', index: 1100 });
        expect((await store.listKeys(ALL, PAGE)).total).toBe(1);
        expect(await store.head()).toBe(3);
      });

      test('1,200 keys take 1,200 numbers in their order', async () => {
        const keys = Array.from({ length: 1200 }, () => newKey());
        expect(await store.insertKeys(keys, T0)).toEqual({ kind: 'inserted', firstNumber: 3 });
        expect(await store.head()).toBe(1202);
        expect((await store.showKey(keys[1199]?.keyId ?? ''))?.changeNumber).toBe(1202);
        const changes = await store.keptChanges();
        expect(changes.map((change) => change.keyId)).toEqual([null, null, ...keys.map((key) => key.keyId)]);
        expect(changes.map((change) => change.number)).toEqual(Array.from({ length: 1202 }, (_, i) => i + 1));
      });

      test('a patch changes what it names and nothing else', async () => {
        await store.insertKeys([newKey({ keyId: 'k1', expiresAt: T0 + 5 })], T0);
        const before = await store.showKey('k1');
        await store.patchKey('k1', { name: 'new', description: 'of the build' }, T0);
        await store.patchKey('k1', { limits: [{ quota: 1, windowMs: 1000 }], mcps: ['m'] }, T0);
        const patched = await store.patchKey('k1', { expiresAt: null }, T0);
        const key = {
          ...before,
          changeNumber: 6,
          description: 'of the build',
          record: {
            ...before?.record,
            name: 'new',
            limits: [{ quota: 1, windowMs: 1000 }],
            mcps: ['m'],
            expiresAt: null,
          },
        };
        expect(patched).toEqual({ kind: 'patched', key });
        expect(await store.showKey('k1')).toEqual(key);
      });

      test('a revoked key keeps its instant and number when revoked again, and takes no patch', async () => {
        await store.insertKeys([newKey({ keyId: 'k1' })], T0);
        const first = await store.revokeKey('k1', T0 + 10);
        expect(first).toMatchObject({
          kind: 'revoked',
          first: true,
          revokedAt: T0 + 10,
          key: { changeNumber: 4 },
        });
        await store.putOwner(owner('beta'), T0);
        const second = await store.revokeKey('k1', T0 + 20);
        expect(second).toMatchObject({
          kind: 'revoked',
          first: false,
          revokedAt: T0 + 10,
          key: { changeNumber: 4 },
        });
        expect(await store.patchKey('k1', { name: 'new' }, T0)).toEqual({ kind: 'revoked' });
        expect(await store.head()).toBe(5);
      });

      test('a key that is not there can be neither shown, patched nor revoked', async () => {
        expect(await store.showKey('k1')).toBeNull();
        expect(await store.patchKey('k1', { name: 'new' }, T0)).toEqual({ kind: 'unknown_key' });
        expect(await store.revokeKey('k1', T0)).toEqual({ kind: 'unknown_key' });
        expect(await store.head()).toBe(2);
      });

      test('a key kept under another pepper is found there only, and no number is taken', async () => {
        const key = newKey();
        await store.insertKeys([key], T0);
        await store.rehashKey(key.keyId, 'not its hash', { pepperId: 'p3', hash: 'wrong' });
        expect((await store.resolve([key.digest.hash])).key?.record.keyId).toBe(key.keyId);
        await store.rehashKey(key.keyId, key.digest.hash, { pepperId: 'p2', hash: 'new' });
        expect(await store.resolve([key.digest.hash])).toEqual({ key: null, hash: null, asOf: 3 });
        expect((await store.resolve(['new'])).key?.record.keyId).toBe(key.keyId);
        expect([...(await store.peppersInUse())].sort()).toEqual(['p1', 'p2']);
      });
    });

    keyListContract(() => store);
    changesContract(() => store);
    rotationContract(() => store);
    ledgerContract(() => store);
    gaugesContract(() => store);
    operatorsContract(() => store);
    fleetContract(() => store);

    test('a proof is kept per pepper, the newest', async () => {
      await store.keepPepperProof({ pepperId: 'p1', proof: 'a' });
      await store.keepPepperProof({ pepperId: 'p2', proof: 'b' });
      await store.keepPepperProof({ pepperId: 'p1', proof: 'c' });
      const proofs = [...(await store.pepperProofs())].sort((a, b) => a.pepperId.localeCompare(b.pepperId));
      expect(proofs).toEqual([
        { pepperId: 'p1', proof: 'c' },
        { pepperId: 'p2', proof: 'b' },
      ]);
    });
  });
}
