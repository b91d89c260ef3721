import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeKey } from '../../proof/revocation/admin.ts';
import { Fleet, type Gate } from '../../proof/revocation/fleet.ts';
import { Random } from '../../proof/revocation/random.ts';
import { everythingIn, monitor } from '../../proof/revocation/redis-text.ts';
import { SecretSearch } from '../../proof/revocation/secret-search.ts';
import { startUpstream } from '../../proof/revocation/upstream.ts';
import { composeKey } from '../../src/core/key-shape.ts';
import { requestsWith } from '../support/canary-requests.ts';
import { exchange } from '../support/raw-client.ts';
import { startRedis, type RedisServer } from '../support/redis-servers.ts';
import { until } from '../support/until.ts';
import { typed } from './typed.ts';

const AT_ONCE = 16;

const folder = mkdtempSync(join(tmpdir(), 'plexgate-canary-'));
const cleanUps: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true })];
const stage = {
  quick: true,
  random: new Random(1),
  folder,
  atEnd: (cleanUp: () => Promise<void> | void) => void cleanUps.unshift(cleanUp),
};

let redis: RedisServer;
let fleet: Fleet;
let gate: Gate;
let commands: string;
/** What passed between the gate and its key service: lookups, renewals, reports. */
const wire: string[] = [];
/** Management calls are the client's, and pass as they came. */
let isOverheard = true;

beforeAll(async () => {
  redis = await startRedis();
  stage.atEnd(() => redis.stop());
  commands = monitor(stage, redis, 'canary');
  const { origin } = await startUpstream(stage);
  fleet = await Fleet.start(stage, {
    gates: 1,
    redis: redis.port,
    relays: true,
    logLevel: 'debug',
    keys: { freshFor: '1s', negativeFor: '1s' },
    proxy: {
      timeouts: { firstByte: '1s' },
      routes: [
        {
          match: { path: '/standard' },
          upstream: origin,
          rules: [{ path: '/standard/open/**', auth: 'none' }],
        },
        { match: { path: '/gone' }, upstream: 'http://127.0.0.1:9' },
        { match: { path: '/auth/api-keys' }, profile: 'plexe', upstream: 'key-service' },
      ],
    },
  });
  const [first] = fleet.gates;
  if (first?.toKeyService === null || first?.toKeyService === undefined) throw new Error('no gate, no relay');
  gate = first;
  first.toKeyService.overheard = (bytes) => {
    if (isOverheard) wire.push(bytes.toString('latin1'));
  };
});
afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

/** What the gate answered; what is no request at all may be ended without an answer. */
async function sendAll(requests: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  let next = 0;
  const line = async (): Promise<void> => {
    for (let text = requests[next++]; text !== undefined; text = requests[next++]) {
      const once = text.replace(/\r\n\r\n/, '\r\nConnection: close\r\n\r\n');
      const answer = await exchange(gate.port, Buffer.from(once, 'latin1')).catch(() => null);
      if (answer !== null) answers.push(JSON.stringify(answer.headers), answer.body.toString('latin1'));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, line));
  return answers;
}

/** Management calls with a key where an id, a name, a filter or a token belongs. */
function managementWith(canary: string, good: string): string[] {
  const request = (method: string, path: string, body: string, ...more: string[]): string => {
    const lines = [`${method} ${path} HTTP/1.1`, 'Host: gate.test', `x-api-key: ${good}`, ...more];
    if (body !== '') lines.push('Content-Type: application/json', `Content-Length: ${body.length}`);
    return [...lines, '', body].join('\r\n');
  };
  return [
    request('GET', `/auth/api-keys/${canary}`, ''),
    request('GET', `/auth/api-keys/${canary.replaceAll('_', '%5F')}`, ''),
    request('DELETE', `/auth/api-keys/${canary}`, ''),
    request('GET', `/auth/api-keys?${canary}=${canary}`, '', `User-Agent: ${canary}`, `Referer: ${canary}`),
    request('POST', '/auth/api-keys', `{"name": 7, "${canary}": "${canary}"}`, `X-Request-Id: ${canary}`),
    request('POST', '/auth/api-keys', `{"name": "${canary}`),
    request('PATCH', `/auth/api-keys/${canary}`, `{"expiration_days": "${canary}"}`),
  ];
}

/** The same of an operator. */
async function administerWith(canary: string): Promise<string[]> {
  const { admin } = fleet;
  const replies = [
    await admin.show(canary),
    await admin.revoke(canary),
    await admin.patch(canary, { [canary]: canary }),
    await admin.putOwner(`no-${canary}`, { profile: canary, tier: canary }),
    await admin.create(canary, { permission: canary }),
    await admin.import('owner', canary, canary.slice(0, 4)),
    await admin.call('GET', `/admin/v1/audit?kind=${canary}`),
    await admin.call('GET', `/admin/v1/usage?key=k&from=${canary}&${canary}=1`),
    await admin.call('POST', '/v1/reports', { member: canary }),
    await admin.call('GET', `/${canary}`),
  ];
  const port = fleet.keyServices[0]?.port ?? 0;
  const stranger = await fetch(`http://127.0.0.1:${port}/admin/v1/keys/${canary}`, {
    headers: { Authorization: `Bearer ${canary}`, 'User-Agent': canary },
  });
  return [...replies.map(({ body }) => JSON.stringify(body)), await stranger.text()];
}

