import { beforeEach, describe, expect, test } from 'vitest';
import type { KeyStore, NewKey, StoredKey } from '../../src/key-service/store/store.ts';
import { T0, newKey, owner } from './key-store.sample.ts';

const HOUR = 3_600_000;

/** How every key store rotates keys, bounds how fast keys make keys, and keeps an owner's last key. */
export function rotationContract(open: () => KeyStore): void {
  describe('keys in the place of others', () => rotation(open));
}

function rotation(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(async () => {
    store = open();
    await store.putOwner(owner('acme'), T0);
    await store.putOwner(owner('beta'), T0);
  });

  const insert = (...keys: Partial<NewKey>[]) => store.insertKeys(keys.map(newKey), T0);

  describe('a rotation', () => {
    const replace = (key: NewKey, oldExpiresAt: number) => () => ({ key, oldExpiresAt });

    test('puts a new key beside the old one, which is deprecated and has an end, in two numbers', async () => {
      await insert({ keyId: 'k1', description: 'of the nightly job' });
      const seen: StoredKey[] = [];
      const key = newKey({ keyId: 'k2' });
      const outcome = await store.rotateKey(
        'k1',
        (old) => {
          seen.push(old);
          return { key, oldExpiresAt: T0 + HOUR };
        },
        T0 + 5,
      );
      const old = await store.showKey('k1');
      expect(outcome).toEqual({ kind: 'rotated', key: await store.showKey('k2'), old, firstNumber: 4 });
      expect(seen).toMatchObject([{ description: 'of the nightly job', record: { expiresAt: null } }]);
      expect(old).toMatchObject({
        replacedBy: 'k2',
        changeNumber: 5,
        record: { deprecatedAt: T0 + 5, expiresAt: T0 + HOUR, revokedAt: null },
      });
      expect(await store.showKey('k2')).toMatchObject({
        replacedBy: null,
        changeNumber: 4,
        record: { deprecatedAt: null },
      });
      expect((await store.resolve([key.digest.hash])).asOf).toBe(5);
      const changes = (await store.keptChanges()).slice(-2);
      expect(changes.map(({ number, keyId, sealedDigest }) => [number, keyId, sealedDigest?.text])).toEqual([
        [4, 'k2', key.sealedDigest],
        [5, 'k1', undefined],
      ]);
    });

    test('is of active keys that have not been replaced, else nothing changes', async () => {
      await insert({ keyId: 'revoked', revokedAt: T0 }, { keyId: 'expired', expiresAt: T0 });
      await insert({ keyId: 'k1' });
      await store.rotateKey('k1', replace(newKey({ keyId: 'k2' }), T0 + HOUR), T0);
      const head = await store.head();
      const rotate = (keyId: string) => store.rotateKey(keyId, replace(newKey(), T0 + HOUR), T0);
      expect(await rotate('revoked')).toEqual({ kind: 'revoked' });
      expect(await rotate('expired')).toEqual({ kind: 'expired' });
      expect(await rotate('k1')).toEqual({ kind: 'replaced', by: 'k2' });
      expect(await rotate('none')).toEqual({ kind: 'unknown_key' });
      expect(await store.head()).toBe(head);
    });

    test('whose new key cannot be made leaves the old one as it was', async () => {
      await insert({ keyId: 'k1' });
      const before = await store.showKey('k1');
      await expect(store.rotateKey('k1', replace(newKey({ keyId: 'k1' }), T0), T0)).rejects.toThrow('taken');
      expect(await store.showKey('k1')).toEqual(before);
      expect(await store.head()).toBe(3);
    });
  });

  describe('keys made by keys', () => {
    const throttle = { ownerId: 'acme', quota: 3, windowMs: HOUR };
    const make = (at: number, more: Partial<NewKey> = {}) =>
      store.insertKeys([newKey({ createdBy: 'k1', createdAt: at, ...more })], at, { throttle });

    test('are so many within any window, and the answer is the first instant for another', async () => {
      for (const at of [T0, T0 + 10, T0 + 20]) expect(await make(at)).toMatchObject({ kind: 'inserted' });
      expect(await make(T0 + 30)).toEqual({ kind: 'throttled', retryAt: T0 + HOUR });
      expect(await make(T0 + HOUR - 1)).toEqual({ kind: 'throttled', retryAt: T0 + HOUR });
      expect(await store.head()).toBe(5);
      expect(await make(T0 + HOUR)).toMatchObject({ kind: 'inserted' });
      expect(await make(T0 + HOUR)).toEqual({ kind: 'throttled', retryAt: T0 + HOUR + 10 });
    });

    test('count though they are revoked; those of others and of administrators do not', async () => {
      for (let i = 0; i < 5; i++) {
        await insert({ createdBy: 'admin' }, { createdBy: 'import' }, { createdBy: 'k1', ownerId: 'beta' });
      }
      await insert({ createdBy: 'k1', revokedAt: T0 }, { createdBy: 'k2' });
      expect(await make(T0 + 1)).toMatchObject({ kind: 'inserted' });
      expect(await make(T0 + 1)).toMatchObject({ kind: 'throttled' });
      expect(await store.insertKeys([newKey({ createdBy: 'k1' })], T0 + 1)).toMatchObject({
        kind: 'inserted',
      });
    });
  });

  describe('the only active key of an owner', () => {
    test('stays where it is asked to, whatever keys that are not active are beside it', async () => {
      await insert(
        { keyId: 'k1' },
        { keyId: 'expired', expiresAt: T0 },
        { keyId: 'revoked', revokedAt: T0 },
        { ownerId: 'beta' },
      );
      const head = await store.head();
      expect(await store.revokeKey('k1', T0, { keepLast: true })).toEqual({ kind: 'last_key' });
      expect(await store.head()).toBe(head);
      expect(await store.revokeKey('expired', T0, { keepLast: true })).toMatchObject({ kind: 'revoked' });
      expect(await store.revokeKey('revoked', T0, { keepLast: true })).toMatchObject({ first: false });
      expect(await store.revokeKey('k1', T0)).toMatchObject({ kind: 'revoked' });
    });

    test('is revoked once another is there', async () => {
      await insert({ keyId: 'k1' }, { keyId: 'k2' });
      expect(await store.revokeKey('k1', T0, { keepLast: true })).toMatchObject({ kind: 'revoked' });
      expect(await store.revokeKey('k2', T0, { keepLast: true })).toEqual({ kind: 'last_key' });
    });
  });
}
