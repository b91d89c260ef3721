import { beforeEach, describe, expect, test } from 'vitest';
import { T0, testService, type TestService, keptChanges } from './fixture.ts';

const HOUR = 3_600_000;
let keys: TestService;
beforeEach(async () => {
  keys = await testService();
});

async function rotate(keyId: string, overlap: string) {
  const outcome = await keys.service.rotateKey(keyId, { overlap });
  if (outcome.kind !== 'rotated') throw new Error(JSON.stringify(outcome));
  return outcome;
}

describe('a rotated key', () => {
  test('goes on for the overlap beside a new one on the same terms', async () => {
    const expiresAt = '2031-01-01T00:00:00Z';
    const old = await keys.create({
      expiresAt,
      limits: ['5/second'],
      mcps: ['m1'],
      permission: 'read_only',
      description: 'of the nightly job',
    });
    keys.clock.at = T0 + 5;
    const { key, view } = await rotate(old.keyId, '1h');
    const before = (await keys.resolve(old.digest)).record;
    const after = (await keys.resolve(key.digest())).record;
    expect(before).toMatchObject({ deprecatedAt: T0 + 5, expiresAt: T0 + 5 + HOUR, revokedAt: null });
    expect(after).toEqual({
      ...before,
      keyId: view.record.keyId,
      createdAt: T0 + 5,
      expiresAt: Date.UTC(2031, 0, 1),
      deprecatedAt: null,
    });
    expect(view).toMatchObject({
      description: 'of the nightly job',
      shownSuffix: key.reveal().slice(-4),
      createdBy: 'admin',
    });
    expect((await keys.service.showKey(old.keyId))?.replacedBy).toBe(view.record.keyId);
  });

  test('is told of in two changes: the new key with its digest, then the old one', async () => {
    const old = await keys.create();
    const { key, view } = await rotate(old.keyId, '1h');
    expect(keys.heard.slice(1)).toEqual([
      { number: 3, keyId: view.record.keyId, ownerId: null, digest: key.digest() },
      { number: 4, keyId: old.keyId, ownerId: null, digest: null },
    ]);
    expect((await keptChanges(keys.service)).slice(1)).toEqual(keys.heard);
  });

  test('keeps an end that is earlier than the overlap', async () => {
    const old = await keys.create({ expiresAt: '2030-01-01T00:10:00Z' });
    const { old: ended, view } = await rotate(old.keyId, '30d');
    expect(ended.record.expiresAt).toBe(T0 + 600_000);
    expect(view.record.expiresAt).toBe(T0 + 600_000);
  });

  test('with no overlap has expired when the call returns', async () => {
    const old = await keys.create();
    const { old: ended } = await rotate(old.keyId, '0s');
    expect(ended).toMatchObject({ status: 'expired', record: { expiresAt: T0 } });
  });

  test('of a Plextera workspace has no grace period, whatever is asked', async () => {
    await keys.service.putOwner('w1', { profile: 'plextera', tier: 'default' });
    const old = await keys.create({ owner: 'w1', profile: 'plextera' });
    const { old: ended, key } = await rotate(old.keyId, '1h');
    expect(ended).toMatchObject({ status: 'expired', record: { expiresAt: T0 } });
    expect((await keys.resolve(key.digest())).record).toMatchObject({ owner: { id: 'w1' }, expiresAt: null });
  });

  test.for(['', '1', '1y', '-1h', '31d', '721h', '1.5h', '01h', '1h '])(
    'takes no overlap of %j',
    async (overlap) => {
      const { keyId } = await keys.create();
      expect(await keys.service.rotateKey(keyId, { overlap })).toMatchObject({
        kind: 'invalid',
        errors: [{ field: 'overlap' }],
      });
      expect(keys.heard).toHaveLength(1);
    },
  );

  test('is rotated once; what replaced it can be rotated again', async () => {
    const old = await keys.create();
    const { view } = await rotate(old.keyId, '1h');
    const by = view.record.keyId;
    expect(await keys.service.rotateKey(old.keyId, { overlap: '1h' })).toEqual({ kind: 'replaced', by });
    await rotate(by, '1h');
  });

  test('that is revoked, expired or unknown is not rotated', async () => {
    const revoked = await keys.create();
    await keys.service.revokeKey(revoked.keyId);
    const expired = await keys.create({ expiresAt: '2030-01-01T00:00:01Z' });
    keys.clock.at = T0 + 1000;
    const overlap = '1h';
    expect(await keys.service.rotateKey(revoked.keyId, { overlap })).toEqual({ kind: 'revoked' });
    expect(await keys.service.rotateKey(expired.keyId, { overlap })).toEqual({ kind: 'expired' });
    expect(await keys.service.rotateKey('key_none', { overlap })).toEqual({ kind: 'unknown_key' });
  });
});
