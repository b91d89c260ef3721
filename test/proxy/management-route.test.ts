import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import { exchange, type RawAnswer } from '../support/raw-client.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

const CONFIG = `
keyService: {}
proxy:
  trustedProxies: [127.0.0.1]
  keys: { prefixes: { plextera: acme-live- } }
  tiers: { plexe: { basic: [3/minute] } }
  routes:
    - match: { path: / }
      profile: plexe
      upstream: '{upstream}'
    - match: { path: /auth/api-keys }
      profile: plexe
      upstream: key-service
`;

/** In the key service's place, so that the test sees what it is sent. */
let keyService: Upstream;
let stage: Stage;

beforeEach(async () => {
  keyService = await startUpstream();
  stage = await startStage({
    config: CONFIG,
    fixtures: '{RW} {RO} {T1}',
    keyServiceOrigin: keyService.origin,
  });
});
afterEach(async () => {
  await stage.stop();
  await keyService.stop();
});

function send(method: string, target: string, lines: readonly string[], body = ''): Promise<RawAnswer> {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  const head = [`${method} ${target} HTTP/1.1`, 'Host: gate.test', ...lines, ...length, 'Connection: close'];
  return exchange(
    stage.gate.port,
    Buffer.from(stage.fixtures.fill(`${head.join('\r\n')}\r\n\r\n${body}`), 'latin1'),
  );
}

describe('a management request', () => {
  it.each([
    ['x-api-key', ['x-api-key: {RW}']],
    ['Bearer', ['Authorization: Bearer {RW}']],
    ['both', ['x-api-key: {RW}', 'Authorization: Bearer {RW}']],
    ['a key beside a Basic login', ['Authorization: Basic dTpw', 'x-api-key: {RW}']],
  ])('carries the service token and the caller in place of %s', async (_, lines) => {
    const answer = await send(
      'POST',
      '/auth/api-keys/k1?x=%20y',
      [...lines, 'User-Agent: app/1', 'X-Key-Id: evil', 'X-Owner-Id: evil', 'Content-Type: application/json'],
      '{"name":"n"}',
    );
    expect(answer.status).toBe(200);
    expect(stage.upstream.requests).toEqual([]);
    const [arrived] = keyService.requests;
    if (arrived === undefined) throw new Error('nothing arrived');
    expect([arrived.method, arrived.target, arrived.body.toString()]).toEqual([
      'POST',
      '/auth/api-keys/k1?x=%20y',
      '{"name":"n"}',
    ]);
    const expected: Record<string, string[]> = {
      'x-key-id': [stage.fixtures.fill('{RW.id}')],
      'x-owner-id': ['account-a'],
      'x-user-id': ['account-a'],
      'x-permission-level': ['read_write'],
      'x-tier': ['basic'],
      'user-agent': ['app/1'],
      'content-type': ['application/json'],
      'x-api-key': [],
    };
    for (const [name, values] of Object.entries(expected)) expect(valuesOf(arrived, name)).toEqual(values);
    expect(valuesOf(arrived, 'x-request-id')).toEqual(valuesOf(answer, 'x-request-id'));
    expect(valuesOf(arrived, 'authorization')).toEqual([expect.stringMatching(/^Bearer [0-9a-f]{32}$/)]);
    expect(arrived.bytes.toString()).not.toContain(stage.fixtures.fill('{RW}'));
  });

  it('names one address, the one the gate believes', async () => {
    await send('GET', '/auth/api-keys', [
      'x-api-key: {RW}',
      'X-Forwarded-For: 203.0.113.66, 198.51.100.7',
      'Forwarded: for=203.0.113.66',
      'X-Real-IP: 203.0.113.66',
    ]);
    const [arrived] = keyService.requests;
    expect(arrived && valuesOf(arrived, 'x-forwarded-for')).toEqual(['198.51.100.7']);
    expect(arrived?.bytes.toString()).not.toContain('203.0.113.66');
  });

  it('has no key in its User-Agent, which is written down, also one with a prefix of the configuration', async () => {
    const own = `acme-live-${'x1'.repeat(20)}`;
    await send('GET', '/auth/api-keys', ['x-api-key: {RW}', `User-Agent: app/1 ${own} {RW}`]);
    const [arrived] = keyService.requests;
    expect(arrived && valuesOf(arrived, 'user-agent')).toEqual(['app/1 [redacted] [redacted]']);
  });

  it('names the workspace of the key', async () => {
    await send('GET', '/auth/api-keys', ['x-api-key: {T1}']);
    const [arrived] = keyService.requests;
    expect(arrived && valuesOf(arrived, 'x-workspace-id')).toEqual(['W1']);
  });

  it('without a key, or with one that may only read and writes, never reaches the key service', async () => {
    expect((await send('GET', '/auth/api-keys', [])).status).toBe(401);
    expect((await send('POST', '/auth/api-keys', ['x-api-key: {RO}'], '{}')).status).toBe(403);
    expect((await send('DELETE', '/auth/api-keys/k1', ['x-api-key: {RO}'])).status).toBe(403);
    expect((await send('GET', '/auth/%61pi-keys', ['x-api-key: {RW}'])).status).toBe(400);
    expect(keyService.requests).toEqual([]);
    expect(stage.upstream.requests).toEqual([]);
  });

  it("is never lent the service token where a browser's preflight has no key", async () => {
    await send('OPTIONS', '/auth/api-keys', [
      'Origin: https://a.example',
      'Access-Control-Request-Method: POST',
    ]);
    const [arrived] = keyService.requests;
    expect(arrived && valuesOf(arrived, 'authorization')).toEqual([]);
  });

  it('spends of the limits like any other', async () => {
    const statuses = [];
    for (let i = 0; i < 4; i++)
      statuses.push((await send('GET', '/auth/api-keys', ['x-api-key: {RW}'])).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect(keyService.requests).toHaveLength(3);
  });

  it('goes to no path beside the route', async () => {
    await send('GET', '/auth/api-keysx', ['x-api-key: {RW}']);
    expect([keyService.requests.length, stage.upstream.requests.length]).toEqual([0, 1]);
  });
});
