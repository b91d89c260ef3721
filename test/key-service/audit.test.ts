import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { T0, joinAndVanish } from './fixture.ts';
import { ADMIN, KEY, SERVICE, problemOf, startServer, type RunningServer } from './running-server.ts';

interface Row {
  readonly id: number;
  readonly action: string | null;
  readonly outcome: string | null;
  readonly subject_key_id: string | null;
  readonly path: string;
}

let server: RunningServer;
beforeEach(async () => {
  server = await startServer({ fenceMs: 400 });
});
afterEach(() => server.close());

async function audit(query = ''): Promise<Row[]> {
  const { status, body } = await server.call('GET', `/admin/v1/audit?limit=500&${query}`);
  expect(status).toBe(200);
  return body.audit;
}

const told = (rows: readonly Row[]) => rows.map((row) => `${row.action} ${row.outcome}`);

describe('what administrators do', () => {
  test('is written down with request, address, user agent and what it was about', async () => {
    const headers = { 'x-request-id': 'of-the-admin', 'user-agent': 'plexgate-cli/1' };
    const made = await server.call('POST', '/admin/v1/keys', { body: KEY, headers });
    expect(made.headers.get('x-request-id')).toBe('of-the-admin');
    const [row] = await audit();
    expect(row).toEqual({
      id: 2,
      at: '2030-01-01T00:00:00.000Z',
      kind: 'management',
      action: 'key.create',
      reason: null,
      outcome: 'done',
      request_id: 'of-the-admin',
      key_id: null,
      owner_id: null,
      operator: null,
      subject_key_id: made.body.key_id,
      subject_owner_id: 'acme',
      subject_operator: null,
      address: '127.0.0.1',
      user_agent: 'plexgate-cli/1',
      method: 'POST',
      path: '/admin/v1/keys',
      route: null,
      count: 1,
      first_at: '2030-01-01T00:00:00.000Z',
    });
  });

  test('has a row for each action, and a request id though none was sent', async () => {
    const owner = { profile: 'plexe', tier: 'pro' };
    const digest = digestOf('of another system');
    await server.call('PUT', '/admin/v1/owners/acme', { body: owner });
    const { key_id } = (await server.call('POST', '/admin/v1/keys', { body: KEY })).body;
    const one = `/admin/v1/keys/${key_id}`;
    await server.call('PATCH', one, { body: { name: 'x' } });
    await server.call('POST', `${one}/rotate`, { body: { overlap: '1h' } });
    await server.call('DELETE', one);
    await server.call('DELETE', one);
    await server.call('POST', '/admin/v1/keys/import', { body: { keys: [{ ...KEY, sha256: digest }] } });
    const rows = await audit();
    expect(told(rows.toReversed()).slice(1)).toEqual([
      'owner.put done',
      'key.create done',
      'key.patch done',
      'key.rotate done',
      'key.revoke done',
      'key.revoke repeated',
      'key.import done',
    ]);
    for (const row of rows.slice(0, -1)) {
      expect(row).toMatchObject({ request_id: expect.stringMatching(/^req_[0-9A-F]{26}$/) });
    }
    expect(rows.filter((row) => row.path === one)).toHaveLength(3);
  });

  test('is written down where it was refused, with what became of it', async () => {
    const { keyId } = await server.keys.create();
    const one = `/admin/v1/keys/${keyId}`;
    await server.call('POST', '/admin/v1/keys', { body: '{' });
    await server.call('POST', '/admin/v1/keys', { body: {} });
    await server.call('POST', '/admin/v1/keys', { body: 'x', type: 'text/plain' });
    await server.call('POST', '/admin/v1/keys', { body: { ...KEY, owner: 'nobody' } });
    await server.call('PATCH', one, { body: {} });
    await server.call('DELETE', '/admin/v1/keys/key_none');
    await server.call('PUT', '/admin/v1/owners/acme', { body: { profile: 'x', tier: 'y' } });
    await server.call('POST', `${one}/rotate`, { body: {} });
    await server.keys.service.revokeKey(keyId);
    await server.call('POST', `${one}/rotate`, { body: { overlap: '1h' } });
    await server.call('DELETE', one, { token: 'wrong' });
    const rows = (await audit()).toReversed().slice(2);
    expect(told(rows)).toEqual([
      'key.create malformed',
      'key.create malformed',
      'key.create malformed',
      'key.create invalid',
      'key.patch invalid',
      'key.revoke unknown',
      'owner.put invalid',
      'key.rotate malformed',
      'key.revoke done',
      'key.rotate conflict',
      'key.revoke unauthorized',
    ]);
    const about = rows.map((row) => (row.subject_key_id === keyId ? 'it' : row.subject_key_id));
    expect(about).toEqual([null, null, null, null, 'it', null, null, 'it', 'it', 'it', null]);
    expect(rows.map((row) => row.path)[5]).toBe('/admin/v1/keys/{id}');
  });

  test('without its token is written down, sixty times a minute and no more', async () => {
    for (let i = 0; i < 70; i++) {
      await server.call('DELETE', '/admin/v1/keys/x', { token: i % 2 === 0 ? null : SERVICE });
    }
    expect(await audit('action=key.revoke')).toHaveLength(60);
    server.keys.clock.at = T0 + 60_000;
    await server.call('DELETE', '/admin/v1/keys/x', { token: null });
    expect(await audit('action=key.revoke')).toHaveLength(61);
  });

  test('is answered though what was refused cannot be written down', async () => {
    await server.keys.store.close();
    expect(problemOf(await server.call('POST', '/admin/v1/keys', { body: {} }))[0]).toBe(400);
    expect(server.lines.at(-1)).toContain('could not be written down');
  });

  test('does not change where the row cannot be written', async () => {
    const { keyId } = await server.keys.create();
    const db = (server.keys.store as unknown as { db: { executeQuery(query: object): Promise<unknown> } }).db;
    const sql = 'drop table audit';
    await db.executeQuery({ sql, parameters: [], query: { kind: 'RawNode' }, queryId: {} });
    expect(problemOf(await server.call('DELETE', `/admin/v1/keys/${keyId}`))).toEqual([500]);
    expect(await server.keys.service.showKey(keyId)).toMatchObject({ status: 'active' });
    expect(server.keys.heard).toHaveLength(1);
  });
});

