import { randomBytes } from 'node:crypto';
import { METHODS } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composeKey } from '../../src/core/key-shape.ts';
import { REASONS } from '../../src/core/reasons.ts';
import { seriesOf } from '../support/exposition.ts';
import { prometheusPrograms } from '../support/prometheus-programs.ts';
import { MetricsStage, documentedNames, promtoolSays, type Scrape } from './metrics-stage.ts';

const KNOWN_ROUTES = new Set(['/plexe', 'mcp.test/mcp', '/standard', '/gone', 'none']);

let stage: MetricsStage;

beforeAll(async () => {
  stage = await MetricsStage.start();
});
afterAll(() => stage.stop());

/** The log lines of requests, once `count` are there: a request is recorded when nothing more can happen to it. */
async function requestLines(count: number): Promise<Record<string, unknown>[]> {
  const lines = (): string[] => stage.gate.logLines.filter((line) => line.includes('"msg":"request"'));
  for (let i = 0; i < 200 && lines().length < count; i++) await sleep(10);
  return lines().map((line) => JSON.parse(line) as Record<string, unknown>);
}

function seriesIn(scrape: Scrape): string[] {
  return [...scrape.families.values()]
    .filter(({ name }) => name.startsWith('plexgate_'))
    .flatMap(({ samples }) => samples.map(seriesOf))
    .sort();
}

