import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Secret, digestOf } from '../../src/core/secret.ts';
import { KeyService } from '../../src/key-service/keys.ts';
import { Peppers } from '../../src/key-service/peppers.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { DRAFT, TestClock, pepperSet, testService, keptChanges } from './fixture.ts';
import { testFolder } from './folder.ts';

async function serviceWith(store: KeyStore, ...ids: [string, ...string[]]): Promise<KeyService> {
  const service = new KeyService({ store, clock: new TestClock(), peppers: pepperSet(...ids), randomBytes });
  await service.start();
  return service;
}

const signal = new AbortController().signal;

describe('peppers that rotate', () => {
  test('leave every key working, and a key in use moves to the current one', async () => {
    const { store, create, service } = await testService({ peppers: pepperSet('p1') });
    const used = await create();
    const idle = await create();
    expect((await service.resolve(used.digest, signal)).asOf).toBe(3);

    const rotated = await serviceWith(store, 'p2', 'p1');
    expect((await rotated.resolve(used.digest, signal)).record?.keyId).toBe(used.keyId);
    const onlyNew = new KeyService({ store, clock: new TestClock(), peppers: pepperSet('p2'), randomBytes });
    expect((await onlyNew.resolve(used.digest, signal)).record?.keyId).toBe(used.keyId);
    expect((await onlyNew.resolve(idle.digest, signal)).record).toBeNull();
    expect((await rotated.resolve(idle.digest, signal)).record?.keyId).toBe(idle.keyId);
    expect((await onlyNew.resolve(idle.digest, signal)).record?.keyId).toBe(idle.keyId);
    expect(await rotated.head()).toBe(3);
  });

  test('keep a digest from coming in twice', async () => {
    const { store, create } = await testService({ peppers: pepperSet('p1') });
    const { digest } = await create();
    const rotated = await serviceWith(store, 'p2', 'p1');
    expect(await rotated.importKeys([{ ...DRAFT, sha256: digest }])).toMatchObject({
      kind: 'taken',
      what: 'digest',
    });
  });

  test('answer even where the key cannot be moved', async () => {
    const { store, create } = await testService({ peppers: pepperSet('p1') });
    const { digest, keyId } = await create();
    const rotated = await serviceWith(store, 'p2', 'p1');
    store.rehashKey = async () => {
      throw new Error('disk full');
    };
    expect((await rotated.resolve(digest, signal)).record?.keyId).toBe(keyId);
  });

  test('read changes sealed before', async () => {
    const { store, create } = await testService({ peppers: pepperSet('p1') });
    const { digest } = await create();
    const rotated = await serviceWith(store, 'p2', 'p1');
    expect((await keptChanges(rotated))[1]?.digest).toBe(digest);
  });
});

describe('a start is refused', () => {
  test('while keys are kept under a pepper that is gone', async () => {
    const { store, create } = await testService({ peppers: pepperSet('p1') });
    await create();
    await expect(serviceWith(store, 'p2')).rejects.toThrow('under the pepper p1, which is not configured');
  });

  test('where a pepper has another value than the keys were kept under', async () => {
    const path = join(testFolder(), 'keys.db');
    const store = await openSqliteStore(path);
    const { create } = await testService({ store });
    await create();
    await store.close();
    const again = await openSqliteStore(path);
    const peppers = { current: 'p1', secrets: new Map([['p1', new Secret('another')]]) };
    const service = new KeyService({ store: again, clock: new TestClock(), peppers, randomBytes });
    await expect(service.start()).rejects.toThrow('the pepper p1 is not the one');
    await expect((await serviceWith(again, 'p1')).start()).resolves.toBeUndefined();
    await again.close();
  });

  test('not where nothing was kept under the pepper yet', async () => {
    const { store } = await testService({ peppers: pepperSet('p1') });
    const peppers = { current: 'p1', secrets: new Map([['p1', new Secret('another')]]) };
    const service = new KeyService({ store, clock: new TestClock(), peppers, randomBytes });
    await expect(service.start()).resolves.toBeUndefined();
  });

  test.for([
    ['no pepper of the current name', { current: 'p1', secrets: new Map() }],
    ['an empty pepper', { current: 'p1', secrets: new Map([['p1', new Secret('')]]) }],
  ] as const)('with %s', async ([, set]) => {
    expect(() => new Peppers(set)).toThrow(/pepper/);
  });
});

describe('a sealed digest', () => {
  const peppers = new Peppers(pepperSet('p1', 'p0'));
  const digest = digestOf('a key');

  test('is read back, and never looks the same', () => {
    const sealed = peppers.seal(digest);
    expect(peppers.unseal('p1', sealed)).toBe(digest);
    expect(peppers.seal(digest)).not.toBe(sealed);
  });

  test('is not read under another pepper, nor when it was changed', () => {
    const sealed = peppers.seal(digest);
    expect(() => peppers.unseal('p0', sealed)).toThrow('authenticate');
    expect(() => peppers.unseal('p9', sealed)).toThrow('no pepper named p9');
    expect(() => peppers.unseal('p1', `${sealed.startsWith('A') ? 'B' : 'A'}${sealed.slice(1)}`)).toThrow(
      'authenticate',
    );
  });
});
