import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composeKey } from '../../src/core/key-shape.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { startGate, type TestGate } from '../support/gate.ts';
import { until } from '../support/until.ts';
import { ADMIN } from '../key-service/running-server.ts';
import { openDesk, typed, type Desk } from './typed.ts';

const PROXY = `
proxy:
  routes:
    - { match: { path: /limited }, profile: plexe, upstream: echo }
    - { match: { path: /open }, auth: none, upstream: echo }
`;

let desk: Desk;
let gate: TestGate;
let port: string;
let keyId: string;
let limited: Headers;

beforeAll(async () => {
  desk = await openDesk();
  gate = await startGate({ config: `${PROXY}keyService: {}` });
  port = `http://127.0.0.1:${gate.adminPort}`;
  await gate.service.putOwner('acme', { profile: 'plexe', tier: 'basic', limits: ['2/hour'] });
  const draft = { owner: 'acme', name: 'k', profile: 'plexe', permission: 'read_write' };
  const made = await gate.service.createKey(draft);
  if (made.kind !== 'created') throw new Error(made.kind);
  keyId = made.view.record.keyId;
  const headers = { 'x-api-key': made.key.reveal() };
  for (const id of ['first', 'second', 'third']) {
    const answer = await fetch(`http://127.0.0.1:${gate.port}/limited/x?q=1`, {
      headers: { ...headers, 'X-Request-Id': id },
    });
    await answer.text();
    limited = answer.headers;
  }
  for (const id of ['again', 'again']) {
    const answer = await fetch(`http://127.0.0.1:${gate.port}/nowhere`, { headers: { 'X-Request-Id': id } });
    await answer.text();
  }
  await until('all are remembered', () => gate.logLines.filter((l) => l.includes('"request"')).length === 5);
  await desk.server.keys.service.report({
    member: 'another-gate',
    sequence: 1,
    usage: [],
    suppressed: [],
    refusals: [
      {
        at: Date.UTC(2030, 0, 1),
        requestId: 'elsewhere',
        reason: 'revoked_key',
        keyId: 'key_1',
        ownerId: 'acme',
        address: '192.0.2.7',
        userAgent: null,
        method: 'GET',
        path: '/models',
        route: '/models',
      },
    ],
  });
});
afterAll(async () => {
  await gate.stop();
  await desk.close();
});

/** Of a sheet, the lines by their titles. */
function sheetOf(out: string): string[][] {
  return out.split('\n').map((line) => line.split(/ {2,}/));
}

describe('what plexgate explain says', () => {
  it('of a refusal: why, by which layer, whose, which limits, what was told, how long, and how all stood', async () => {
    const { code, out, err } = await typed(['explain', 'third', '--gate', port]);
    const reset = limited.get('retry-after') ?? '';
    expect([code, err, sheetOf(out)]).toEqual([
      0,
      '',
      [
        ['REQUEST', 'third'],
        ['AT', expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)],
        ['WAS', 'GET /limited/x from 127.0.0.1'],
        ['ROUTE', '/limited'],
        ['KEY ID', keyId],
        ['OWNER', 'acme'],
        ['OUTCOME', 'refused with 429'],
        ['REASON', 'rate_limited'],
        ['MEANS', 'A limit of the owner or of the key is spent.'],
        ['TIER', 'basic'],
        ['LOOKUP', "answered by the gate's own memory"],
        ['LIMIT', expect.stringMatching(/^owner-hour: 0 left of 2\/hour, the next in [\d.]+ ms$/)],
        ['TOLD', `RateLimit-Policy: ${limited.get('ratelimit-policy')}`],
        ['TOLD', `RateLimit: ${limited.get('ratelimit')}`],
        ['TOLD', `X-RateLimit-Limit: 2`],
        ['TOLD', `X-RateLimit-Remaining: 0`],
        ['TOLD', `X-RateLimit-Reset: ${limited.get('x-ratelimit-reset')}`],
        ['TOLD', `Retry-After: ${reset}`],
        ['TIMES', expect.stringMatching(/^decided in [\d.]+ ms, of which 0 waiting for the key and 0 for /)],
        ['KEY SERVICE', expect.stringMatching(/^last heard of [\d.]+ ms before; .* counts for 2000 ms/)],
        [''],
      ],
    ]);
  });

  it('of a request that was let through: that, who answered, and what was waited for', async () => {
    const { out } = await typed(['explain', 'first', '--gate', port, '--json']);
    expect(JSON.parse(out)).toMatchObject({
      decisions: [
        {
          outcome: 'allowed',
          reason: null,
          status: 200,
          layer: 'origin',
          limits: [{ name: 'owner-hour', limit: '2/hour', remaining: 1 }],
          timings: { key_ms: expect.any(Number), limits_ms: 0, upstream_ms: expect.any(Number) },
          dependencies: { redis: { keys: null, limits: null }, upstream: { error: null } },
        },
      ],
      audit: [],
    });
    const [{ timings }] = (JSON.parse(out) as { decisions: [{ timings: Record<string, number> }] }).decisions;
    // The test's key service takes 20 ms for a lookup.
    expect(timings['key_ms']).toBeGreaterThan(15);
    expect(timings['decision_ms']).toBeGreaterThanOrEqual(timings['key_ms'] ?? Infinity);
  });

  it('of an id that was used more than once: all of them, the newest first', async () => {
    const { out } = await typed(['explain', 'again', '--gate', port]);
    expect(out.match(/no_route/g)).toHaveLength(2);
    expect(out).toContain('\n\nREQUEST');
  });
});

