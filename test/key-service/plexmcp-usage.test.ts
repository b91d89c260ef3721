import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { plexmcpRefusalOf as refusalOf } from './contract-answers.ts';
import { startServer, type RunningServer, type Vouched } from './running-server.ts';

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

async function make(more: object = {}): Promise<string> {
  const made = await send('POST', KEYS, { name: 'a new key', ...more });
  expect(made.status).toBe(201);
  return made.body.data.id;
}

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
