import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, type TestPostgres } from '../../../test/support/postgres.ts';
import { startRedis, type RedisServer } from '../../../test/support/redis-servers.ts';
import { makeKey, type MadeKey } from '../admin.ts';
import { Connection, requestWith } from '../connection.ts';
import { Fleet } from '../fleet.ts';
import { Forgery } from '../forgery.ts';
import type { Findings, Proof, Stage } from '../proof.ts';
import { everythingIn, monitor } from '../redis-text.ts';
import { SecretSearch } from '../secret-search.ts';

const AT_ONCE = 8;

/** Keys are in no store, cache, log, metric or answer, and who can write to Redis can change none. */
export const noSecrets: Proof = {
  name: 'no-secrets',
  async run(stage, findings) {
    const keys = stage.quick ? 250 : 5000;
    await withStore(stage, findings, keys, 'sqlite');
    const postgres = await startPostgres();
    stage.atEnd(() => postgres.stop());
    await withStore(stage, findings, keys, postgres);
  },
};

async function withStore(
  stage: Stage,
  findings: Findings,
  keys: number,
  store: 'sqlite' | TestPostgres,
): Promise<void> {
  const name = store === 'sqlite' ? 'sqlite' : 'postgres';
  const redis = await startRedis();
  stage.atEnd(() => redis.stop());
  const commands = monitor(stage, redis, name);
  const fleet = await Fleet.start(stage, {
    gates: 2,
    redis: redis.port,
    store: store === 'sqlite' ? store : (await store.createDatabase()).reveal(),
    keys: { freshFor: '1s', negativeFor: '1s' },
    logLevel: 'trace',
    label: name,
  });
  await fleet.admin.putOwner('owner', { profile: 'standard', tier: 'default' });
  const search = new SecretSearch();
  for (const token of Object.values(fleet.secrets)) search.add(token);
  const first = await makeKey(fleet.admin, 'owner');
  await fleet.warm(first.key);
  const said = await makeAndUse(fleet, keys, search);
  // What stands in Redis does not depend on the store.
  const forges = !stage.quick || store === 'sqlite';
  if (forges) findings.note(await new Forgery({ fleet, redis, findings, commands }).run());

  const left = { ...(await leftBy(fleet, redis)), commands: readFileSync(commands, 'latin1'), answers: said };
  const stored = store === 'sqlite' ? filesOf(stage.folder, /^sqlite-keys\.db/) : dumpOf(store);
  let bytes = 0;
  for (const [what, text] of Object.entries({ ...left, ...stored })) {
    bytes += text.length;
    findings.must(text.length > 0, `${name}: ${what} is empty, so nothing was searched`);
    const found = search.count(text);
    findings.must(found === 0, `${name}: ${found} pieces of secrets in ${what}`);
  }
  findings.note(`${name}: ${keys} keys made and used, none in ${(bytes / 1e6).toFixed(0)} MB`);
}

/** Every key is used well, badly and after its end; the answer is all that was said then. */
async function makeAndUse(fleet: Fleet, count: number, search: SecretSearch): Promise<string> {
  const said: string[] = [];
  let next = 0;
  const line = async (): Promise<void> => {
    const connections = fleet.gates.map(({ port }) => new Connection(port));
    for (let i = next++; i < count; i = next++) {
      const made = await makeKey(fleet.admin, 'owner');
      search.add(made.key);
      if (i % 10 === 0) said.push(...(await end(fleet, made, search, i)));
      const requests = i % 10 === 1 ? [requestWith(made.key), ...misuses(made.key)] : [requestWith(made.key)];
      for (const [at, request] of requests.entries()) {
        const gate = connections[(i + at) % connections.length];
        if (gate === undefined || !gate.isOpen) continue;
        const { status, head, body } = await gate.ask(request);
        // The upstream is no secret of ours, and is sent the path as it came.
        if (status !== 200) said.push(head, body);
      }
    }
    for (const connection of connections) connection.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, line));
  return said.join('\n');
}

/** Revoked or replaced; and an operator takes the key for its id. */
async function end({ admin }: Fleet, { keyId, key }: MadeKey, search: SecretSearch, i: number) {
  const mistaken = [await admin.show(key), await admin.revoke(key), await admin.call('GET', `/${key}`)];
  const answers = mistaken.map(({ body }) => JSON.stringify(body));
  if (i % 20 === 0) {
    answers.push(JSON.stringify((await admin.revoke(keyId)).body));
    return answers;
  }
  const { body } = await admin.rotate(keyId, '1s');
  search.add(String(body['key']));
  return answers;
}

/** Where a key does not belong. */
function misuses(key: string): string[] {
  const request = (path: string, ...headers: string[]): string =>
    [`GET ${path} HTTP/1.1`, 'Host: gate', ...headers, '', ''].join('\r\n');
  return [
    request(`/${key}`),
    request(`/?api_key=${key}`),
    request('/', `Authorization: ${key}`),
    request('/', `Authorization: Basic ${key}`),
    request('/', `x-api-key: ${key}x`),
    request('/', `User-Agent: ${key}`, `Referer: http://x/${key}`),
    request('/', `X-Request-Id: ${key}`),
  ];
}

async function leftBy(fleet: Fleet, redis: RedisServer): Promise<Record<string, string>> {
  const { shown, saved } = await everythingIn(redis);
  const logs = fleet.programs.map(({ logFile }) => readFileSync(logFile, 'latin1')).join('\n');
  const admins = fleet.programs.map(({ ports }) => ports[0] ?? 0);
  const pages = await Promise.all(
    admins.flatMap((port) =>
      ['/metrics', '/config', '/members', '/readyz'].map(async (path) => {
        const answer = await fetch(`http://127.0.0.1:${port}${path}`);
        return answer.text();
      }),
    ),
  );
  const audit = await fleet.admin.call('GET', '/admin/v1/audit?limit=100');
  return {
    'the names and values in Redis': shown,
    "Redis' file": saved,
    'the logs': logs,
    'the pages of the admin port': pages.join('\n'),
    'the audit': JSON.stringify(audit.body),
  };
}

function filesOf(folder: string, pattern: RegExp): Record<string, string> {
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  return { 'the files of SQLite': names.map((name) => readFileSync(join(folder, name), 'latin1')).join('') };
}

function dumpOf(postgres: TestPostgres): Record<string, string> {
  const data = join(postgres.folder, 'data');
  const names = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const raw = names.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'));
  return {
    'a dump of PostgreSQL': postgres.dump('database_1'),
    'the files of PostgreSQL': raw.join(''),
  };
}
