import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gaugesToJson } from '../../src/core/gauges.ts';
import { gaugesSample } from '../support/gauges-sample.ts';
import { KEY, SERVICE, problemOf, startServer, type RunningServer } from './running-server.ts';

let server: RunningServer;
let keyId = 'k';
beforeEach(async () => {
  server = await startServer();
  keyId = (await server.keys.create()).keyId;
});
afterEach(() => server.close());

const usage = (more: object = {}) => ({
  key_id: keyId,
  route: 'plexe',
  status_class: '2xx',
  hour_at: '2030-01-01T00:00:00.000Z',
  count: 3,
  last_at: '2030-01-01T00:10:00.000Z',
  ...more,
});
const refusal = (more: object = {}) => ({
  at: '2030-01-01T00:00:01.000Z',
  request_id: 'req_1',
  reason: 'revoked_key',
  key_id: keyId,
  owner_id: 'acme',
  address: '192.0.2.1',
  user_agent: null,
  method: 'GET',
  path: '/models',
  route: 'plexe',
  ...more,
});
const suppressed = (more: object = {}) => ({
  reason: 'unknown_key',
  route: null,
  address: '192.0.2.2',
  count: 40,
  first_at: '2030-01-01T00:00:02.000Z',
  last_at: '2030-01-01T00:00:03.000Z',
  ...more,
});
const report = (more: object = {}) => ({
  member: 'gate-1',
  sequence: 1,
  usage: [usage()],
  refusals: [refusal()],
  suppressed: [suppressed()],
  ...more,
});
const send = (body: unknown, token: string | null = SERVICE) =>
  server.call('POST', '/v1/reports', { body, token });

async function counted(): Promise<number> {
  return (await server.call('GET', `/admin/v1/usage?key=${keyId}`)).body.requests;
}

describe('a report', () => {
  test('is counted once, however often it is sent, and in whatever order', async () => {
    for (const sequence of [1, 3, 3, 1, 2, 2, 3]) {
      const reply = await send(report({ sequence }));
      expect([reply.status, reply.body]).toEqual([200, { member: 'gate-1', sequence }]);
    }
    server.keys.clock.at += 1;
    expect(await counted()).toBe(9);
    expect((await server.call('GET', '/admin/v1/audit?kind=refusal')).body.audit).toHaveLength(3);
  });

  test('is counted once where the same one arrives ten times at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => send(report())));
    server.keys.clock.at += 1;
    expect(await counted()).toBe(3);
  });

  test('in process and over HTTP is the same report', async () => {
    await send(report());
    await server.keys.service.report({
      member: 'gate-1',
      sequence: 1,
      usage: [{ keyId, route: 'x', statusClass: '2xx', hourAt: 0, count: 9, lastAt: 0 }],
      refusals: [],
      suppressed: [],
    });
    server.keys.clock.at += 1;
    expect(await counted()).toBe(3);
  });

  test('brings refusals into the audit, without a key even where a gate forgot to mask one', async () => {
    const { text } = await server.keys.create();
    const path = `/models/${text}?api_key=${text}`;
    await send(report({ refusals: [refusal({ path, user_agent: text, request_id: text })] }));
    const { body } = await server.call('GET', `/admin/v1/audit?key=${keyId}&reason=revoked_key`);
    expect(body.audit).toMatchObject([
      { kind: 'refusal', path: '/models/[redacted]?api_key=[redacted]', user_agent: '[redacted]' },
    ]);
    const more = await server.call('GET', '/admin/v1/audit?address=192.0.2.2');
    expect(more.body.audit).toMatchObject([
      {
        kind: 'suppressed',
        reason: 'unknown_key',
        count: 40,
        at: '2030-01-01T00:00:03.000Z',
        first_at: '2030-01-01T00:00:02.000Z',
      },
    ]);
    expect(JSON.stringify([body, more.body])).not.toContain(text.slice(8, -5));
  });

  test('may hold as many keys as a gate has', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => usage({ key_id: `key-${i}` }));
    expect((await send(report({ usage: many }))).status).toBe(200);
  });

  test('of a later gate, with fields that are not known here, is counted', async () => {
    const later = report({ colour: 'x', usage: [usage({ colour: 'x' })] });
    expect((await send(later)).status).toBe(200);
    server.keys.clock.at += 1;
    expect(await counted()).toBe(3);
  });

  test('tells how its gate stands, until it has not been heard of for too long', async () => {
    expect((await send(report({ gauges: gaugesToJson(gaugesSample()) }))).status).toBe(200);
    const { history } = server.keys.service;
    const { at } = server.keys.clock;
    expect(await history.gauges(10_000)).toEqual([
      { member: 'gate-1', reportedAt: at, gauges: gaugesSample() },
    ]);
    server.keys.clock.at += 10_001;
    expect(await history.gauges(10_000)).toEqual([]);
  });

  test('of a gate that has no gauges, or says them otherwise, is counted all the same', async () => {
    const later = { ...gaugesToJson(gaugesSample()), in_flight: 'three' };
    for (const [i, gauges] of [undefined, null, 7, later].entries())
      expect((await send(report({ sequence: i + 1, gauges }))).status).toBe(200);
    server.keys.clock.at += 1;
    expect(await counted()).toBe(12);
    expect(await server.keys.service.history.gauges(10_000)).toEqual([]);
  });

  const faults: [string, object, string][] = [
    ['no member', { member: '' }, 'member'],
    ['number 0', { sequence: 0 }, 'sequence'],
    ['half a number', { sequence: 1.5 }, 'sequence'],
    ['no counts', { usage: undefined }, 'usage'],
    ['a class of status that is none', { usage: [usage({ status_class: '6xx' })] }, 'usage[0].status_class'],
    ['a count of none', { usage: [usage({ count: 0 })] }, 'usage[0].count'],
    ['half an hour', { usage: [usage({ hour_at: '2030-01-01T00:30:00Z' })] }, 'usage[0].hour_at'],
    ['no instant', { usage: [usage({ last_at: 'now' })] }, 'usage[0].last_at'],
    ['a long route', { usage: [usage({ route: 'x'.repeat(1025) })] }, 'usage[0].route'],
    ['a refusal without a reason', { refusals: [refusal({ reason: undefined })] }, 'refusals[0].reason'],
    ['a count below none', { suppressed: [suppressed({ count: -1 })] }, 'suppressed[0].count'],
  ];
  test.for(faults)('with %s is 400 and counts nothing', async ([, more, field]) => {
    expect(problemOf(await send(report(more)))).toEqual([400, field]);
    expect(await counted()).toBe(0);
  });

  test('is taken from gates alone', async () => {
    expect(problemOf(await send(report(), null))).toEqual([401]);
  });
});

