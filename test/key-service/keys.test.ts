import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { inspectShape } from '../../src/core/key-shape.ts';
import { KeyService } from '../../src/key-service/keys.ts';
import { DRAFT, T0, pepperSet, testService, type TestService } from './fixture.ts';

let keys: TestService;
beforeEach(async () => {
  keys = await testService();
});

describe('a created key', () => {
  test.for([
    ['plexe', 'plx_sk_'],
    ['plextera', 'pxt_sk_'],
    ['plexmcp', 'pmcp_'],
    ['standard', 'pg_sk_'],
  ] as const)('of profile %s starts with %s, has our shape and shows its ends', async ([profile, prefix]) => {
    const created = await keys.service.createKey({ ...DRAFT, profile });
    if (created.kind !== 'created') throw new Error(created.kind);
    const text = created.key.reveal();
    expect(inspectShape(text, [prefix])).toBe('intact');
    expect(created.view.shownPrefix).toBe(text.slice(0, prefix.length + 4));
    expect(created.view.shownSuffix).toBe(text.slice(-4));
    expect(created.view.record.keyId).toMatch(/^key_[0-9A-Za-z]{22}$/);
  });

  test('starts with the prefix configured for its profile', async () => {
    const prefixes = { plexe: 'mine_', plextera: 'b_', plexmcp: 'c_', standard: 'd_' };
    const { store, clock } = keys;
    const service = new KeyService({ store, clock, peppers: pepperSet('p1'), randomBytes, prefixes });
    const created = await service.createKey(DRAFT);
    expect(created.kind === 'created' && inspectShape(created.key.reveal(), ['mine_'])).toBe('intact');
  });

  test('resolves to its record, as of the change that made it', async () => {
    const expiresAt = '2031-01-01T01:00:00+01:00';
    const { digest, keyId } = await keys.create({ expiresAt, limits: ['5/second'], mcps: ['m1', 'm1'] });
    expect(await keys.resolve(digest)).toEqual({
      asOf: 2,
      record: {
        keyId,
        name: 'a key',
        profile: 'plexe',
        owner: { id: 'acme', profile: 'plexe', tier: 'basic', enabled: true, workspace: null, limits: null },
        permission: 'read_write',
        limits: [{ quota: 5, windowMs: 1000 }],
        mcps: ['m1'],
        createdAt: T0,
        expiresAt: Date.UTC(2031, 0, 1),
        revokedAt: null,
        deprecatedAt: null,
      },
    });
  });

  test('prints as redacted wherever it goes', async () => {
    const created = await keys.service.createKey(DRAFT);
    if (created.kind !== 'created') throw new Error(created.kind);
    expect(JSON.stringify(created)).not.toContain(created.key.reveal());
  });

  test('needs an owner that exists', async () => {
    expect(await keys.service.createKey({ ...DRAFT, owner: 'nobody' })).toEqual({ kind: 'unknown_owner' });
    expect(keys.heard).toEqual([]);
  });

  test.for([
    [{ owner: 'a/b' }, 'owner'],
    [{ owner: '' }, 'owner'],
    [{ owner: 'x'.repeat(129) }, 'owner'],
    [{ name: '' }, 'name'],
    [{ name: ' ' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ name: 'two\nlines' }, 'name'],
    [{ name: 'a\u0085b' }, 'name'],
    [{ name: 'a\u2028b' }, 'name'],
    [{ name: 'half \ud800' }, 'name'],
    [{ profile: 'Plexe' }, 'profile'],
    [{ permission: 'admin' }, 'permission'],
    [{ expiresAt: '2031-01-01' }, 'expires_at'],
    [{ expiresAt: '2031-01-01T00:00:00' }, 'expires_at'],
    [{ expiresAt: '2031-02-30T00:00:00Z' }, 'expires_at'],
    [{ expiresAt: '2031-01-01T24:00:00Z' }, 'expires_at'],
    [{ expiresAt: '2031-01-01T00:00:60Z' }, 'expires_at'],
    [{ expiresAt: '2031-01-01T00:00:00+25:00' }, 'expires_at'],
    [{ expiresAt: ' 2031-01-01T00:00:00Z' }, 'expires_at'],
    [{ expiresAt: '2029-12-31T23:59:59.999Z' }, 'expires_at'],
    [{ expiresAt: '2030-01-01T00:00:00Z' }, 'expires_at'],
    [{ limits: ['100/minute', '100 per minute'] }, 'limits[1]'],
    [{ limits: ['unlimited'] }, 'limits[0]'],
    [{ limits: Array<string>(9).fill('1/second') }, 'limits'],
    [{ mcps: 'all' }, 'mcps'],
    [{ mcps: ['ok', 'not ok'] }, 'mcps[1]'],
    [{ mcps: Array<string>(257).fill('m') }, 'mcps'],
  ] as const)('with %j is refused, naming %s', async ([fault, field]) => {
    const outcome = await keys.service.createKey({ ...DRAFT, ...fault });
    expect(outcome).toMatchObject({ kind: 'invalid', errors: [{ field }] });
    expect(await keys.service.head()).toBe(1);
  });

  test('names every fault at once, and repeats none of the values', async () => {
    const outcome = await keys.service.createKey({
      owner: '~',
      name: '\0',
      profile: '~',
      permission: '~',
      limits: ['~'],
    });
    if (outcome.kind !== 'invalid') throw new Error(outcome.kind);
    expect(outcome.errors.map((error) => error.field)).toEqual([
      'owner',
      'name',
      'profile',
      'permission',
      'limits[0]',
    ]);
    expect(JSON.stringify(outcome)).not.toContain('~');
  });

  test.for([
    '2030-01-01T00:00:00.001Z',
    '2030-01-01t00:00:00.001z',
    '2029-12-31T23:00:01-01:00',
    '2032-02-29T23:59:59Z',
    '2030-01-01T00:00:00.0019999999Z',
  ])('may expire at %s', async (expiresAt) => {
    expect(await keys.service.createKey({ ...DRAFT, expiresAt })).toMatchObject({ kind: 'created' });
  });

  test('has a name of up to 200 characters in any script', async () => {
    const name = 'ключ – 鍵 🔑'.padEnd(200, '.');
    expect(await keys.service.createKey({ ...DRAFT, name })).toMatchObject({
      kind: 'created',
      view: { record: { name } },
    });
  });
});

