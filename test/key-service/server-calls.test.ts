import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { DRAFT, joinAndVanish } from './fixture.ts';
import { KEY, SERVICE, problemOf, startServer, type RunningServer } from './running-server.ts';

let server: RunningServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(() => server.close());

describe('owners', () => {
  test('are put, shown and listed', async () => {
    const body = { profile: 'plextera', tier: 'default', limits: ['10/second', '100/15m'] };
    const owner = { id: 'W:1', ...body, enabled: true, workspace: 'W:1' };
    const put = await server.call('PUT', '/admin/v1/owners/W:1', { body });
    expect([put.status, put.body]).toEqual([200, owner]);
    const shown = await server.call('GET', '/admin/v1/owners/W%3A1');
    expect([shown.status, shown.body]).toEqual([200, owner]);
    const listed = await server.call('GET', '/admin/v1/owners?limit=1');
    expect([listed.status, listed.body.owners, listed.body.pagination]).toEqual([
      200,
      [owner],
      { total: 2, limit: 1, offset: 0, has_more: true },
    ]);
  });

  test('with null limits have those of their tier', async () => {
    const body = { profile: 'plexe', tier: 'pro', limits: null, workspace: null, enabled: false };
    expect((await server.call('PUT', '/admin/v1/owners/acme', { body })).body).toEqual({
      id: 'acme',
      ...body,
    });
  });

  test('that nobody put are 404', async () => {
    expect(problemOf(await server.call('GET', '/admin/v1/owners/nobody'))).toEqual([404]);
  });

  test('with an id too long for a header are 422, however long', async () => {
    const body = { profile: 'plexe', tier: 'pro' };
    expect(problemOf(await server.call('PUT', `/admin/v1/owners/${'x'.repeat(129)}`, { body }))).toEqual([
      422,
      'id',
    ]);
    expect((await server.call('PUT', `/admin/v1/owners/${'x'.repeat(128)}`, { body })).status).toBe(200);
  });
});

describe('keys', () => {
  test('are made, with the key shown this once', async () => {
    const body = { ...KEY, expires_at: '2031-01-01T01:00:00+01:00', limits: ['5/minute'], mcps: ['m1'] };
    const made = await server.call('POST', '/admin/v1/keys', { body });
    expect(made.status).toBe(201);
    const { key, ...record } = made.body;
    expect(record).toEqual({
      key_id: expect.stringMatching(/^key_[0-9A-Za-z]{22}$/),
      name: 'a key',
      profile: 'plexe',
      owner: { id: 'acme', profile: 'plexe', tier: 'basic', enabled: true, workspace: null, limits: null },
      permission: 'read_write',
      limits: ['5/minute'],
      mcps: ['m1'],
      created_at: '2030-01-01T00:00:00.000Z',
      expires_at: '2031-01-01T00:00:00.000Z',
      revoked_at: null,
      deprecated_at: null,
      status: 'active',
      key_prefix: key.slice(0, 11),
      key_suffix: key.slice(-4),
      created_by: 'admin',
      replaced_by: null,
      last_used_at: null,
    });
    const shown = await server.call('GET', `/admin/v1/keys/${record.key_id}`);
    expect([shown.status, shown.body]).toEqual([200, record]);
    const listed = await server.call(
      'GET',
      '/admin/v1/keys?owner=acme&profile=plexe&status=active&name=A&limit=5&offset=0',
    );
    const pagination = { total: 1, limit: 5, offset: 0, has_more: false };
    expect([listed.status, listed.body]).toEqual([200, { keys: [record], pagination }]);
    const everything = server.lines.join('\n') + JSON.stringify([shown.body, listed.body]);
    expect(everything).toContain(record.key_id);
    expect(everything).not.toContain(key.slice(12, -5));
    expect(everything).not.toContain(digestOf(key));
  });

  test('change by PATCH, and null takes the end away', async () => {
    const { keyId } = await server.keys.create({ expiresAt: '2031-01-01T00:00:00Z' });
    const body = { name: 'new', expires_at: null, limits: ['1/second'], mcps: '*' };
    const patched = await server.call('PATCH', `/admin/v1/keys/${keyId}`, { body });
    expect(patched.status).toBe(200);
    expect(patched.body).toMatchObject({ key_id: keyId, ...body, permission: 'read_write' });
  });

  test('end by DELETE, as often as one likes', async () => {
    const { keyId } = await server.keys.create();
    const answer = {
      key_id: keyId,
      status: 'revoked',
      revoked_at: '2030-01-01T00:00:00.000Z',
      propagation: { members: 1, acked: 1, fenced: 0, fenced_members: [] },
    };
    for (let i = 0; i < 2; i++) {
      const deleted = await server.call('DELETE', `/admin/v1/keys/${keyId}`);
      expect([deleted.status, deleted.body]).toEqual([200, answer]);
      server.keys.clock.at += 1000;
    }
    expect((await server.call('GET', `/admin/v1/keys/${keyId}`)).body).toMatchObject({ status: 'revoked' });
    expect(problemOf(await server.call('PATCH', `/admin/v1/keys/${keyId}`, { body: { name: 'x' } }))).toEqual(
      [409],
    );
  });

  test('revoked where a gate has not confirmed are 202 until it has', async () => {
    const hasty = await startServer({ fenceMs: 200 });
    const { keyId } = await hasty.keys.create();
    const member = await joinAndVanish(hasty.keys);
    const unsure = await hasty.call('DELETE', `/admin/v1/keys/${keyId}`);
    const nobody = { fenced: 0, fenced_members: [] };
    expect([unsure.status, unsure.body]).toEqual([
      202,
      {
        key_id: keyId,
        status: 'revoked',
        revoked_at: '2030-01-01T00:00:00.000Z',
        certain_at: expect.stringMatching(/^2030-01-01T00:01:0[89]/),
        propagation: { members: 2, acked: 1, ...nobody },
        detail: expect.stringMatching(/not every gate has confirmed it; it is certain at 2030/),
      },
    ]);
    member.goOn();
    const sure = await hasty.call('DELETE', `/admin/v1/keys/${keyId}`);
    expect([sure.status, sure.body.propagation]).toEqual([200, { members: 2, acked: 2, ...nobody }]);
    await hasty.close();
  });

  test('nobody made are 404', async () => {
    expect(problemOf(await server.call('GET', '/admin/v1/keys/key_none'))).toEqual([404]);
    expect(problemOf(await server.call('DELETE', '/admin/v1/keys/key_none'))).toEqual([404]);
    expect(problemOf(await server.call('PATCH', '/admin/v1/keys/key_none', { body: { name: 'x' } }))).toEqual(
      [404],
    );
  });
});