describe('usage for administrators', () => {
  test('is that of a key or of an owner, by day, route and status', async () => {
    await send(
      report({
        usage: [
          usage(),
          usage({ count: 2, status_class: '5xx', route: 'other' }),
          usage({ count: 10, hour_at: '2029-12-31T23:00:00Z' }),
        ],
      }),
    );
    const range = 'from=2029-12-31T00:00:00Z&to=2030-01-01T01:00:00Z';
    const counts = {
      from: '2029-12-31T00:00:00.000Z',
      to: '2030-01-01T01:00:00.000Z',
      requests: 15,
      errors: 2,
      by_status: { '2xx': 13, '5xx': 2 },
      by_route: { plexe: 13, other: 2 },
      by_day: [
        { date: '2029-12-31', requests: 10, errors: 0 },
        { date: '2030-01-01', requests: 5, errors: 2 },
      ],
    };
    const ofKey = await server.call('GET', `/admin/v1/usage?key=${keyId}&${range}`);
    expect([ofKey.status, ofKey.body]).toEqual([200, { key: keyId, ...counts }]);
    const ofOwner = await server.call('GET', `/admin/v1/usage?owner=acme&${range}`);
    expect(ofOwner.body).toEqual({ owner: 'acme', ...counts });
  });

  test.for([
    ['', 422, ''],
    ['key=a&owner=b', 422, ''],
    ['key=a&from=x', 422, 'from'],
    ['key=a&from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z', 422, 'from'],
    ['key=a&until=x', 400, 'until'],
  ] as const)('is not shown by ?%s', async ([query, status, field]) => {
    expect(problemOf(await server.call('GET', `/admin/v1/usage?${query}`))).toEqual([status, field]);
  });
});

describe('a rotation over HTTP', () => {
  const rotate = (id: string, body: unknown) => server.call('POST', `/admin/v1/keys/${id}/rotate`, { body });

  test('is 201 with the new key, shown this once, and the end of the old one', async () => {
    const rotated = await rotate(keyId, { overlap: '1h' });
    expect(rotated.status).toBe(201);
    const { key, key_id, replaces, old_expires_at, ...record } = rotated.body;
    expect(key).toMatch(/^plx_sk_/);
    expect(replaces).toBe(keyId);
    expect(old_expires_at).toBe('2030-01-01T01:00:00.000Z');
    const shown = await server.call('GET', `/admin/v1/keys/${key_id}`);
    expect(shown.body).toEqual({ key_id, ...record });
    expect((await server.call('GET', `/admin/v1/keys/${keyId}`)).body).toMatchObject({
      name: record.name,
      status: 'active',
      expires_at: old_expires_at,
      deprecated_at: '2030-01-01T00:00:00.000Z',
      replaced_by: key_id,
    });
    expect(server.lines.join('')).toContain(`replaced by ${key_id}`);
    expect(server.lines.join('')).not.toContain(key.slice(12, -5));
  });

  test('that cannot be says why', async () => {
    expect(problemOf(await rotate(keyId, {}))).toEqual([400, 'overlap']);
    expect(problemOf(await rotate(keyId, { overlap: 3600 }))).toEqual([400, 'overlap']);
    expect(problemOf(await rotate(keyId, { overlap: '31d' }))).toEqual([422, 'overlap']);
    expect(problemOf(await rotate('key_none', { overlap: '1h' }))).toEqual([404]);
    const { key_id } = (await rotate(keyId, { overlap: '1h' })).body;
    const again = await rotate(keyId, { overlap: '1h' });
    expect(problemOf(again)).toEqual([409]);
    expect(again.body.replaced_by).toBe(key_id);
    await server.call('DELETE', `/admin/v1/keys/${key_id}`);
    expect((await rotate(key_id, { overlap: '1h' })).body.detail).toContain('revoked');
    expect((await server.call('POST', '/admin/v1/keys', { body: KEY })).status).toBe(201);
  });
});
