import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { DRAFT, T0, keptChanges, testService, type TestService } from './fixture.ts';

let keys: TestService;
beforeEach(async () => {
  keys = await testService();
});

describe('a revocation', () => {
  test('holds at once, and repeated it is the same one', async () => {
    const { keyId, digest } = await keys.create();
    keys.clock.at = T0 + 5;
    const first = await keys.service.revokeKey(keyId);
    const propagation = { members: 1, acked: 1, fenced: 0, fencedMembers: [], waitingMembers: [] };
    expect(first).toEqual({ kind: 'revoked', keyId, revokedAt: T0 + 5, propagation });
    expect(await keys.resolve(digest)).toMatchObject({ asOf: 3, record: { revokedAt: T0 + 5 } });
    keys.clock.at = T0 + 99;
    expect(await keys.service.revokeKey(keyId)).toEqual(first);
    expect(keys.heard.map((change) => change.number)).toEqual([2, 3]);
  });

  test('of an unknown key is none', async () => {
    expect(await keys.service.revokeKey('key_none')).toEqual({ kind: 'unknown_key' });
  });

  test('has been heard when the call returns', async () => {
    const { keyId } = await keys.create();
    const revoking = keys.service.revokeKey(keyId);
    expect(keys.heard).toHaveLength(1);
    await revoking;
    expect(keys.heard[1]).toEqual({ number: 3, keyId, ownerId: null, digest: null });
  });

  test('without members has nobody to wait for', async () => {
    const { keyId } = await keys.create();
    await keys.member.leave();
    expect(await keys.service.revokeKey(keyId)).toMatchObject({ propagation: { members: 0, acked: 0 } });
  });
});

describe('an import', () => {
  const digest = (text: string) => digestOf(`a key of another system: ${text}`);

  test('makes keys that resolve, with the ends unknown and old dates allowed', async () => {
    const outcome = await keys.service.importKeys([
      { ...DRAFT, sha256: digest('1'), keyId: 'legacy:1', expiresAt: '2020-01-01T00:00:00Z' },
      { ...DRAFT, sha256: digest('2'), status: 'revoked', name: 'old' },
      { ...DRAFT, sha256: digest('3'), status: 'active', limits: ['1/second'] },
    ]);
    expect(outcome).toEqual({ kind: 'imported', imported: 3 });
    expect((await keys.resolve(digest('1'))).record).toMatchObject({
      keyId: 'legacy:1',
      expiresAt: Date.UTC(2020, 0, 1),
    });
    expect((await keys.resolve(digest('2'))).record).toMatchObject({ name: 'old', revokedAt: T0 });
    const shown = await keys.service.showKey('legacy:1');
    expect(shown).toMatchObject({
      status: 'expired',
      shownPrefix: null,
      shownSuffix: null,
      createdBy: 'import',
    });
    expect(keys.heard).toMatchObject([
      { number: 2, keyId: 'legacy:1', digest: digest('1') },
      { number: 3, digest: digest('2') },
      { number: 4, digest: digest('3') },
    ]);
  });

  const fine = { ...DRAFT, sha256: digest('fine') };
  test.for([
    [
      'a digest twice',
      [fine, { ...DRAFT, sha256: digest('x') }, fine],
      { kind: 'invalid', errors: [{ field: 'keys[2].sha256' }] },
    ],
    [
      'a key id twice',
      [
        { ...DRAFT, sha256: digest('x'), keyId: 'same' },
        { ...fine, keyId: 'same' },
      ],
      { kind: 'invalid', errors: [{ field: 'keys[1].key_id' }] },
    ],
    [
      'upper-case hex',
      [fine, { ...DRAFT, sha256: digest('x').toUpperCase() }],
      { errors: [{ field: 'keys[1].sha256' }] },
    ],
    [
      'a plain key',
      [{ ...DRAFT, sha256: 'abc' }],
      { kind: 'invalid', errors: [{ field: 'keys[0].sha256' }] },
    ],
    [
      'a status of its own',
      [{ ...fine, status: 'expired' }],
      { kind: 'invalid', errors: [{ field: 'keys[0].status' }] },
    ],
    [
      'a bad date',
      [{ ...fine, expiresAt: 'soon' }],
      { kind: 'invalid', errors: [{ field: 'keys[0].expires_at' }] },
    ],
    [
      'a reserved key id',
      [{ ...fine, keyId: 'import' }],
      { kind: 'invalid', errors: [{ field: 'keys[0].key_id' }] },
    ],
    ['a bad key id', [{ ...fine, keyId: 'a b' }], { kind: 'invalid', errors: [{ field: 'keys[0].key_id' }] }],
    ['nothing', [], { kind: 'invalid', errors: [{ field: 'keys' }] }],
    [
      'an unknown owner',
      [fine, { ...fine, sha256: digest('x'), owner: 'no' }],
      { kind: 'unknown_owner', index: 1 },
    ],
    [
      'a digest already here',
      [fine, { ...DRAFT, sha256: digest('there') }],
      { kind: 'taken', index: 1, what: 'digest' },
    ],
    ['a key id already here', [{ ...fine, keyId: 'there' }], { kind: 'taken', index: 0, what: 'key_id' }],
  ] as const)('of %s imports nothing', async ([, drafts, refusal]) => {
    await keys.service.importKeys([{ ...DRAFT, sha256: digest('there'), keyId: 'there' }]);
    expect(await keys.service.importKeys(drafts)).toMatchObject(refusal);
    expect((await keys.resolve(digest('fine'))).record).toBeNull();
    expect(keys.heard).toHaveLength(1);
  });

  test('wrong in every line names the first mistakes only', async () => {
    const drafts = Array.from({ length: 1000 }, () => ({ ...DRAFT, sha256: 'x' }));
    const outcome = await keys.service.importKeys(drafts);
    expect(outcome.kind === 'invalid' && outcome.errors.length).toBeLessThan(105);
  });

  test('of more keys than one turn mints is one change after the other', async () => {
    const drafts = Array.from({ length: 1100 }, (_, i) => ({ ...DRAFT, sha256: digest(`many ${i}`) }));
    expect(await keys.service.importKeys(drafts)).toEqual({ kind: 'imported', imported: 1100 });
    expect(keys.heard.map((change) => change.digest)).toEqual(drafts.map((draft) => draft.sha256));
    expect(keys.heard.at(-1)?.number).toBe(1101);
  });

  test('cannot take the digest of a key made here', async () => {
    const made = await keys.create();
    expect(await keys.service.importKeys([{ ...DRAFT, sha256: made.digest }])).toMatchObject({
      kind: 'taken',
    });
  });
});

