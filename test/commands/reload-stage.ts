import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { ConfigMount, type Way } from './config-mount.ts';
import { startGateProcess, until, type RunningProgram } from './running-program.ts';

export const KEY = randomBytes(16).toString('hex');
/** Of the other keys file. */
export const OTHER_KEY = randomBytes(16).toString('hex');

/** Answers who it is; `/slow` when the test says so. */
interface Service {
  readonly server: Server;
  readonly origin: string;
  readonly slow: ServerResponse[];
}

export let mount: ConfigMount;
export let program: RunningProgram;
export let services: Record<'a' | 'b', Service>;
/** Whether the file is as it was at the start. */
let isUsual = true;

export type Fields = Record<string, unknown>;

/** The configuration, in JSON, which is YAML, with these fields of `proxy` and of the file in place of the usual ones. */
export function configOf(proxy: Fields = {}, file: Fields = {}): string {
  return JSON.stringify({
    admin: { port: 0 },
    proxy: {
      host: '127.0.0.1',
      port: 0,
      drain: { delay: '0s', timeout: '1s' },
      keys: { file: mount.pathOf('keys.yaml') },
      routes: [routeTo('a')],
      ...proxy,
    },
    ...file,
  });
}

export const routeTo = (name: 'a' | 'b', more: Fields = {}) => ({ upstream: services[name].origin, ...more });

export function keysFileOf(key: string): string {
  return `owners:
- { id: acme, profile: standard, tier: default }
keys:
- { sha256: ${digestOf(key)}, owner: acme, name: one, profile: standard, permission: read_write }
`;
}

async function startService(name: string): Promise<Service> {
  const slow: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/slow') slow.push(response);
    else response.end(name);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, slow, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

interface Asked {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

export async function ask(path = '/', headers: Record<string, string> = {}): Promise<Asked> {
  const answer = await fetch(program.gate + path, { headers: { 'x-api-key': KEY, ...headers } });
  return { status: answer.status, body: await answer.text(), headers: answer.headers };
}

export const scrape = async () => (await fetch(`${program.admin}/metrics`)).text();

export async function metric(name: string): Promise<number> {
  return Number(new RegExp(`^plexgate_${name} (.+)$`, 'm').exec(await scrape())?.[1]);
}

export const judged = async () =>
  (await metric('config_reloads_total\\{result="ok"\\}')) +
  (await metric('config_reloads_total\\{result="error"\\}'));

/** Makes a change and waits until the gate has judged it. Answers what it has logged since. */
export async function change(files: Record<string, string>, way: Way = 'swap'): Promise<string> {
  const before = await judged();
  const logged = program.log().length;
  mount.change(way, files);
  isUsual = files['gate.yaml'] === configOf();
  await until(
    async () => (await judged()) > before,
    () => program.log(),
  );
  return program.log().slice(logged);
}

export const configure = (proxy?: Fields, file?: Fields, way?: Way) =>
  change({ 'gate.yaml': configOf(proxy, file) }, way);

/** A gate that follows its files, for the tests of this file; each of them begins with the usual configuration. */
export function useReloadStage(): void {
  beforeAll(async () => {
    services = { a: await startService('a'), b: await startService('b') };
    mount = new ConfigMount({
      'gate.yaml': '',
      'keys.yaml': keysFileOf(KEY),
      'other.yaml': keysFileOf(OTHER_KEY),
    });
    mount.change('swap', { 'gate.yaml': configOf() });
    program = await startGateProcess(mount.pathOf('gate.yaml'), mount.folder);
  });

  afterAll(async () => {
    await program.stop();
    mount.remove();
    for (const { server } of Object.values(services)) server.close();
  });

  beforeEach(async () => {
    if (!isUsual) await configure();
  });
}
