import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { T0 } from './fixture.ts';
import { startServer, type Reply, type RunningServer, type Vouched } from './running-server.ts';

const KEYS = '/v1/api-keys';
const DAY = 86_400_000;

let server: RunningServer;
let caller: Vouched;

beforeEach(async () => {
  server = await startServer();
  await server.keys.service.putOwner('acme', { profile: 'plexmcp', tier: 'free' });
  caller = await server.keys.create({ name: 'caller', profile: 'plexmcp' });
});

afterEach(() => server.close());

const send = (method: string, path: string, body?: unknown) =>
  server.callAs(caller, method, path, body === undefined ? {} : { body });

/** Status, code and details of an answer that must be in PlexMCP's envelope. */
function refusalOf({ status, headers, body }: Reply): [number, string, Record<string, string>] {
  const error = { code: expect.any(String), message: expect.any(String), details: expect.any(Object) };
  expect(body).toEqual({ success: false, error });
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  return [status, body.error.code, body.error.details];
}

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
    server.keys.service.subscribe(() => {
      throw new Error('broken');
    });
    const reply = await send('DELETE', `${KEYS}/${id}`);
    expect(refusalOf(reply).slice(0, 2)).toEqual([503, 'service_unavailable']);
    expect(reply.headers.get('retry-after')).toBe('1');
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

describe('usage', () => {
  const HOUR = 3_600_000;
  /** A Wednesday in the middle of a month and of a day. */
  const NOW = Date.UTC(2030, 4, 15, 12, 30);
  let other: string;

  beforeEach(async () => {
    server.keys.clock.at = NOW;
    other = await make();
    const hour = NOW - HOUR / 2;
    const counts: [number, string, number, '2xx' | '4xx' | '5xx'][] = [
      [hour, caller.keyId, 3, '2xx'],
      [hour, caller.keyId, 1, '5xx'],
      [hour - HOUR, other, 4, '4xx'],
      [hour - DAY, caller.keyId, 10, '2xx'],
      // Sunday, the end of the week before.
      [hour - 3 * DAY, caller.keyId, 20, '2xx'],
      [Date.UTC(2030, 4, 1), caller.keyId, 100, '2xx'],
      [Date.UTC(2030, 3, 30, 23), caller.keyId, 1000, '2xx'],
    ];
    const usage = counts.map(([hourAt, keyId, count, statusClass]) => {
      return { hourAt, keyId, count, statusClass, route: 'r', lastAt: hourAt + 1 };
    });
    await server.keys.service.report({ member: 'gate', sequence: 1, usage, refusals: [], suppressed: [] });
  });

  test('of an organization is that of the calendar month, which has no limit', async () => {
    const { status, body } = await send('GET', '/v1/usage');
    expect([status, body]).toEqual([
      200,
      {
        success: true,
        data: {
          org_id: 'acme',
          tier: 'free',
          period_start: '2030-05-01T00:00:00.000Z',
          period_end: '2030-06-01T00:00:00.000Z',
          requests_used: 138,
          requests_limit: null,
          percentage_used: 0,
          is_over_limit: false,
        },
      },
    ]);
  });

  test('has a history by day, the newest first, of the last 30 days', async () => {
    const { status, body } = await send('GET', '/v1/usage/history');
    const row = (period_start: string, requests: number, errors = 0) => ({
      period_start: `${period_start}.000Z`,
      requests,
      errors,
    });
    expect([status, body]).toEqual([
      200,
      {
        success: true,
        data: [
          row('2030-05-15T00:00:00', 8, 5),
          row('2030-05-14T00:00:00', 10),
          row('2030-05-12T00:00:00', 20),
          row('2030-05-01T00:00:00', 100),
          row('2030-04-30T00:00:00', 1000),
        ],
        pagination: { page: 1, per_page: 20, total: 5, total_pages: 1 },
      },
    ]);
    const hours = await send('GET', '/v1/usage/history?granularity=hour&start_date=2030-05-14&per_page=2');
    expect(hours.body.data).toEqual([row('2030-05-15T12:00:00', 4, 1), row('2030-05-15T11:00:00', 4, 4)]);
    expect(hours.body.pagination).toEqual({ page: 1, per_page: 2, total: 3, total_pages: 2 });
    const second = await send(
      'GET',
      '/v1/usage/history?granularity=hour&start_date=2030-05-14&per_page=2&page=2',
    );
    expect(second.body.data).toEqual([row('2030-05-14T12:00:00', 10)]);
  });

  test('of a day is all of it, of an instant from there', async () => {
    const total = async (query: string) => {
      const { body } = await send('GET', `/v1/usage/history?${query}`);
      return body.data.reduce((sum: number, one: { requests: number }) => sum + one.requests, 0);
    };
    expect(await total('start_date=2030-05-14&end_date=2030-05-14')).toBe(10);
    expect(await total('start_date=2030-05-15T12:00:00Z')).toBe(4);
    expect(await total('start_date=2030-05-15T00:00:00Z&end_date=2030-05-15T12:00:00Z')).toBe(4);
    expect(await total('end_date=2030-04-30')).toBe(1000);
  });

  test.for([
    ['granularity=minute', 422, 'granularity'],
    ['start_date=yesterday', 422, 'start_date'],
    ['end_date=2030-02-30', 422, 'end_date'],
    ['start_date=2030-05-02&end_date=2030-05-01T00:00:00Z', 422, 'end_date'],
    ['per_page=0', 422, 'per_page'],
    ['page=x', 400, 'page'],
  ] as const)('has no history by ?%s', async ([query, status, field]) => {
    const [found, , details] = refusalOf(await send('GET', `/v1/usage/history?${query}`));
    expect([found, Object.keys(details)]).toEqual([status, [field]]);
  });

  test('of a key is that of the day, the week or the month under way, or between dates', async () => {
    const ask = async (query: string) =>
      (await send('GET', `${KEYS}/${caller.keyId}/usage?${query}`)).body.data;
    expect(await ask('period=week')).toEqual({
      key_id: caller.keyId,
      period: 'week',
      total_requests: 14,
      by_mcp: [],
      by_day: [
        { date: '2030-05-14', requests: 10 },
        { date: '2030-05-15', requests: 4 },
      ],
      by_status: { success: 13, error: 1 },
    });
    expect(await ask('period=day')).toMatchObject({ period: 'day', total_requests: 4 });
    expect(await ask('')).toMatchObject({ period: 'month', total_requests: 134 });
    expect(await ask('start_date=2030-04-30&end_date=2030-05-01')).toMatchObject({
      period: 'custom',
      total_requests: 1100,
    });
    const [status, code, details] = refusalOf(
      await send('GET', `${KEYS}/${caller.keyId}/usage?period=year&start_date=x`),
    );
    expect([status, code, Object.keys(details)]).toEqual([422, 'validation_error', ['period', 'start_date']]);
  });

  test('stands beside each key', async () => {
    const shown = await send('GET', `${KEYS}/${caller.keyId}`);
    expect(shown.body.data).toMatchObject({
      last_used: '2030-05-15T12:00:00.001Z',
      usage: {
        total_requests: 1134,
        requests_today: 4,
        requests_this_week: 14,
        requests_this_month: 134,
      },
    });
    const { body } = await send('GET', KEYS);
    expect(body.data.map((key: { usage: object }) => key.usage)).toEqual([
      { total_requests: 4, requests_today: 4 },
      { total_requests: 1134, requests_today: 4 },
    ]);
  });
});
