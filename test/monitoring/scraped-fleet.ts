import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as plainRequest, type Server } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../src/core/secret.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { startGateProcess, type RunningProgram } from '../commands/running-program.ts';
import { makeAuthority } from '../support/certificates.ts';
import { startRedis } from '../support/redis-servers.ts';

/** Two real processes that together have every metric: a large gate with its key service, and a gate with a keys file. */
export interface ScrapedFleet {
  /** Host and port of the admin ports; the large gate's is the first. */
  readonly admins: readonly string[];
  /** Requests of every kind to every route of both. */
  load(): Promise<void>;
  stop(): Promise<void>;
}

const ROUTES = 10;

const LARGE = (origins: readonly string[], redisPort: number): string => `
admin: { host: 127.0.0.1, port: 0 }
redis: { url: 'redis://127.0.0.1:${redisPort}' }
proxy:
  host: 127.0.0.1
  port: 0
  failedAuthentication: off
  drain: { delay: 0s, timeout: 1s }
  tiers: { standard: { basic: [5/hour], pro: [500/minute], more: [1000/minute], enterprise: unlimited } }
  routes:
${origins.map((origin, i) => `    - { match: { path: /r${i} }, profile: standard, upstream: '${origin}' }`).join('\n')}
keyService: { host: 127.0.0.1, port: 0, store: 'sqlite:keys.db', adminToken: '\${file:admin-token}' }
`;

const SMALL = `
admin: { host: 127.0.0.1, port: 0 }
proxy:
  host: 127.0.0.1
  port: 0
  drain: { delay: 0s, timeout: 1s }
  tls: { cert: tls.crt, key: tls.key }
  keys: { file: keys.yaml }
  metrics: { perKey: 5 }
  routes: [{ upstream: echo }]
`;

export async function startScrapedFleet(): Promise<ScrapedFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-scraped-'));
  const file = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const redis = await startRedis();
  const upstreams = await startUpstreams();
  const adminToken = randomBytes(16).toString('hex');
  const fileKey = randomBytes(16).toString('hex');
  const { cert, key } = makeAuthority().issue();
  file('large.yaml', LARGE(upstreams.origins, redis.port));
  file('small.yaml', SMALL);
  file('admin-token', adminToken);
  file('tls.crt', cert);
  file('tls.key', key);
  file(
    'keys.yaml',
    `owners: [{ id: acme, profile: standard, tier: default }]
keys: [{ sha256: ${digestOf(fileKey)}, owner: acme, name: first, profile: standard, permission: read_only }]
`,
  );
  const large = await startGateProcess('large.yaml', folder);
  const small = await startGateProcess('small.yaml', folder);
  const basic = await makeKey(large, adminToken, 'basic');
  const pro = await makeKey(large, adminToken, 'pro');
  return {
    admins: [large, small].map(({ admin }) => new URL(admin).host),
    async load() {
      for (let i = 0; i < ROUTES; i++) {
        const url = `${large.gate}/r${i}`;
        for (const method of ['GET', 'POST', 'DELETE']) {
          for (const sent of [pro, basic, null, 'unknown-key-of-no-shape']) await send(url, method, sent);
        }
      }
      for (let i = 0; i < 6; i++) await send(`${large.gate}/r0`, 'GET', basic);
      await send(`${large.gate}/nowhere`, 'GET', null);
      for (const sent of [fileKey, 'unknown-key-of-no-shape']) await send(small.gate, 'GET', sent);
    },
    async stop() {
      await Promise.all([large.stop(), small.stop()]);
      await upstreams.stop();
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One for each route; nobody listens at the last. */
async function startUpstreams() {
  const servers = Array.from({ length: ROUTES }, () => createServer((_, response) => response.end('ok')));
  const ports: number[] = [];
  for (const server of servers) ports.push(await listen(server, '127.0.0.1', 0));
  const close = (some: readonly Server[]): Promise<unknown> =>
    Promise.all(some.map((server) => closeServer(server, 0)));
  await close(servers.slice(-1));
  return {
    origins: ports.map((port) => `http://127.0.0.1:${port}`),
    stop: () => close(servers.slice(0, -1)),
  };
}

async function makeKey(program: RunningProgram, token: string, tier: string): Promise<string> {
  const origin = /"url":"([^"]+)","msg":"key service listens"/.exec(program.log())?.[1] ?? '';
  const call = async (method: string, path: string, body: object): Promise<unknown> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(origin + path, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  await call('PUT', `/admin/v1/owners/${tier}`, { profile: 'standard', tier });
  const about = { owner: tier, name: 'first', profile: 'standard', permission: 'read_only' };
  // One more, which is revoked at once.
  const { key_id: revoked } = (await call('POST', '/admin/v1/keys', about)) as { key_id: string };
  await call('DELETE', `/admin/v1/keys/${revoked}`, {});
  const { key } = (await call('POST', '/admin/v1/keys', about)) as { key: string };
  return key;
}

/** Resolves when the answer is through, whatever it is. */
function send(url: string, method: string, key: string | null): Promise<void> {
  const isTls = url.startsWith('https:');
  // A connection for each: the gate may close one behind a refusal.
  const options = { method, headers: key === null ? {} : { 'x-api-key': key }, agent: false };
  return new Promise((resolve, reject) => {
    const sent = isTls
      ? tlsRequest(url, { ...options, rejectUnauthorized: false })
      : plainRequest(url, options);
    sent.once('error', reject);
    sent.once('response', (response) => response.resume().once('end', resolve));
    sent.end();
  });
}