describe('imports', () => {
  const sha256 = digestOf('a key of another system');

  test('take keys over by their digests', async () => {
    const entry = {
      ...KEY,
      sha256,
      key_id: 'old-1',
      status: 'active',
      expires_at: null,
      limits: ['1/second'],
    };
    const imported = await server.call('POST', '/admin/v1/keys/import', { body: { keys: [entry] } });
    expect([imported.status, imported.body]).toEqual([201, { imported: 1 }]);
    expect((await server.call('GET', '/admin/v1/keys/old-1')).body).toMatchObject({
      key_prefix: null,
      limits: ['1/second'],
    });
  });

  test('with a mistake take none, and name the line', async () => {
    const post = (...entries: object[]) =>
      server.call('POST', '/admin/v1/keys/import', { body: { keys: entries } });
    const fine = { ...KEY, sha256 };
    const other = { ...KEY, sha256: digestOf('other') };
    expect(problemOf(await post(fine, { ...other, sha256: 1 }))).toEqual([400, 'keys[1].sha256']);
    expect(problemOf(await post(fine, { ...other, digest: 'x' }))).toEqual([400, 'keys[1].digest']);
    expect(problemOf(await post(fine, { ...other, sha256: 'x' }))).toEqual([422, 'keys[1].sha256']);
    expect(problemOf(await post(fine, { ...other, owner: 'nobody' }))).toEqual([422, 'keys[1].owner']);
    expect(problemOf(await post(other, fine, fine))).toEqual([422, 'keys[2].sha256']);
    await server.keys.service.importKeys([{ ...DRAFT, sha256: other.sha256, keyId: 'there' }]);
    expect(problemOf(await post(fine, other))).toEqual([409, 'keys[1].sha256']);
    expect(problemOf(await post({ ...fine, key_id: 'there' }))).toEqual([409, 'keys[0].key_id']);
    expect((await server.keys.resolve(sha256)).record).toBeNull();
  });

  test('may be 16 MB, other bodies 64 kB', async () => {
    const body = { keys: [{ ...KEY, sha256, name: 'x'.repeat(70_000) }] };
    expect(problemOf(await server.call('POST', '/admin/v1/keys/import', { body }))).toEqual([
      422,
      'keys[0].name',
    ]);
    expect(
      problemOf(await server.call('POST', '/admin/v1/keys', { body: { ...KEY, name: 'x'.repeat(70_000) } })),
    ).toEqual([413]);
    const large = { keys: [{ ...KEY, sha256, name: 'x'.repeat(17 * 1024 * 1024) }] };
    expect(
      await server.call('POST', '/admin/v1/keys/import', { body: large }).catch(() => ({ status: 413 })),
    ).toMatchObject({
      status: 413,
    });
  });
});

describe('resolving', () => {
  test('answers record and as_of, or as_of alone', async () => {
    const { digest, keyId } = await server.keys.create();
    const found = await server.call('POST', '/v1/keys/resolve', { token: SERVICE, body: { digest } });
    expect(found.status).toBe(200);
    expect(Object.keys(found.body)).toEqual(['record', 'as_of']);
    expect(found.body).toMatchObject({
      as_of: 2,
      record: { key_id: keyId, owner: { id: 'acme' }, revoked_at: null },
    });
    const unknown = await server.call('POST', '/v1/keys/resolve', {
      token: SERVICE,
      body: { digest: digestOf('unknown') },
    });
    expect([unknown.status, unknown.body]).toEqual([404, { as_of: 2 }]);
  });

  test('a bad digest is named, and not repeated', async () => {
    for (const [digest, status] of [
      ['XYZ', 422],
      [7, 400],
      [undefined, 400],
    ] as const) {
      const reply = await server.call('POST', '/v1/keys/resolve', { token: SERVICE, body: { digest } });
      expect(problemOf(reply)).toEqual([status, 'digest']);
      expect(JSON.stringify(reply.body)).not.toContain('XYZ');
    }
  });

  test('with a store that fails is 500, never 404', async () => {
    const { digest } = await server.keys.create();
    await server.keys.store.close();
    const reply = await server.call('POST', '/v1/keys/resolve', { token: SERVICE, body: { digest } });
    expect(problemOf(reply)).toEqual([500]);
    expect(server.lines.at(-1)).toContain('a call failed');
  });
});
