import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DRAFT, T0, joinAndVanish } from './fixture.ts';
import { plexeRefusalOf as refusalOf } from './contract-answers.ts';
import { startServer, type RunningServer, type Vouched } from './running-server.ts';

const KEYS = '/auth/api-keys';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BODY = { name: 'a new key', permission_level: 'read_write' };

let server: RunningServer;
let caller: Vouched;

beforeEach(async () => {
  server = await startServer({ fenceMs: 400 });
  caller = await server.keys.create({ name: 'caller' });
});

afterEach(() => server.close());

const send = (method: string, path: string, body?: unknown) =>
  server.callAs(caller, method, path, body === undefined ? {} : { body });

async function make(more: object = {}): Promise<string> {
  const made = await send('POST', KEYS, { ...BODY, ...more });
  expect(made.status).toBe(200);
  return made.body.key_id;
}

describe('listing keys', () => {
  test('has those of the account, active ones first, then the newest, and their ends', async () => {
    server.keys.clock.at = T0 + 1000;
    const second = await make({ name: 'second' });
    server.keys.clock.at = T0 + 2000;
    const third = await make({ name: 'third' });
    await send('DELETE', `${KEYS}/${third}`);
    await server.keys.service.putOwner('beta', { profile: 'plexe', tier: 'basic' });
    await server.keys.create({ owner: 'beta' });
    const { status, body } = await send('GET', KEYS);
    expect(status).toBe(200);
    expect(body.keys.map((key: { key_id: string }) => key.key_id)).toEqual([second, caller.keyId, third]);
    expect(body.pagination).toEqual({ total: 3, limit: 20, offset: 0, has_more: false });
    expect(body.keys[0]).toEqual({
      key_id: second,
      name: 'second',
      key_prefix: expect.stringMatching(/^plx_sk_[0-9A-Za-z]{4}$/),
      key_suffix: expect.stringMatching(/^[0-9A-Za-z]{4}$/),
      permission_level: 'read_write',
      created_at: '2030-01-01T00:00:01.000Z',
      expires_at: null,
      last_used_at: null,
      status: 'active',
      created_by: caller.keyId,
    });
  });

  test('is filtered by status and paged', async () => {
    const revoked = await make();
    await make();
    await send('DELETE', `${KEYS}/${revoked}`);
    const ids = async (query: string) =>
      (await send('GET', `${KEYS}?${query}`)).body.keys.map((key: { key_id: string }) => key.key_id);
    expect(await ids('status=revoked')).toEqual([revoked]);
    expect(await ids('status=active')).toHaveLength(2);
    const page = await send('GET', `${KEYS}?limit=1&offset=1`);
    expect(page.body.keys).toHaveLength(1);
    expect(page.body.pagination).toEqual({ total: 3, limit: 1, offset: 1, has_more: true });
    const last = await send('GET', `${KEYS}?limit=100&offset=2&unknown=ignored`);
    expect(last.body.pagination).toMatchObject({ limit: 100, offset: 2, has_more: false });
  });

  test.for([
    ['limit=101', 422, 'validation_failed'],
    ['limit=0', 422, 'validation_failed'],
    ['status=dead', 422, 'validation_failed'],
    ['limit=ten', 400, 'invalid_request'],
    ['offset=-1', 400, 'invalid_request'],
    ['status=active&status=revoked', 400, 'invalid_request'],
  ] as const)('by ?%s is refused', async ([query, status, code]) => {
    expect(refusalOf(await send('GET', `${KEYS}?${query}`))).toEqual([status, code]);
  });
});

