import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { T0, joinAndVanish } from './fixture.ts';
import { plexmcpRefusalOf as refusalOf } from './contract-answers.ts';
import { startServer, type RunningServer, type Vouched } from './running-server.ts';

const KEYS = '/v1/api-keys';

let server: RunningServer;
let caller: Vouched;

beforeEach(async () => {
  server = await startServer({ fenceMs: 400 });
  await server.keys.service.putOwner('acme', { profile: 'plexmcp', tier: 'free' });
  caller = await server.keys.create({ name: 'caller', profile: 'plexmcp' });
});

afterEach(() => server.close());

const send = (method: string, path: string, body?: unknown) =>
  server.callAs(caller, method, path, body === undefined ? {} : { body });

async function make(more: object = {}): Promise<string> {
  const made = await send('POST', KEYS, { name: 'a new key', ...more });
  expect(made.status).toBe(201);
  return made.body.data.id;
}

describe('creating a key', () => {
  test('answers 201 in the envelope, with the key shown this once', async () => {
    const body = {
      name: 'a new key',
      description: 'for the build',
      expires_at: '2030-06-15T00:00:00Z',
      permissions: { mcps: ['mcp_123', 'mcp_456'] },
      colour: 'what PlexMCP does not know it ignores',
    };
    const made = await send('POST', KEYS, body);
    expect([made.status, made.body]).toEqual([
      201,
      {
        success: true,
        data: {
          id: expect.stringMatching(/^key_/),
          name: 'a new key',
          key: expect.stringMatching(/^pmcp_[0-9A-Za-z]{42}$/),
          prefix: made.body.data.key.slice(0, 9),
          status: 'active',
          created_at: '2030-01-01T00:00:00.000Z',
          expires_at: '2030-06-15T00:00:00.000Z',
          permissions: { mcps: ['mcp_123', 'mcp_456'] },
        },
      },
    ]);
    const stored = await server.keys.service.showKey(made.body.data.id);
    expect(stored).toMatchObject({
      createdBy: caller.keyId,
      description: 'for the build',
      record: { profile: 'plexmcp', permission: 'read_write', owner: { id: 'acme' } },
    });
    const { key } = made.body.data;
    expect(server.lines.join('') + JSON.stringify((await send('GET', KEYS)).body)).not.toContain(
      key.slice(12, -5),
    );
  });

  test('without permissions reaches all MCPs, and a day alone lasts until its end', async () => {
    const made = await send('POST', KEYS, { name: 'x', expires_at: '2030-06-15' });
    expect(made.body.data).toMatchObject({
      permissions: { mcps: '*' },
      expires_at: '2030-06-15T23:59:59.000Z',
    });
  });

  test('hands on no MCP server, and no limit less, than the caller has', async () => {
    caller = await server.keys.create({ profile: 'plexmcp', mcps: ['m1', 'm2'], limits: ['5/minute'] });
    for (const mcps of ['*', ['m3'], ['m1', 'm3']]) {
      const reply = await send('POST', KEYS, { name: 'x', permissions: { mcps } });
      expect(refusalOf(reply).slice(0, 2)).toEqual([403, 'forbidden']);
    }
    const narrow = await send('POST', KEYS, { name: 'x', permissions: { mcps: ['m2'] } });
    expect(narrow.body.data.permissions).toEqual({ mcps: ['m2'] });
    expect((await send('POST', KEYS, { name: 'x' })).body.data.permissions).toEqual({ mcps: ['m1', 'm2'] });
    const stored = await server.keys.service.showKey(narrow.body.data.id);
    expect(stored?.record.limits).toEqual([{ quota: 5, windowMs: 60_000 }]);
  });

  const faults: [unknown, number, string, string[]][] = [
    [{}, 400, 'invalid_request', ['name']],
    [{ name: 7 }, 400, 'invalid_request', ['name']],
    [{ name: 'x', permissions: 'all' }, 400, 'invalid_request', ['permissions']],
    [{ name: 'x', permissions: { mcps: 5 } }, 400, 'invalid_request', ['permissions.mcps']],
    [{ name: 'x', expires_at: 1893456000 }, 400, 'invalid_request', ['expires_at']],
    ['{', 400, 'invalid_request', []],
    [{ name: '' }, 422, 'validation_error', ['name']],
    [{ name: 'x', description: 'x'.repeat(1001) }, 422, 'validation_error', ['description']],
    [{ name: 'x', expires_at: 'soon' }, 422, 'validation_error', ['expires_at']],
    [{ name: 'x', expires_at: '' }, 422, 'validation_error', ['expires_at']],
    [{ name: 'x', expires_at: '2029-12-31T23:59:59Z' }, 422, 'validation_error', ['expires_at']],
    [{ name: 'x', permissions: { mcps: 'all' } }, 422, 'validation_error', ['permissions.mcps']],
    [{ name: 'x', permissions: { mcps: ['a b'] } }, 422, 'validation_error', ['permissions.mcps[0]']],
  ];
  test.for(faults)('by %j is refused', async ([body, status, code, fields]) => {
    const [found, said, details] = refusalOf(await send('POST', KEYS, body));
    expect([found, said, Object.keys(details)]).toEqual([status, code, fields]);
    expect((await send('GET', KEYS)).body.pagination.total).toBe(1);
  });

  test('without its Content-Type is 400', async () => {
    const reply = await server.callAs(caller, 'POST', KEYS, { body: '{"name":"x"}', type: null });
    expect(refusalOf(reply).slice(0, 2)).toEqual([400, 'invalid_request']);
  });

  test('by a read-only key is forbidden', async () => {
    caller = await server.keys.create({ profile: 'plexmcp', permission: 'read_only' });
    expect(refusalOf(await send('POST', KEYS, { name: 'x' })).slice(0, 2)).toEqual([403, 'forbidden']);
  });
});