describe('plexgate explain asks', () => {
  const audit = (): string[] => ['--url', desk.url, '--token-file', desk.file('admin', ADMIN)];

  it('the audit where no gate remembers the request', async () => {
    const { code, out, err } = await typed(['explain', 'elsewhere', '--gate', port, ...audit()]);
    expect([code, err, sheetOf(out)]).toEqual([
      0,
      '',
      [
        ['REQUEST', 'elsewhere'],
        ['AT', '2030-01-01T00:00:00.000Z'],
        ['WAS', 'GET /models from 192.0.2.7'],
        ['ROUTE', '/models'],
        ['KEY ID', 'key_1'],
        ['OWNER', 'acme'],
        ['OUTCOME', 'refused, by the audit of the key service'],
        ['REASON', 'revoked_key'],
        ['MEANS', 'The key was revoked; this wins over expiry.'],
        [''],
      ],
    ]);
  });

  it('the audit also where the gate does not answer, and says so', async () => {
    const { code, out, err } = await typed([
      'explain',
      'elsewhere',
      '--gate',
      'http://127.0.0.1:1',
      ...audit(),
    ]);
    expect([code, out.includes('revoked_key')]).toEqual([0, true]);
    expect(err).toContain('GET http://127.0.0.1:1/decisions/elsewhere: no answer');
  });

  it('every gate it is told of', async () => {
    const { code, out } = await typed(['explain', 'third', '--gate', 'http://127.0.0.1:1', '--gate', port]);
    expect([code, out.includes('rate_limited')]).toEqual([0, true]);
  });

  it('the admin port and the key service of the configuration', async () => {
    const text = `admin: { host: 0.0.0.0, port: ${gate.adminPort} }\n${PROXY}\nkeyService: { port: ${desk.server.port}, adminToken: '${ADMIN}' }`;
    const file = desk.file('gate.yaml', text);
    expect((await typed(['explain', 'third', '--config', file])).out).toContain('rate_limited');
    expect((await typed(['explain', 'elsewhere', '--config', file])).out).toContain('revoked_key');
  });

  it('with the token of the file that it is given, and shows it to nobody', async () => {
    let seen: string | undefined;
    const server = createServer((request, response) => {
      seen = request.headers.authorization;
      response.writeHead(401).end();
    });
    const url = `http://127.0.0.1:${await listen(server, '127.0.0.1', 0)}`;
    const told = await typed(['explain', 'third', '--gate', url, '--gate-token-file', desk.file('t', ADMIN)]);
    await closeServer(server, 0);
    expect([told.code, seen]).toEqual([1, `Bearer ${ADMIN}`]);
    expect(told.err).toContain('401 Unauthorized');
    expect(told.out + told.err).not.toContain(ADMIN);
  });

  it('and ends with 1 where nobody remembers it', async () => {
    expect(await typed(['explain', 'nobody', '--gate', port, ...audit()])).toEqual({
      code: 1,
      out: '',
      err: 'plexgate: nobody remembers this request: asked 1 gate, and the key service\n',
    });
    const { out } = await typed(['explain', 'nobody', '--gate', port, '--json']);
    expect(JSON.parse(out)).toEqual({ request_id: 'nobody', decisions: [], audit: [] });
  });

  it.each([
    ['a key in place of an id', [composeKey('pmcp_', randomBytes)]],
    ['no id', []],
    ['a gate that is no URL', ['x', '--gate', '127.0.0.1:9090']],
    ['a key service without a token', ['x', '--url', 'http://127.0.0.1:1']],
  ])('nobody when it is given %s, and ends with 2', async (_, args) => {
    expect(await typed(['explain', ...args])).toMatchObject({ code: 2, out: '' });
  });
});