describe('what keys do through a gate', () => {
  test('is written down with the key, its owner and whom the gate was connected to', async () => {
    const caller = await server.keys.create();
    const body = { name: 'x', permission_level: 'read_only' };
    const made = await server.callAs(caller, 'POST', '/auth/api-keys', { body });
    const [row] = await audit();
    expect(row).toMatchObject({
      action: 'key.create',
      outcome: 'done',
      request_id: 'seen-by-the-gate',
      key_id: caller.keyId,
      owner_id: 'acme',
      subject_key_id: made.body.key_id,
      subject_owner_id: 'acme',
      address: '198.51.100.7',
      user_agent: 'tests/1',
      method: 'POST',
      path: '/auth/api-keys',
    });
  });

  test('is written down where it was refused', async () => {
    await server.keys.service.putOwner('beta', { profile: 'plexmcp', tier: 'free' });
    const other = await server.keys.create({ owner: 'beta' });
    const caller = await server.keys.create();
    const reader = await server.keys.create({ permission: 'read_only' });
    await server.callAs(caller, 'DELETE', `/auth/api-keys/${other.keyId}`);
    await server.callAs(caller, 'POST', '/auth/api-keys', { body: { name: 'x' } });
    await server.callAs(reader, 'POST', '/v1/api-keys', { body: { name: 'x' } });
    await server.callAs({ ...other, ownerId: 'beta' }, 'DELETE', `/v1/api-keys/${other.keyId}`);
    const rows = (await audit()).slice(0, 4).toReversed();
    expect(told(rows)).toEqual([
      'key.revoke unknown',
      'key.create malformed',
      'key.create forbidden',
      'key.revoke forbidden',
    ]);
    expect(rows[0]).toMatchObject({
      key_id: caller.keyId,
      subject_key_id: other.keyId,
      subject_owner_id: 'beta',
    });
    expect(rows[3]).toMatchObject({ key_id: other.keyId, subject_key_id: other.keyId });
  });

  test('is written down once where a gate has not confirmed: the change was made', async () => {
    const caller = await server.keys.create();
    await joinAndVanish(server.keys);
    await server.callAs(caller, 'DELETE', `/auth/api-keys/${caller.keyId}`);
    expect(told(await audit('action=key.revoke'))).toEqual(['key.revoke done']);
  });

  test('is not believed without the token of a gate', async () => {
    await server.callAs({ keyId: 'forged' }, 'POST', '/auth/api-keys', { token: 'wrong', body: {} });
    expect((await audit())[0]).toMatchObject({
      outcome: 'unauthorized',
      key_id: null,
      owner_id: null,
      address: '127.0.0.1',
    });
  });
});

