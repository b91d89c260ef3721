import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Keys } from '../cases.ts';
import { LOAD_CORE } from '../machine.ts';
import type { Programs } from '../program.ts';
import { urlIn } from './said.ts';

/** A key service in a process of its own, as behind a fleet: what it does is no part of a gate's figures. */
export interface KeyService {
  readonly url: string;
  /** What gates present. */
  readonly token: string;
  /** A call to its admin API. */
  readonly admin: (method: string, path: string, body: object) => Promise<Record<string, unknown>>;
}

const running = new WeakMap<Programs, Promise<KeyService>>();

/** The one of these programs, for all their gates. */
export function keyServiceOf(programs: Programs): Promise<KeyService> {
  const known = running.get(programs) ?? start(programs);
  running.set(programs, known);
  return known;
}

async function start(programs: Programs): Promise<KeyService> {
  const [token, adminToken] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const file = join(programs.folder, 'key-service.yaml');
  const keyService = {
    port: 0,
    store: `sqlite:${file}.db`,
    serviceToken: '${BENCH_SERVICE_TOKEN}',
    adminToken: '${BENCH_ADMIN_TOKEN}',
    peppers: { current: 'p1', p1: '${BENCH_PEPPER}' },
  };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ admin: { port: 0 }, keyService }));
  const started = programs.start(LOAD_CORE, [process.execPath, 'dist/main.js', 'run', '--config', file], {
    BENCH_SERVICE_TOKEN: token,
    BENCH_ADMIN_TOKEN: adminToken,
    BENCH_PEPPER: randomBytes(16).toString('hex'),
  });
  const url = await programs.said(started, (output) => urlIn(output, 'key service listens'));
  const admin = (method: string, path: string, body: object) =>
    ask(`${url}/admin/v1${path}`, adminToken, method, body);
  return { url, token, admin };
}

/** Keys of two owners, of whom one has hardly anything to spend. */
export async function makeKeys({ admin }: KeyService): Promise<Keys> {
  const makeKey = async (owner: string, permission: string): Promise<string> => {
    const made = await admin('POST', '/keys', { owner, name: 'bench', profile: 'plexe', permission });
    return String(made['key']);
  };
  await admin('PUT', '/owners/bench', { profile: 'plexe', tier: 'bench' });
  await admin('PUT', '/owners/strict', { profile: 'plexe', tier: 'strict' });
  return {
    good: await makeKey('bench', 'read_write'),
    readOnly: await makeKey('bench', 'read_only'),
    limited: await makeKey('strict', 'read_write'),
  };
}

async function ask(url: string, token: string, method: string, body: object) {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}
