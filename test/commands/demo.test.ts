import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  defaultConfig,
  logLines,
  MAIN,
  makeFolder,
  placesOf,
  startCommand,
  type Folder,
  type Places,
  type Program,
} from './program.ts';

/** Every field a log line may have. */
const LOGGED = new Set(
  (
    'level time msg requestId route method path status source reason detail keyId ownerId lookup address ' +
    'userAgent receivedAt durationMs decisionMs upstreamMs bytesIn bytesOut file url signal'
  ).split(' '),
);
const LAST_WORDS = "'; echo\n";

interface Demo {
  readonly program: Program;
  readonly places: Places;
  /** By profile and permission, such as `plexe read_only`. */
  readonly keys: ReadonlyMap<string, string>;
  /** The lines to paste below the headline that begins with `title`. */
  lines(title: string): string[];
}

/** Starts what `npm start` runs. The umask hides nothing, so files are as closed as the program makes them. */
async function startDemo(folder: Folder): Promise<Demo> {
  const command = 'umask 0; exec "$0" "$@"';
  const run = [process.execPath, MAIN, 'run', '--config', folder.config, '--demo'];
  const program = startCommand('/bin/sh', ['-c', command, ...run], folder.path);
  const places = await placesOf(program);
  await program.until(() => program.stderr.includes(LAST_WORDS), 'the lines to paste');
  const text = program.stderr;
  return {
    program,
    places,
    keys: new Map(
      Array.from(text.matchAll(/^ {2}(\w+) +(\w+) +(\w+)$/gm), ([, a, b, key]) => [`${a} ${b}`, key ?? '']),
    ),
    lines: (title) => {
      const [block = ''] = text.slice(text.indexOf(title)).split('\n\n');
      return block
        .split('\n')
        .slice(1)
        .filter((line) => line !== '');
    },
  };
}

function paste(line: string): string {
  return execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
}