describe('an owner', () => {
  test.for([
    ['plextera', 'W9'],
    ['plexe', null],
    ['plexmcp', null],
    ['standard', null],
  ] as const)('of profile %s has the workspace %s unless it is said', async ([profile, workspace]) => {
    const put = await keys.service.putOwner('W9', { profile, tier: 't' });
    expect(put).toMatchObject({ kind: 'put', owner: { workspace, enabled: true, limits: null } });
    const said = await keys.service.putOwner('W9', { profile, tier: 't', workspace: 'other' });
    expect(said).toMatchObject({ owner: { workspace: 'other' } });
    const none = await keys.service.putOwner('W9', { profile, tier: 't', workspace: null });
    expect(none).toMatchObject({ owner: { workspace: null } });
  });

  test('is replaced as a whole', async () => {
    await keys.service.putOwner('acme', {
      profile: 'plexe',
      tier: 'pro',
      limits: ['1/second'],
      enabled: false,
      workspace: 'W',
    });
    await keys.service.putOwner('acme', { profile: 'plexe', tier: 'pro' });
    const owner = { id: 'acme', profile: 'plexe', tier: 'pro', enabled: true, workspace: null, limits: null };
    expect(await keys.service.showOwner('acme')).toEqual(owner);
    expect(await keys.service.listOwners({})).toEqual({
      kind: 'listed',
      owners: [owner],
      total: 1,
      page: { limit: 50, offset: 0 },
    });
  });

  test.for([
    ['bad id', { profile: 'plexe', tier: 't' }, 'id'],
    ['é', { profile: 'plexe', tier: 't' }, 'id'],
    ['ok', { profile: 'x', tier: 't' }, 'profile'],
    ['ok', { profile: 'plexe', tier: '' }, 'tier'],
    ['ok', { profile: 'plexe', tier: 'a b' }, 'tier'],
    ['ok', { profile: 'plexe', tier: 't', workspace: 'a\r\nb' }, 'workspace'],
    ['ok', { profile: 'plexe', tier: 't', limits: ['0/second'] }, 'limits[0]'],
  ] as const)('%s with %j is refused, naming %s', async ([id, draft, field]) => {
    expect(await keys.service.putOwner(id, draft)).toMatchObject({ kind: 'invalid', errors: [{ field }] });
    expect(await keys.service.head()).toBe(1);
  });

  test('change is heard with its id, and what its keys resolve to has changed', async () => {
    const { digest } = await keys.create();
    await keys.service.putOwner('acme', { profile: 'plexe', tier: 'pro', enabled: false });
    expect(keys.heard.at(-1)).toEqual({ number: 3, keyId: null, ownerId: 'acme', digest: null });
    expect(await keys.resolve(digest)).toMatchObject({
      asOf: 3,
      record: { owner: { tier: 'pro', enabled: false } },
    });
  });
});

describe('a patch', () => {
  test('changes name, end, limits and servers; null ends no more', async () => {
    const { keyId, digest } = await keys.create({ expiresAt: '2031-01-01T00:00:00Z' });
    const patch = { name: 'b', expiresAt: null, limits: ['1/second', '10/15m'], mcps: ['m'] };
    const patched = await keys.service.patchKey(keyId, patch);
    expect(patched).toMatchObject({ kind: 'patched', view: { status: 'active' } });
    expect((await keys.resolve(digest)).record).toMatchObject({
      name: 'b',
      expiresAt: null,
      limits: [
        { quota: 1, windowMs: 1000 },
        { quota: 10, windowMs: 900_000 },
      ],
      mcps: ['m'],
    });
  });

  test('may give an expired key a later end', async () => {
    const { keyId } = await keys.create({ expiresAt: '2030-01-01T00:00:01Z' });
    keys.clock.at = T0 + 1000;
    expect(await keys.service.showKey(keyId)).toMatchObject({ status: 'expired' });
    const patched = await keys.service.patchKey(keyId, { expiresAt: '2030-01-01T00:00:02Z' });
    expect(patched).toMatchObject({ kind: 'patched', view: { status: 'active' } });
  });

  test.for([
    [{}, ''],
    [{ name: '' }, 'name'],
    [{ expiresAt: '2029-01-01T00:00:00Z' }, 'expires_at'],
    [{ limits: ['x'] }, 'limits[0]'],
    [{ mcps: 'x' }, 'mcps'],
  ] as const)('of %j is refused, naming %j', async ([patch, field]) => {
    const { keyId } = await keys.create();
    expect(await keys.service.patchKey(keyId, patch)).toMatchObject({ kind: 'invalid', errors: [{ field }] });
  });

  test('of a revoked or unknown key is refused', async () => {
    const { keyId } = await keys.create();
    await keys.service.revokeKey(keyId);
    expect(await keys.service.patchKey(keyId, { name: 'b' })).toEqual({ kind: 'revoked' });
    expect(await keys.service.patchKey('key_none', { name: 'b' })).toEqual({ kind: 'unknown_key' });
  });
});