describe('keys', () => {
  test('are listed by page and per_page', async () => {
    for (let i = 1; i <= 4; i++) {
      server.keys.clock.at = T0 + i;
      await make({ name: `key ${i}`, description: null });
    }
    const page = await send('GET', `${KEYS}?page=2&per_page=2`);
    expect(page.status).toBe(200);
    expect(page.body).toMatchObject({
      success: true,
      pagination: { page: 2, per_page: 2, total: 5, total_pages: 3 },
    });
    expect(page.body.data.map((key: { name: string }) => key.name)).toEqual(['key 2', 'key 1']);
    expect(page.body.data[0]).toEqual({
      id: expect.stringMatching(/^key_/),
      name: 'key 2',
      description: null,
      prefix: expect.stringMatching(/^pmcp_....$/),
      status: 'active',
      created_at: '2030-01-01T00:00:00.002Z',
      last_used: null,
      expires_at: null,
      permissions: { mcps: '*' },
      usage: { total_requests: 0, requests_today: 0 },
    });
    expect((await send('GET', KEYS)).body.pagination).toEqual({
      page: 1,
      per_page: 20,
      total: 5,
      total_pages: 1,
    });
  });

  test('are listed by status; an empty list has no pages', async () => {
    const id = await make();
    const none = await send('GET', `${KEYS}?status=revoked`);
    expect([none.body.data, none.body.pagination.total_pages]).toEqual([[], 0]);
    await send('DELETE', `${KEYS}/${id}`);
    expect((await send('GET', `${KEYS}?status=revoked`)).body.data).toMatchObject([
      { id, status: 'revoked' },
    ]);
  });

  test.for([
    ['per_page=101', 422, 'per_page'],
    ['page=0', 422, 'page'],
    ['status=dead', 422, 'status'],
    ['page=one', 400, 'page'],
  ] as const)('are not listed by ?%s', async ([query, status, field]) => {
    const [found, , details] = refusalOf(await send('GET', `${KEYS}?${query}`));
    expect([found, Object.keys(details)]).toEqual([status, [field]]);
  });

  test('are shown with who made them', async () => {
    const id = await make();
    const shown = await send('GET', `${KEYS}/${id}`);
    expect(shown.status).toBe(200);
    expect(shown.body.data).toMatchObject({
      id,
      created_by: { id: caller.keyId, email: null },
      usage: { total_requests: 0, requests_today: 0, requests_this_week: 0, requests_this_month: 0 },
    });
  });

  test('change name and description, and nothing else', async () => {
    const id = await make();
    server.keys.clock.at = T0 + 1000;
    const patched = await send('PATCH', `${KEYS}/${id}`, { name: 'new', description: 'told' });
    const updated_at = '2030-01-01T00:00:01.000Z';
    const data = { id, name: 'new', description: 'told', updated_at };
    expect([patched.status, patched.body]).toEqual([200, { success: true, data }]);
    expect((await send('PATCH', `${KEYS}/${id}`, { description: null })).body.data.description).toBeNull();
    const fixed = { expires_at: null, permissions: { mcps: '*' } };
    const [status, code, details] = refusalOf(await send('PATCH', `${KEYS}/${id}`, fixed));
    expect([status, code, Object.keys(details)]).toEqual([
      422,
      'validation_error',
      ['permissions', 'expires_at'],
    ]);
    expect(refusalOf(await send('PATCH', `${KEYS}/${id}`, {}))[0]).toBe(400);
    await send('DELETE', `${KEYS}/${id}`);
    expect(refusalOf(await send('PATCH', `${KEYS}/${id}`, { name: 'x' })).slice(0, 2)).toEqual([
      409,
      'conflict',
    ]);
  });

  test('are revoked in the envelope, as often as one likes', async () => {
    const id = await make();
    const data = { id, status: 'revoked', revoked_at: '2030-01-01T00:00:00.000Z' };
    for (let i = 0; i < 2; i++) {
      const reply = await send('DELETE', `${KEYS}/${id}`);
      expect([reply.status, reply.body]).toEqual([200, { success: true, data }]);
      server.keys.clock.at += 1000;
    }
  });

  test('are not revoked where it would be the only active one', async () => {
    const gone = await make();
    await send('DELETE', `${KEYS}/${gone}`);
    const reply = await send('DELETE', `${KEYS}/${caller.keyId}`);
    expect(refusalOf(reply).slice(0, 2)).toEqual([403, 'forbidden']);
    expect(reply.body.error.message).toBe('Cannot revoke your only active key');
    await make();
    expect((await send('DELETE', `${KEYS}/${caller.keyId}`)).status).toBe(200);
  });

  test('whose revocation a gate has not confirmed are 503 with Retry-After', async () => {
    const id = await make();
    await joinAndVanish(server.keys);
    const reply = await send('DELETE', `${KEYS}/${id}`);
    expect(refusalOf(reply).slice(0, 2)).toEqual([503, 'service_unavailable']);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(60);
  });

  test('of another organization are not found', async () => {
    await server.keys.service.putOwner('beta', { profile: 'plexmcp', tier: 'free' });
    const other = await server.keys.create({ owner: 'beta', profile: 'plexmcp' });
    for (const id of [other.keyId, 'key_none']) {
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/usage'],
        ['DELETE', ''],
        ['PATCH', ''],
      ] as const) {
        const reply = await send(
          method,
          `${KEYS}/${id}${path}`,
          method === 'PATCH' ? { name: 'x' } : undefined,
        );
        expect(refusalOf(reply).slice(0, 2)).toEqual([404, 'not_found']);
      }
    }
  });

  test('are for those who come through a gate', async () => {
    for (const path of [KEYS, '/v1/usage', '/v1/usage/history', `${KEYS}/x/usage`]) {
      const direct = await server.callAs(caller, 'GET', path, { token: null });
      expect(refusalOf(direct).slice(0, 2)).toEqual([401, 'unauthorized']);
      const nameless = await server.callAs(caller, 'GET', path, { headers: { 'x-key-id': '' } });
      expect(refusalOf(nameless).slice(0, 2)).toEqual([401, 'unauthorized']);
    }
  });
});