describe('one key', () => {
  test('shows its requests of the last day, week and month, in whole hours', async () => {
    const { keyId } = caller;
    server.keys.clock.at = T0 + HOUR / 2;
    const ages = [0, 23 * HOUR, 24 * HOUR, 6 * DAY, 7 * DAY, 29 * DAY, 30 * DAY];
    await server.keys.service.report({
      member: 'gate',
      sequence: 1,
      usage: ages.map((age, i) => ({
        keyId,
        route: 'r',
        statusClass: '2xx',
        hourAt: T0 - age,
        count: 10 ** i,
        lastAt: T0 - age,
      })),
      refusals: [],
      suppressed: [],
    });
    const { status, body } = await send('GET', `${KEYS}/${keyId}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ key_id: keyId, last_used_at: '2030-01-01T00:00:00.000Z' });
    expect(body.usage_stats).toEqual({
      requests_last_24h: 11,
      requests_last_7d: 1111,
      requests_last_30d: 111_111,
    });
  });

  test('changes name and end, at once', async () => {
    const keyId = await make();
    const patched = await send('PATCH', `${KEYS}/${keyId}`, { name: 'renamed', expiration_days: 180 });
    const expires_at = new Date(T0 + 180 * DAY).toISOString();
    expect([patched.status, patched.body]).toEqual([
      200,
      expect.objectContaining({ key_id: keyId, name: 'renamed', expires_at, status: 'active' }),
    ]);
    expect(server.keys.heard.at(-1)).toMatchObject({ keyId });
    const endless = await send('PATCH', `${KEYS}/${keyId}`, { expiration_days: null });
    expect(endless.body).toMatchObject({ name: 'renamed', expires_at: null });
  });

  test.for([
    [{ permission_level: 'read_only' }, 422, 'validation_failed', 'fixed'],
    [{ name: 'x', permission_level: null }, 422, 'validation_failed', 'fixed'],
    [{ name: '' }, 422, 'validation_failed', 'name'],
    [{ expiration_days: -1 }, 422, 'validation_failed', 'expiration_days'],
    [{}, 400, 'invalid_request', 'name or expiration_days'],
    [{ colour: 'x' }, 400, 'invalid_request', 'name or expiration_days'],
  ] as const)('does not change by %j', async ([body, status, code, message]) => {
    const reply = await send('PATCH', `${KEYS}/${caller.keyId}`, body);
    expect(refusalOf(reply)).toEqual([status, code]);
    expect(reply.body.error.message).toContain(message);
  });

  test('is revoked by DELETE as often as one likes, the caller itself too', async () => {
    const keyId = await make();
    const revoked = { key_id: keyId, status: 'revoked', revoked_at: '2030-01-01T00:00:00.000Z' };
    for (let i = 0; i < 2; i++) {
      const reply = await send('DELETE', `${KEYS}/${keyId}`);
      expect([reply.status, reply.body]).toEqual([200, revoked]);
      server.keys.clock.at += 1000;
    }
    expect(refusalOf(await send('PATCH', `${KEYS}/${keyId}`, { name: 'x' }))).toEqual([409, 'conflict']);
    expect((await send('DELETE', `${KEYS}/${caller.keyId}`)).status).toBe(200);
  });

  test('is revoked though the DELETE says that it brings JSON and brings none', async () => {
    const keyId = await make();
    const headers = { 'content-type': 'application/json', 'content-length': '0' };
    expect((await server.callAs(caller, 'DELETE', `${KEYS}/${keyId}`, { headers })).status).toBe(200);
  });

  test('whose revocation a gate has not confirmed is 503 with Retry-After, and the call is to be repeated', async () => {
    const { keyId } = await server.keys.create();
    const member = await joinAndVanish(server.keys);
    const unsure = await send('DELETE', `${KEYS}/${keyId}`);
    expect(refusalOf(unsure)).toEqual([503, 'service_unavailable']);
    expect(Number(unsure.headers.get('retry-after'))).toBeGreaterThan(60);
    member.goOn();
    expect((await send('DELETE', `${KEYS}/${keyId}`)).status).toBe(200);
  });

  test('of another account is not found, and stays as it is', async () => {
    await server.keys.service.putOwner('beta', { profile: 'plexe', tier: 'basic' });
    const other = await server.keys.create({ owner: 'beta' });
    for (const keyId of [other.keyId, 'key_none']) {
      expect(refusalOf(await send('GET', `${KEYS}/${keyId}`))).toEqual([404, 'not_found']);
      expect(refusalOf(await send('PATCH', `${KEYS}/${keyId}`, { name: 'x' }))).toEqual([404, 'not_found']);
      expect(refusalOf(await send('DELETE', `${KEYS}/${keyId}`))).toEqual([404, 'not_found']);
    }
    expect(await server.keys.service.showKey(other.keyId)).toMatchObject({
      status: 'active',
      record: { name: DRAFT.name },
    });
  });
});

describe('whoever asks', () => {
  test('comes through a gate with its token, and says who they are', async () => {
    const direct = await server.callAs(caller, 'GET', KEYS, { token: 'wrong' });
    expect(refusalOf(direct)).toEqual([401, 'invalid_key']);
    expect(direct.headers.get('www-authenticate')).toBe('Bearer realm="plexgate-service"');
    for (const name of ['x-key-id', 'x-owner-id', 'x-permission-level']) {
      const reply = await server.callAs(caller, 'GET', KEYS, { headers: { [name]: '' } });
      expect([name, ...refusalOf(reply)]).toEqual([name, 401, 'invalid_key']);
    }
  });

  test('is not believed where the store knows the key as another, or as ended', async () => {
    expect(refusalOf(await server.callAs({ ...caller, ownerId: 'beta' }, 'GET', KEYS))[0]).toBe(401);
    expect(refusalOf(await server.callAs({ keyId: 'key_none' }, 'GET', KEYS))[0]).toBe(401);
    const expiring = await server.keys.create({ expiresAt: '2030-01-01T00:00:01Z' });
    server.keys.clock.at = T0 + 1000;
    expect(refusalOf(await server.callAs(expiring, 'GET', KEYS))).toEqual([401, 'expired_key']);
    await server.keys.service.revokeKey(caller.keyId);
    expect(refusalOf(await server.callAs(caller, 'GET', KEYS))).toEqual([401, 'revoked_key']);
  });

  test('is told in the same shape what is allowed where, what is too large, and of a failure', async () => {
    const wrong = await send('PUT', KEYS, {});
    expect(refusalOf(wrong)).toEqual([405, 'method_not_allowed']);
    expect(wrong.headers.get('allow')).toBe('POST, GET, HEAD');
    expect(refusalOf(await send('POST', KEYS, { ...BODY, name: 'x'.repeat(70_000) }))).toEqual([
      413,
      'payload_too_large',
    ]);
    await server.keys.store.close();
    expect(refusalOf(await send('GET', KEYS))).toEqual([500, 'server_error']);
  });
});