describe('the audit', () => {
  test('is paged by a cursor, through all filters', async () => {
    for (let i = 0; i < 5; i++) await server.keys.create({ name: `key ${i}` });
    const page = async (more: string) => {
      const query = `owner=acme&action=key.create&kind=management&from=2030-01-01T00:00:00Z&to=2030-01-02T00:00:00Z&limit=2${more}`;
      const { body } = await server.call('GET', `/admin/v1/audit?${query}`);
      return { ids: body.audit.map((row: Row) => row.id), next: body.next_cursor };
    };
    const first = await page('');
    expect(first.ids).toEqual([6, 5]);
    await server.keys.create();
    const second = await page(`&cursor=${first.next}`);
    expect(second.ids).toEqual([4, 3]);
    expect(await page(`&cursor=${second.next}`)).toEqual({ ids: [2], next: null });
  });

  test.for([
    ['kind=x', 422, 'kind'],
    ['action=key.steal', 422, 'action'],
    ['from=yesterday', 422, 'from'],
    ['limit=501', 422, 'limit'],
    ['cursor=x', 422, 'cursor'],
    ['limit=x', 400, 'limit'],
    ['ownr=x', 400, 'ownr'],
  ] as const)('is not shown by ?%s', async ([query, status, field]) => {
    expect(problemOf(await server.call('GET', `/admin/v1/audit?${query}`))).toEqual([status, field]);
  });

  test('is for administrators', async () => {
    expect(problemOf(await server.call('GET', '/admin/v1/audit', { token: SERVICE }))).toEqual([401]);
    expect(problemOf(await server.call('GET', '/admin/v1/usage', { token: SERVICE }))).toEqual([401]);
  });

  test('has no key in it, wherever a client wrote one', async () => {
    const { text, keyId } = await server.keys.create();
    const foreign = 'a-key-of-another-maker-without-a-known-prefix';
    const headers = { 'x-request-id': text, 'user-agent': `curl ${text}` };
    for (const id of [text, foreign]) {
      const sent = { headers, body: { ...KEY, owner: text, name: text } };
      await server.call('DELETE', `/admin/v1/keys/${id}`, { headers });
      await server.call('PATCH', `/admin/v1/keys/${id}`, sent);
      await server.call('PUT', `/admin/v1/owners/${id}`, sent);
      await server.call('POST', '/admin/v1/keys', sent);
      await server.callAs({ keyId }, 'DELETE', `/auth/api-keys/${id}`, { headers });
      await server.callAs({ keyId: text, ownerId: text }, 'DELETE', `/v1/api-keys/${id}`, { headers });
    }
    const rows = await audit();
    expect(rows.length).toBeGreaterThan(12);
    expect(JSON.stringify(rows)).toContain('curl [redacted]');
    for (const secret of [text.slice(8, -5), foreign, ADMIN, SERVICE]) {
      expect(JSON.stringify(rows)).not.toContain(secret);
    }
  });
});
