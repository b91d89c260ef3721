import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { T0 } from './fixture.ts';
import { plexeRefusalOf as refusalOf } from './contract-answers.ts';
import { startServer, type RunningServer, type Vouched } from './running-server.ts';

const KEYS = '/auth/api-keys';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BODY = { name: 'a new key', permission_level: 'read_write' };

let server: RunningServer;
let caller: Vouched;

beforeEach(async () => {
  server = await startServer();
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

describe('creating a key', () => {
  test('answers 200 with the key, shown this once, and says who made it', async () => {
    const made = await send('POST', KEYS, { ...BODY, colour: 'what Plexe does not know it ignores' });
    const { key, key_id } = made.body;
    expect([made.status, made.body]).toEqual([
      200,
      {
        key_id: expect.stringMatching(/^key_/),
        name: 'a new key',
        key: expect.stringMatching(/^plx_sk_[0-9A-Za-z]{42}$/),
        permission_level: 'read_write',
        created_at: '2030-01-01T00:00:00.000Z',
        expires_at: null,
        created_by: caller.keyId,
      },
    ]);
    const stored = await server.keys.service.showKey(key_id);
    expect(stored?.record).toMatchObject({ profile: 'plexe', owner: { id: 'acme' } });
    expect(server.lines.join('') + JSON.stringify((await send('GET', KEYS)).body)).not.toContain(
      key.slice(12, -5),
    );
  });

  test('takes days until it expires', async () => {
    const keyId = await make({ expiration_days: 180 });
    expect((await send('GET', `${KEYS}/${keyId}`)).body.expires_at).toBe(
      new Date(T0 + 180 * DAY).toISOString(),
    );
  });

  test('hands on no more than the caller has: its limits and its MCP servers', async () => {
    caller = await server.keys.create({ limits: ['5/minute'], mcps: ['m1'] });
    const stored = await server.keys.service.showKey(await make());
    expect(stored?.record).toMatchObject({ limits: [{ quota: 5, windowMs: 60_000 }], mcps: ['m1'] });
  });

  const faults: [string, unknown, number, string, string][] = [
    [
      'without a name',
      { permission_level: 'read_only' },
      400,
      'invalid_request',
      'Missing required field: name',
    ],
    [
      'without a permission',
      { name: 'x' },
      400,
      'invalid_request',
      'Missing required field: permission_level',
    ],
    ['with a name that is none', { ...BODY, name: 7 }, 400, 'invalid_request', 'name must be one string'],
    ['that is no object', '[]', 400, 'invalid_request', 'must be a JSON object'],
    ['that is no JSON', '{', 400, 'invalid_request', 'not JSON'],
    ['that is empty', '', 400, 'invalid_request', 'not JSON'],
    ['with an empty name', { ...BODY, name: ' ' }, 422, 'validation_failed', 'name must not be empty'],
    [
      'for an administrator',
      { ...BODY, permission_level: 'admin' },
      422,
      'validation_failed',
      'permission_level',
    ],
    [
      'that only writes',
      { ...BODY, permission_level: 'write' },
      422,
      'validation_failed',
      'read_only, read_write',
    ],
    ['of no days', { ...BODY, expiration_days: 0 }, 422, 'validation_failed', 'expiration_days'],
    ['of half a day', { ...BODY, expiration_days: 0.5 }, 422, 'validation_failed', 'expiration_days'],
    ['of too many days', { ...BODY, expiration_days: 3651 }, 422, 'validation_failed', 'expiration_days'],
    ['of days in words', { ...BODY, expiration_days: '7' }, 400, 'invalid_request', 'must be a number'],
  ];
  test.for(faults)('%s is refused', async ([, body, status, code, message]) => {
    const reply = await send('POST', KEYS, body);
    expect(refusalOf(reply)).toEqual([status, code]);
    expect(reply.body.error.message).toContain(message);
    expect((await send('GET', KEYS)).body.pagination.total).toBe(1);
  });

  test('whose body is not said to be JSON is 400', async () => {
    for (const type of [null, 'text/plain', 'application/x-www-form-urlencoded']) {
      const reply = await server.callAs(caller, 'POST', KEYS, { body: JSON.stringify(BODY), type });
      expect(refusalOf(reply)).toEqual([400, 'invalid_request']);
    }
    const charset = { body: BODY, type: 'application/json; charset=utf-8' };
    expect((await server.callAs(caller, 'POST', KEYS, charset)).status).toBe(200);
  });

  test('by a read-only key is 403, though a gate should let it through', async () => {
    caller = await server.keys.create({ permission: 'read_only' });
    expect(refusalOf(await send('POST', KEYS, { ...BODY, permission_level: 'read_only' }))).toEqual([
      403,
      'insufficient_permissions',
    ]);
    expect(refusalOf(await send('DELETE', `${KEYS}/${caller.keyId}`))[0]).toBe(403);
    expect(refusalOf(await send('PATCH', `${KEYS}/${caller.keyId}`, { name: 'x' }))[0]).toBe(403);
    expect((await send('GET', KEYS)).status).toBe(200);
  });

  test('is done ten times in any hour by an account; the eleventh is told how long to wait', async () => {
    for (let i = 0; i < 10; i++) {
      server.keys.clock.at = T0 + i * 1000;
      await make();
    }
    caller = await server.keys.create();
    server.keys.clock.at = T0 + 9500;
    const refused = await send('POST', KEYS, BODY);
    expect(refusalOf(refused)).toEqual([429, 'rate_limit_exceeded']);
    const wait = Number(refused.headers.get('retry-after'));
    expect(wait).toBe(3591);
    server.keys.clock.at += (wait - 1) * 1000;
    expect(refusalOf(await send('POST', KEYS, BODY))[0]).toBe(429);
    server.keys.clock.at += 1000;
    await make();
    expect(refusalOf(await send('POST', KEYS, BODY))[0]).toBe(429);
  });

  test('is bounded for each account alone', async () => {
    for (let i = 0; i < 10; i++) await make();
    await server.keys.service.putOwner('beta', { profile: 'plexe', tier: 'basic' });
    caller = { ...(await server.keys.create({ owner: 'beta' })), ownerId: 'beta' };
    await make();
  });
});