describe('the first scrape', () => {
  it('is text that another reader understands, of the type Prometheus expects', () => {
    expect(stage.first.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(stage.first.families.size).toBeGreaterThan(20);
  });

  it('has every metric that docs/metrics.md lists, and no other of ours', () => {
    expect(documentedNames().length).toBeGreaterThan(20);
    const names = [...stage.first.families.keys()];
    expect(documentedNames().filter((name) => !names.includes(name))).toEqual([]);
    expect(names.filter((name) => !documentedNames().includes(name))).toEqual([]);
  });

  it('has every decision, lookup, limit decision and upstream error that can come, at zero', () => {
    const labelled = (name: string): string[] => {
      const { samples = [] } = stage.first.families.get(`plexgate_${name}`) ?? {};
      expect(
        samples.every(({ value }) => value === 0),
        name,
      ).toBe(true);
      return samples.map(({ labels }) => Object.values(labels).join(' '));
    };
    const routes = [...KNOWN_ROUTES];
    const reasons = Object.entries(REASONS).map(
      ([reason, { status }]) => `${status >= 500 ? 'error' : 'deny'} ${reason}`,
    );
    expect(labelled('auth_decisions_total').sort()).toEqual(
      routes
        .flatMap((route) => [`${route} allow none`, ...reasons.map((reason) => `${route} ${reason}`)])
        .sort(),
    );
    const tiers = [
      'plexe/basic',
      'plexe/pro',
      'plexe/enterprise',
      'plexe/other',
      'plextera/default',
      'plextera/other',
    ]
      .concat(['free', 'pro', 'team', 'enterprise', 'other'].map((tier) => `plexmcp/${tier}`))
      .concat(['standard/default', 'standard/other']);
    expect(labelled('ratelimit_decisions_total').sort()).toEqual(
      tiers
        .flatMap((tier) => ['allow', 'error', 'limit', 'shadow'].map((result) => `${tier} ${result} memory`))
        .sort(),
    );
    expect(labelled('key_lookups_total').sort()).toEqual(
      [
        'l1 hit,l1 miss,l1 negative,l1 stale',
        'l2 hit,l2 miss,l2 stale,l2 error,l2 forged',
        'origin hit,origin negative,origin error',
      ]
        .flatMap((list) => list.split(','))
        .sort(),
    );
    expect(labelled('http_requests_in_flight').sort()).toEqual(routes.toSorted());
    expect(
      labelled('upstream_errors_total').filter((text) => text.startsWith(stage.upstream.origin)),
    ).toHaveLength(4);
  });

  it('is clean by promtool', async () => {
    expect(await promtoolSays(prometheusPrograms().promtool, stage.first.text)).toBe('');
  });
});

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const HOST = 'Host: gate.test\r\n';

/** Everything the line of a request may have. */
const FIELDS = new Set(
  (
    'level time msg requestId route method path status source reason detail keyId ownerId lookup ' +
    'address userAgent receivedAt durationMs decisionMs upstreamMs bytesIn bytesOut'
  ).split(' '),
);

/** Requests of every kind and the status each gets; null: the client leaves. */
const LOAD: readonly (readonly [text: string, status: number | null])[] = [
  ...Array.from(
    { length: 7 },
    (_, i) => [`GET /plexe/a HTTP/1.1\r\n${HOST}x-api-key: {RW}\r\n\r\n`, i < 5 ? 200 : 429] as const,
  ),
  ...Array.from(
    { length: 6 },
    (_, i) =>
      [
        `POST /plexe/a HTTP/1.1\r\n${HOST}x-api-key: {RO}\r\nContent-Length: 0\r\n\r\n`,
        i < 5 ? 403 : 429,
      ] as const,
  ),
  [`GET /plexe/a HTTP/1.1\r\n${HOST}x-api-key: {URW}\r\n\r\n`, 200],
  [`HEAD /standard HTTP/1.1\r\n${HOST}x-api-key: {S}\r\n\r\n`, 200],
  ['GET /mcp HTTP/1.1\r\nHost: mcp.test\r\nAuthorization: ApiKey {M1}\r\n\r\n', 200],
  [`GET /standard/open/x HTTP/1.1\r\n${HOST}\r\n`, 200],
  [`GET /standard HTTP/1.1\r\n${HOST}\r\n`, 401],
  [`GET /standard HTTP/1.1\r\n${HOST}x-api-key: {UNKNOWN}\r\n\r\n`, 401],
  [`GET /standard HTTP/1.1\r\n${HOST}x-api-key: {REV}\r\n\r\n`, 401],
  [`GET /standard HTTP/1.1\r\n${HOST}Authorization: bare\r\n\r\n`, 401],
  [`GET /standard HTTP/1.1\r\n${HOST}x-api-key: {S}\r\nx-api-key: {S}\r\n\r\n`, 400],
  [`GET /nowhere HTTP/1.1\r\n${HOST}\r\n`, 404],
  [`GET /standard/../x HTTP/1.1\r\n${HOST}\r\n`, 400],
  ['GET /standard HTTP/1.1\r\n\r\n', 400],
  ['this is no HTTP\r\n\r\n', 400],
  [`GET /standard HTTP/1.1\r\n${HOST}X-Long: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  [`GET /standard HTTP/1.1\r\n${HOST}Expect: something\r\n\r\n`, 401],
  [`TRACE /standard HTTP/1.1\r\n${HOST}\r\n`, 405],
  ['CONNECT gate.test:443 HTTP/1.1\r\nHost: gate.test\r\n\r\n', 405],
  [`GET /standard/ws HTTP/1.1\r\n${HOST}${UPGRADE}\r\n`, 401],
  [`GET /gone HTTP/1.1\r\n${HOST}x-api-key: {S}\r\n\r\n`, 502],
  [`POST /standard/silent HTTP/1.1\r\n${HOST}x-api-key: {S}\r\nContent-Length: 1\r\n\r\nx`, 504],
  [`GET /standard/left HTTP/1.1\r\n${HOST}x-api-key: {S}\r\n\r\n`, null],
];

it('after a load of every kind all counters say the same', async () => {
  stage.upstream.does(({ socket, startLine }) => {
    if (/silent|left/.test(startLine)) return;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${startLine.startsWith('HEAD') ? '' : 'ok'}`);
  });
  for (const [text, status] of LOAD)
    expect(await stage.send(text, status === null ? 30 : null), text).toBe(status);
  const lines = await requestLines(LOAD.length);
  const scrape = await stage.scrape();

  expect(lines).toHaveLength(LOAD.length);
  expect(lines.flatMap((line) => Object.keys(line)).filter((name) => !FIELDS.has(name))).toEqual([]);
  expect(scrape.sum('auth_decisions_total')).toBe(LOAD.length);
  expect(scrape.sum('http_requests_total')).toBe(LOAD.length);
  for (const name of ['http_request_duration_seconds_count', 'gateway_overhead_seconds_count']) {
    const family = scrape.families.get(`plexgate_${name.replace(/_count$/, '')}`);
    const counts = (family?.samples ?? []).filter((sample) => sample.name.endsWith('_count'));
    expect(
      counts.reduce((total, { value }) => total + value, 0),
      name,
    ).toBe(LOAD.length);
  }
  expect(scrape.sum('http_requests_in_flight')).toBe(0);
  for (const status of [200, 400, 401, 403, 404, 405, 429, 431, 499, 502, 504]) {
    const seen = lines.filter((line) => line['status'] === status).length;
    expect(seen, String(status)).toBe(LOAD.filter((one) => (one[1] ?? 499) === status).length);
    expect(scrape.sum('http_requests_total', { code: String(status) }), String(status)).toBe(seen);
  }
  // Allowed of an owner with limits: five of {RW} and one of {M1}.
  const limited = scrape.sum('auth_decisions_total', { reason: 'rate_limited' });
  expect([scrape.sum('ratelimit_decisions_total'), limited]).toEqual([6 + limited, 2]);
  expect(scrape.sum('ratelimit_decisions_total', { result: 'limit' })).toBe(limited);
  expect(scrape.sum('auth_decisions_total', { reason: 'forbidden_throttled' })).toBe(1);
  expect(scrape.sum('upstream_errors_total', { reason: 'refused' })).toBe(1);
  expect(scrape.sum('upstream_errors_total', { reason: 'timeout' })).toBe(1);
  expect(scrape.sum('upstream_errors_total')).toBe(2);
});