describe('what npm start shows', () => {
  let folder: Folder;
  let demo: Demo;

  beforeAll(async () => {
    expect(spawnSync('curl', ['--version']).error, 'these tests paste lines that need curl').toBeUndefined();
    folder = makeFolder(defaultConfig());
    demo = await startDemo(folder);
  });

  afterAll(async () => {
    demo.program.signal('SIGKILL');
    await demo.program.ended;
    folder.remove();
  });

  it('is a read-write and a read-only key for each profile, on standard error alone', () => {
    const profiles = ['plexe', 'plextera', 'plexmcp', 'standard'];
    const named = profiles.flatMap((profile) => [`${profile} read_write`, `${profile} read_only`]);
    expect([...demo.keys.keys()]).toEqual(named);
    for (const key of demo.keys.values()) expect(demo.program.stdout).not.toContain(key);
    expect(demo.program.stdout).not.toContain('curl');
  });

  it('is a line for each of the four header formats, which is allowed', () => {
    const lines = demo.lines('Allowed');
    const formats = lines.map((line) => /-H '(x-api-key|Authorization: [\w-]+)/.exec(line)?.[1]);
    expect(formats).toEqual([
      'Authorization: Bearer',
      'x-api-key',
      'Authorization: api-key',
      'Authorization: ApiKey',
    ]);
    for (const line of lines) {
      const answer = paste(line);
      expect(statusOf(answer)).toBe(200);
      for (const key of demo.keys.values()) expect(answer).not.toContain(key);
      expect(answer).toContain('"x-owner-id"');
    }
  });

  it('is a line that is refused, since its key may only read', () => {
    const [line = '', ...others] = demo.lines('Refused');
    expect(others).toEqual([]);
    const answer = paste(line);
    expect(statusOf(answer)).toBe(403);
    expect(answer).toContain('insufficient_permissions');
  });

  it('is a line that meets its limit', async () => {
    // What was pasted before has left the window.
    await sleep(1_100);
    const [line = '', ...others] = demo.lines('Limited');
    expect(others).toEqual([]);
    const statuses = paste(line).trim().split(' ');
    expect(statuses).toHaveLength(30);
    expect(statuses.slice(0, 10)).toEqual(Array<string>(10).fill('200'));
    expect(new Set(statuses)).toEqual(new Set(['200', '429']));
  });

  it('is a link for the first operator of the console, on standard error alone', async () => {
    const pattern = /^ {2}(http:\/\/127\.0\.0\.1:\d+)\/console\/enrol#([\w-]{43})$/m;
    await demo.program.until(() => pattern.test(demo.program.stderr), 'the link');
    const [, origin = '', token = ''] = pattern.exec(demo.program.stderr) ?? [];
    expect(origin).toBe(demo.places.keyService);
    expect(demo.program.stdout).not.toContain(token);
    const look = await fetch(`${origin}/console/api/enrolment/look`, {
      method: 'POST',
      headers: { origin, 'content-type': 'application/json', 'x-csrf-token': 'none' },
      body: JSON.stringify({ token }),
    });
    expect([look.status, await look.json()]).toMatchObject([200, { email: null, role: 'admin' }]);
  });

  it('closes the folder and all files of keys and secrets to others', () => {
    const data = join(folder.path, 'data');
    const names = readdirSync(data);
    expect(names).toEqual(expect.arrayContaining(['plexgate.db', 'secrets.json']));
    const modes = names.map((name) => [name, (statSync(join(data, name)).mode & 0o777).toString(8)]);
    expect(modes).toEqual(names.map((name) => [name, '600']));
    expect((statSync(data).mode & 0o777).toString(8)).toBe('700');
  });

  it('logs a line of known fields for each request, and no key', async () => {
    const { gate } = demo.places;
    for (const key of demo.keys.values()) {
      await fetch(`${gate}/${key}?key=${key}`, { headers: { 'x-api-key': key, 'user-agent': key } });
      await fetch(`${gate}/`, { headers: { 'x-api-key': `${key}x`, cookie: key, referer: key } });
    }
    const logged = () => logLines(demo.program.stdout).filter(({ msg }) => msg === 'request');
    await fetch(`${gate}/last`);
    await demo.program.until(() => logged().some(({ path }) => path === '/last'), 'the last request');
    expect(logged().filter(({ route }) => route === '/')).toHaveLength(2 * demo.keys.size + 1);
    const fields = new Set(logLines(demo.program.stdout).flatMap((line) => Object.keys(line)));
    expect([...fields].filter((field) => !LOGGED.has(field))).toEqual([]);
    for (const key of demo.keys.values()) expect(demo.program.stdout).not.toContain(key);
  });

  it('has no console and no admin API on the traffic port: to it they are paths like any other', async () => {
    const { gate, keyService } = demo.places;
    const authorization = `Bearer ${demo.keys.get('standard read_write')}`;
    for (const path of [
      '/console',
      '/console/api/session',
      '/admin/v1/keys',
      '/v1/keys/resolve',
      '/config',
    ]) {
      expect([path, (await fetch(gate + path)).status]).toEqual([path, 401]);
      const answer = await fetch(gate + path, { headers: { authorization } });
      // The demo's upstream says what it was sent.
      expect([path, await answer.text()]).toEqual([path, expect.stringContaining('"x-owner-id"')]);
      expect(answer.headers.get('content-security-policy')).toBeNull();
    }
    expect((await fetch(`${keyService}/console/api/session`)).status).toBe(200);
  });
});

describe('the next start', () => {
  it('makes other keys, and those of the last one are revoked', async () => {
    const folder = makeFolder(defaultConfig());
    const first = await startDemo(folder);
    first.program.signal('SIGINT');
    expect(await first.program.ended).toMatchObject({ code: 0 });
    const second = await startDemo(folder);
    const reasons = async (keys: Demo['keys']): Promise<unknown[]> => {
      const asked = Array.from(keys.values(), async (key) => {
        const answer = await fetch(`${second.places.gate}/`, { headers: { authorization: `Bearer ${key}` } });
        return answer.status === 200 ? 200 : ((await answer.json()) as { reason: unknown }).reason;
      });
      return Promise.all(asked);
    };
    expect(await reasons(first.keys)).toEqual(Array(8).fill('revoked_key'));
    expect(await reasons(second.keys)).toEqual(Array(8).fill(200));
    second.program.signal('SIGKILL');
    await second.program.ended;
    folder.remove();
  });
});
