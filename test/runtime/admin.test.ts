import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { createAdminServer } from '../../src/runtime/admin.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';

const TOKEN = randomBytes(16).toString('hex');

interface Options {
  /** Where the caller seems to be. */
  readonly from?: string;
  readonly token?: string | null;
  readonly ready?: boolean;
}

async function startAdmin({ from = '127.0.0.1', token = null, ready = true }: Options) {
  const server = createAdminServer({
    token: () => (token === null ? null : new Secret(token)),
    metrics: createMetrics({ version: '1', revision: '2' }),
    isReady: () => ready,
    effectiveConfig: () => ({ in: 'force' }),
    members: () => ({ id: 'm1' }),
    jwks: () => ({ keys: [] }),
    decisions: (requestId) => (requestId === 'req/1' ? [{ reason: 'no_route' }] : []),
  });
  server.on('connection', (socket: Socket) =>
    Object.defineProperty(socket, 'remoteAddress', { value: from }),
  );
  const port = await listen(server, '127.0.0.1', 0);
  onTestFinished(() => closeServer(server, 0));
  return (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init);
}

it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('%s reads everything', async (from) => {
  const ask = await startAdmin({ from, token: TOKEN });
  expect(await (await ask('/config')).json()).toEqual({ in: 'force' });
});

it.each([
  ['10.0.0.9', 'no token is configured and none sent', 401, null, {}],
  ['10.0.0.9', 'no token is configured and an empty one sent', 401, null, { authorization: 'Bearer ' }],
  ['10.0.0.9', 'none is sent', 401, TOKEN, {}],
  ['10.0.0.9', 'another is sent', 401, TOKEN, { authorization: `Bearer ${TOKEN}x` }],
  ['10.0.0.9', 'it is sent in another scheme', 401, TOKEN, { authorization: `Basic ${TOKEN}` }],
  ['10.0.0.9', 'it is sent', 200, TOKEN, { authorization: `Bearer ${TOKEN}` }],
  ['2001:db8::9', 'it is sent, its scheme in another case', 200, TOKEN, { authorization: `bearer ${TOKEN}` }],
  ['1.127.0.0', 'none is sent', 401, TOKEN, {}],
  ['::ffff:10.0.0.9', 'none is sent', 401, TOKEN, {}],
])('from %s, when %s, /config is %i', async (from, _, status, token, headers) => {
  const ask = await startAdmin({ from, token });
  const answer = await ask('/config', { headers: headers as Record<string, string> });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('www-authenticate')).toBe(
    status === 401 ? 'Bearer realm="plexgate-admin"' : null,
  );
});

it.each([
  ['a request of that id', '/decisions/req%2F1', 200],
  ['an id that nobody has', '/decisions/req%2F2', 404],
  ['no id', '/decisions/', 404],
  ['more than an id', '/decisions/req/1', 404],
  ['what cannot be decoded', '/decisions/%2', 404],
])('/decisions of %s: %s is %i', async (_, path, status) => {
  const ask = await startAdmin({});
  const answer = await ask(path);
  expect(answer.status).toBe(status);
  const remembered = { request_id: 'req/1', decisions: [{ reason: 'no_route' }] };
  expect(status === 200 ? await answer.json() : null).toEqual(status === 200 ? remembered : null);
});

it('/decisions needs the token off loopback', async () => {
  const ask = await startAdmin({ from: '10.0.0.9', token: TOKEN });
  const path = '/decisions/req%2F1';
  expect((await ask(path)).status).toBe(401);
  expect((await ask(path, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(200);
});

it.each(['/livez', '/readyz', '/metrics', '/metrics?name=up'])('%s is open to all', async (path) => {
  const ask = await startAdmin({ from: '10.0.0.9', token: TOKEN });
  const answer = await ask(path);
  expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
});

it('/jwks is open to all, and may be kept for a minute', async () => {
  const ask = await startAdmin({ from: '10.0.0.9', token: TOKEN });
  const { status, headers } = await ask('/jwks');
  expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=60']);
});

it('a process that is not ready says so, and that it lives', async () => {
  const ask = await startAdmin({ ready: false });
  expect([(await ask('/readyz')).status, (await ask('/livez')).status]).toEqual([503, 200]);
});

it('what is not there is 404, and nothing can be written', async () => {
  const ask = await startAdmin({});
  expect((await ask('/')).status).toBe(404);
  expect((await ask('/config', { method: 'POST', body: '{}' })).status).toBe(405);
  const head = await ask('/config', { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});