describe('a list of keys', () => {
  test('has the filters and pages asked for, and the status of now', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      keys.clock.at = T0 + i;
      ids.push((await keys.create({ name: `key ${i}`, expiresAt: `2030-01-01T00:00:0${i + 1}Z` })).keyId);
    }
    keys.clock.at = T0 + 1500;
    const listed = await keys.service.listKeys({ limit: 2, name: 'KEY' });
    expect(listed).toMatchObject({ total: 3, page: { limit: 2, offset: 0 } });
    expect(listed.kind === 'listed' && listed.keys.map((key) => [key.record.keyId, key.status])).toEqual([
      [ids[2], 'active'],
      [ids[1], 'active'],
    ]);
    expect(await keys.service.listKeys({ status: 'expired' })).toMatchObject({
      keys: [{ record: { keyId: ids[0] } }],
    });
  });

  test.for([
    [{ status: 'disabled' }, 'status'],
    [{ profile: 'x' }, 'profile'],
    [{ limit: 0 }, 'limit'],
    [{ limit: 501 }, 'limit'],
    [{ limit: 1.5 }, 'limit'],
    [{ offset: -1 }, 'offset'],
  ] as const)('with %j is refused, naming %s', async ([query, field]) => {
    expect(await keys.service.listKeys(query)).toMatchObject({ kind: 'invalid', errors: [{ field }] });
  });
});

describe('a question', () => {
  test('about an unknown digest has an answer: there is none, as of now', async () => {
    expect(await keys.resolve(digestOf('unknown'))).toEqual({ record: null, asOf: 1 });
  });

  test('whose asker has left is not answered', async () => {
    await expect(keys.service.resolve(digestOf('x'), AbortSignal.abort())).rejects.toThrow('aborted');
  });

  test('that the store cannot answer is rejected, never answered with no', async () => {
    const { digest } = await keys.create();
    await keys.store.close();
    await expect(keys.resolve(digest)).rejects.toThrow('destroyed');
  });
});

describe('changes', () => {
  test('of fifty callers at once are heard in the order of their numbers, without a gap', async () => {
    const calls = Array.from({ length: 50 }, (_, i) =>
      i % 5 === 0 ? keys.service.putOwner(`o${i}`, { profile: 'plexe', tier: 't' }) : keys.create(),
    );
    await Promise.all(calls);
    expect(keys.heard.map((change) => change.number)).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
    const { total } = (await keys.service.listKeys({})) as { total: number };
    expect(total).toBe(40);
  });

  test('are heard in order even where the store answers the earlier one late', async () => {
    const putOwner = keys.store.putOwner.bind(keys.store);
    vi.spyOn(keys.store, 'putOwner').mockImplementationOnce(async (owner, at) => {
      const number = await putOwner(owner, at);
      await sleep(20);
      return number;
    });
    await Promise.all([keys.service.putOwner('slow', { profile: 'plexe', tier: 't' }), keys.create()]);
    expect(keys.heard.map((change) => change.number)).toEqual([2, 3]);
  });

  test('kept by the store read as they were heard, digests included', async () => {
    const { keyId } = await keys.create();
    await keys.service.importKeys([{ ...DRAFT, sha256: digestOf('imported') }]);
    await keys.service.revokeKey(keyId);
    const kept = await keptChanges(keys.service);
    expect(kept.slice(1)).toEqual(keys.heard);
    expect(kept[2]?.digest).toBe(digestOf('imported'));
  });

  test('go on after a write that failed', async () => {
    const { keyId } = await keys.create();
    vi.spyOn(keys.store, 'putOwner').mockRejectedValueOnce(new Error('disk full'));
    await expect(keys.service.putOwner('acme', { profile: 'plexe', tier: 't' })).rejects.toThrow('disk full');
    expect(await keys.service.revokeKey(keyId)).toMatchObject({ kind: 'revoked', propagation: { acked: 1 } });
  });
});