const KNOWN_METHODS = new Set(
  ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'].concat('_OTHER'),
);

/** Everything in it is this request's own; kinds return after a few hundred. */
function requestOf(i: number): string {
  const methods = METHODS.filter((method) => method !== 'CONNECT' && method !== 'HEAD');
  const path = ['/standard/x', '/plexe/x', '/nowhere', '/standard/open'][i % 4] ?? '/';
  const method = methods[Math.floor(i / 4) % methods.length] ?? 'GET';
  return (
    `${method} ${path}/${i}?q=${i} HTTP/1.1\r\nHost: host${i}.test\r\nUser-Agent: agent ${i}\r\n` +
    `X-Request-Id: id-${i}\r\nX-Forwarded-For: 10.0.0.${i % 250}\r\nOrigin: https://${i}.example\r\n` +
    `x-api-key: ${composeKey('plx_sk_', randomBytes)}\r\nContent-Length: 0\r\n\r\n`
  );
}

it('10,000 other keys, paths, hosts, methods, user agents and request ids make no series', async () => {
  stage.upstream.does(({ socket, startLine }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Seen: ${startLine.length}\r\n\r\n`);
  });
  const recorded = (await requestLines(0)).length;
  const ask = (from: number, count: number): Promise<void> =>
    stage.sendAll(Array.from({ length: count }, (_, i) => requestOf(from + i)));
  await ask(0, 200);
  await requestLines(recorded + 200);
  const before = await stage.scrape();
  await ask(200, 10_000);
  expect(await requestLines(recorded + 10_200)).toHaveLength(recorded + 10_200);
  const after = await stage.scrape();
  // A machine that is busy may make one of them a 503 or a 504, which is a status that was not there before.
  const isOfAStatus = (series: string): boolean => series.startsWith('plexgate_http_requests_total');
  expect(seriesIn(after).filter((one) => !isOfAStatus(one))).toEqual(
    seriesIn(before).filter((one) => !isOfAStatus(one)),
  );
  const { samples = [] } = after.families.get('plexgate_http_requests_total') ?? {};
  expect(samples.filter(({ labels }) => !KNOWN_METHODS.has(labels['method'] ?? ''))).toEqual([]);
  expect(samples.filter(({ labels }) => !KNOWN_ROUTES.has(labels['route'] ?? ''))).toEqual([]);
});