async function told(canary: string): Promise<Record<string, string>> {
  const { admin } = fleet;
  const pages: string[] = [];
  for (const { ports } of fleet.programs) {
    for (const path of ['/metrics', '/config', '/members', '/readyz', `/${canary}`]) {
      const answer = await fetch(`http://127.0.0.1:${ports[0]}${path}?key=${canary}`, {
        headers: { Accept: 'application/openmetrics-text' },
      });
      pages.push(await answer.text());
    }
  }
  const audit: string[] = [];
  for (let more: string | null = ''; more !== null;) {
    const { body } = await admin.call('GET', `/admin/v1/audit?limit=500${more}`);
    audit.push(JSON.stringify(body));
    more = typeof body['next_cursor'] === 'string' ? `&cursor=${body['next_cursor']}` : null;
  }
  const others = ['/admin/v1/keys', '/admin/v1/owners', '/admin/v1/members', '/admin/v1/usage?owner=owner'];
  const lists = await Promise.all(
    others.map(async (path) => JSON.stringify((await admin.call('GET', path)).body)),
  );
  return {
    'the admin pages': pages.join('\n'),
    'the audit': audit.join('\n'),
    'the lists': lists.join('\n'),
  };
}

/** What the gate remembers of everything that stands in its log, as JSON, and of some as text for people. */
async function explained(): Promise<string> {
  const url = `http://127.0.0.1:${gate.program.ports[0]}`;
  const ids = new Set(logOf(gate).match(/(?<="requestId":")[^"]+/g));
  const said: string[] = [];
  const remembered: string[] = [];
  for (const id of ids) {
    const text = await (await fetch(`${url}/decisions/${encodeURIComponent(id)}`)).text();
    said.push(text);
    // Of those that are allowed in one second, not all are.
    if (text.includes('"outcome"')) remembered.push(id);
  }
  for (const id of remembered.slice(-50)) {
    const { out, err } = await typed(['explain', '--gate', url, '--', id]);
    said.push(out, err);
  }
  expect(said.filter((text) => text.includes('REQUEST')).length).toBeGreaterThan(40);
  return said.join('\n');
}

const logOf = ({ program }: Pick<Gate, 'program'>): string => readFileSync(program.logFile, 'latin1');

it('a key is found nowhere, wherever a client or an operator puts it: no log, page, audit, store, cache or report', async () => {
  const { admin } = fleet;
  await admin.putOwner('owner', { profile: 'standard', tier: 'default' });
  const [good, known, revoked] = [
    await makeKey(admin, 'owner'),
    await makeKey(admin, 'owner'),
    await makeKey(admin, 'owner'),
  ];
  const unknown = composeKey('plx_sk_', randomBytes);
  const search = new SecretSearch();
  for (const key of [good.key, known.key, revoked.key, unknown]) search.add(key);
  await sendAll(
    [good, known, revoked].map(({ key }) => `GET /standard HTTP/1.1\r\nHost: a\r\nx-api-key: ${key}\r\n\r\n`),
  );
  expect((await admin.revoke(revoked.keyId)).status).toBe(200);

  const answers: string[] = [];
  for (const canary of [unknown, known.key, revoked.key]) {
    answers.push(...(await sendAll(requestsWith(canary, good.key))));
    isOverheard = false;
    answers.push(...(await sendAll(managementWith(canary, good.key))), ...(await administerWith(canary)));
    isOverheard = true;
  }
  // Also while what it depends on is away: errors are told of then.
  const redisHas = await everythingIn(redis);
  await redis.kill();
  await fleet.keyServices[0]?.program.kill();
  answers.push(
    ...(await sendAll([unknown, known.key].flatMap((key) => requestsWith(key, good.key).slice(0, 40)))),
  );
  await redis.start();
  await fleet.keyServices[0]?.program.start();
  const reported = wire.length;
  await until('a report after that', () => wire.slice(reported).some((text) => text.includes('"sequence"')));
  await pause(100);

  const outputs: Record<string, string> = {
    ...(await told(unknown)),
    'what is explained': await explained(),
    'the logs': fleet.programs.map((program) => logOf({ program })).join('\n'),
    'the answers': answers.join('\n'),
    'the wire': wire.join(''),
    'the names and values in Redis': redisHas.shown,
    "Redis' file": redisHas.saved,
    'the commands to Redis': readFileSync(commands, 'latin1'),
    'the store': readdirSync(folder)
      .filter((name) => name.startsWith('keys.db'))
      .map((name) => readFileSync(join(folder, name), 'latin1'))
      .join(''),
  };
  for (const [what, text] of Object.entries(outputs)) {
    expect(text.length, `${what} is empty`).toBeGreaterThan(100);
    expect(search.count(text), `pieces of keys in ${what}`).toBe(0);
  }
  expect(outputs['the wire']).toContain('"gauges"');
  expect(outputs['the audit']).toContain('"revoked_key"');
  expect(outputs['the logs']).toContain('[redacted]');
});
