import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { composeKey } from '../../src/core/key-shape.ts';
import { exchange, RawConnection, type RawAnswer } from '../support/raw-client.ts';
import { RecordingSink } from '../support/report-sink.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { OK } from '../support/upstream.ts';

const CONFIG = `
keyService: {}
proxy:
  failedAuthentication: 2/15m
  routes:
    - match: { path: / }
      profile: plexe
      rules: [{ path: /health, auth: none }]
      upstream: '{upstream}'
    - match: { path: /auth/api-keys }
      profile: plexe
      upstream: key-service
`;

let sink: RecordingSink;
let stage: Stage;

beforeEach(async () => {
  sink = new RecordingSink();
  stage = await startStage({ config: CONFIG, fixtures: '{RW} {RO} {REV}', reports: sink });
});
afterEach(() => stage.stop());

function send(method: string, target: string, ...lines: string[]): Promise<RawAnswer> {
  const all = ['Host: gate.test', ...lines, 'Connection: close'];
  const text = `${method} ${target} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n`;
  return exchange(stage.gate.port, Buffer.from(stage.fixtures.fill(text), 'latin1'));
}

const UPGRADE = [
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

/** A management request is held until everything counted before it has been reported. */
async function flush(): Promise<void> {
  await send('GET', '/auth/api-keys', 'x-api-key: {RW}');
}

/** What has been reported, as `key class count`. */
async function usage(): Promise<string[]> {
  await flush();
  return sink.usage.map(
    ({ keyId, route, statusClass, count }) =>
      `${keyId === stage.fixtures.fill('{RW.id}') ? 'RW' : keyId} ${route} ${statusClass} ${count}`,
  );
}

describe('usage of a key', () => {
  it('is what an upstream has answered, whatever the status', async () => {
    await send('GET', '/models', 'x-api-key: {RW}');
    stage.upstream.answerWith({ ...OK, status: 404 });
    await send('POST', '/models', 'x-api-key: {RW}');
    stage.upstream.answerWith({ ...OK, status: 204, body: '' });
    await send('GET', '/models', 'x-api-key: {RW}');
    stage.upstream.answerWith({ ...OK, behaviour: 'dies' });
    await send('GET', '/models', 'x-api-key: {RW}');
    expect(await usage()).toEqual(['RW / 2xx 3', 'RW / 4xx 1']);
  });

  it('is neither what the gate refused, nor what nobody answered, nor what needs no key, nor management', async () => {
    await send('GET', '/health', 'x-api-key: {RW}');
    await send('OPTIONS', '/models', 'Origin: https://a.example', 'Access-Control-Request-Method: POST');
    await send('GET', '/models', 'x-api-key: {REV}');
    await send('POST', '/models', 'x-api-key: {RO}');
    await send('GET', '/auth/api-keys', 'x-api-key: {RW}');
    stage.upstream.answerWith({ ...OK, behaviour: 'hangs up' });
    expect((await send('POST', '/models', 'x-api-key: {RW}')).status).toBe(502);
    expect(await usage()).toEqual([]);
  });

  it('counts a stream when it opens', async () => {
    stage.upstream.answerWith({
      ...OK,
      headers: [['Content-Type', 'text/event-stream']],
      behaviour: 'streams',
    });
    const connection = await RawConnection.open(stage.gate.port);
    connection.send(
      Buffer.from(stage.fixtures.fill('GET /live HTTP/1.1\r\nHost: a\r\nx-api-key: {RW}\r\n\r\n')),
    );
    await connection.until(() => connection.head !== null, 'the head of the answer');
    expect(await usage()).toEqual(['RW / 2xx 1']);
    connection.drop();
  });

  it('counts a WebSocket once, as 1xx, and a refused handshake as what the upstream said', async () => {
    const lines = ['x-api-key: {RW}', ...UPGRADE, 'Connection: Upgrade'];
    stage.upstream.answerWith({
      ...OK,
      status: 101,
      headers: [
        ['Connection', 'Upgrade'],
        ['Upgrade', 'websocket'],
      ],
      body: '',
    });
    expect((await send('GET', '/live', ...lines)).status).toBe(101);
    stage.upstream.answerWith({ ...OK, status: 426 });
    expect((await send('GET', '/live', ...lines)).status).toBe(426);
    expect(await usage()).toEqual(['RW / 1xx 1', 'RW / 4xx 1']);
  });

  it('has reached the key service when a management request does', async () => {
    await send('GET', '/models', 'x-api-key: {RW}');
    expect(sink.usage).toEqual([]);
    await send('GET', '/auth/api-keys', 'x-api-key: {RW}');
    expect(sink.usage.map(({ count }) => count)).toEqual([1]);
  });

  it('is reported when the gate stops', async () => {
    await send('GET', '/models', 'x-api-key: {RW}');
    await stage.stop();
    expect(sink.usage.map(({ count }) => count)).toEqual([1]);
    stage = await startStage({ config: CONFIG, fixtures: '', reports: sink });
  });
});

describe('a refused authentication', () => {
  it('is reported with who, what and why, and no key in it', async () => {
    const lines = ['x-api-key: {REV}', 'X-Request-Id: seen-1', 'User-Agent: probe/1 {REV}'];
    await send('DELETE', '/models/{REV}/x?secret={REV}', ...lines);
    await flush();
    expect(sink.refusals).toEqual([
      {
        at: expect.any(Number) as number,
        requestId: 'seen-1',
        reason: 'revoked_key',
        keyId: stage.fixtures.fill('{REV.id}'),
        ownerId: 'account-a',
        address: '127.0.0.1',
        userAgent: 'probe/1 [redacted]',
        method: 'DELETE',
        path: '/models/[redacted]/x',
        route: '/',
      },
    ]);
    expect(JSON.stringify(sink.calls)).not.toContain(stage.fixtures.fill('{REV}'));
  });

  it('is every 401 and 403 and who tries too often, and nothing else', async () => {
    await send('GET', '/models');
    await send('POST', '/models', 'x-api-key: {RO}');
    for (let i = 0; i < 4; i++)
      await send('GET', '/models', `x-api-key: ${composeKey('plx_sk_', randomBytes)}`);
    await send('GET', '/models', 'x-api-key: {RO}', 'Authorization: Bearer {RW}');
    await send('TRACE', '/models');
    await send('GET', '/models/../x');
    stage.upstream.answerWith({ ...OK, status: 401 });
    await send('GET', '/models', 'x-api-key: {RW}');
    await flush();
    const reasons = sink.refusals.map(({ reason, keyId }) => [reason, keyId !== null]);
    expect(reasons).toEqual([
      ['missing_credential', false],
      ['method_not_permitted', true],
      ['unknown_key', false],
      ['unknown_key', false],
      ['auth_throttled', false],
      ['auth_throttled', false],
    ]);
  });

  it('has path and user agent cut to what a log line holds', async () => {
    await send('GET', `/${'p'.repeat(3000)}`, `User-Agent: ${'u'.repeat(3000)}`);
    await flush();
    const [row] = sink.refusals;
    expect([row?.path.length, row?.userAgent?.length]).toEqual([1027, 1027]);
  });
});

describe('how a gate stands', () => {
  it('goes along when it stops: outcomes, reasons, limits, layers and what it knows', async () => {
    await send('GET', '/models', 'x-api-key: {RW}');
    await send('GET', '/models', 'x-api-key: {RW}');
    await send('POST', '/models', 'x-api-key: {RO}');
    await send('GET', '/models', 'x-api-key: {REV}');
    stage.upstream.answerWith({ ...OK, behaviour: 'hangs up' });
    await send('POST', '/models', 'x-api-key: {RW}');
    await stage.stop();
    const gauges = sink.reports.at(-1)?.gauges;
    expect(gauges).toMatchObject({
      version: 'test',
      state: 'draining',
      inFlight: 0,
      requests: { allowed: 2, refused: 2, unavailable: 0, failed: 1 },
      refusals: { method_not_permitted: 1, revoked_key: 1 },
      breaker: 'closed',
      leasedUnits: 0,
      redis: { keys: null, limits: null },
      member: { mode: 'renew', newsChannelUp: false },
    });
    const { l1 = 0, origin = 0 } = gauges?.lookups ?? {};
    expect([l1 + origin, origin]).toEqual([5, 3]);
    expect(gauges?.cacheEntries).toBeGreaterThan(0);
    expect(gauges?.added?.p99Ms).toBeGreaterThan(0);
    expect(gauges?.limits.map(({ limit, requests }) => [limit, requests])).toEqual([['100/minute', 5]]);
    stage = await startStage({ config: CONFIG, fixtures: '', reports: sink });
  });
});

describe('a key service that takes no reports', () => {
  it('holds up no request and loses nothing', async () => {
    sink.answer = () => new Promise(() => undefined);
    await send('GET', '/models', 'x-api-key: {RW}');
    void flush();
    const startedAt = performance.now();
    for (let i = 0; i < 20; i++) {
      expect((await send('GET', '/models', 'x-api-key: {RW}')).status).toBe(200);
    }
    expect(performance.now() - startedAt).toBeLessThan(1500);
    const pending = /^plexgate_report_entries_pending (\d+)$/m.exec(await stage.gate.metrics());
    expect(Number(pending?.[1])).toBe(2);
    sink.answer = async () => undefined;
    await flush();
    await flush();
    expect(sink.usage.reduce((sum, { count }) => sum + count, 0)).toBe(21);
    expect(await stage.gate.metrics()).toMatch(/^plexgate_reports_total\{result="ok"\} [1-9]/m);
    expect(await stage.gate.metrics()).toMatch(/^plexgate_reports_total\{result="error"\} [1-9]/m);
  });
});
