import { randomBytes } from 'node:crypto';
import { makeFolder, placesOf, startProgram, type Folder, type Program } from '../commands/program.ts';
import { startRedis, type RedisServer } from '../support/redis-servers.ts';
import { until } from '../support/until.ts';
import { startUpstream, type Upstream } from '../support/upstream.ts';

/** Real processes: a key service with its console, a gate in the same process and one beside it, Redis, an upstream. */
export interface ConsoleStage {
  /** The console's page. */
  readonly page: string;
  /** For the first operator. */
  readonly link: string;
  /** The gates: in the key service's process, and on its own. */
  readonly gates: readonly [string, string];
  /** A call of the admin API; its answer. */
  admin(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

const secret = (): string => randomBytes(24).toString('base64url');

/** With the demo's keys, the link is the one that a first start prints; else it is made by the admin API. */
export async function startConsoleStage(tiers: object, { demo = true } = {}): Promise<ConsoleStage> {
  const [redis, upstream] = await Promise.all([startRedis(), startUpstream()]);
  const tokens = { service: secret(), admin: secret(), pepper: secret() };
  const keyService = {
    host: '127.0.0.1',
    port: 0,
    store: 'sqlite:{folder}/keys.db',
    serviceToken: tokens.service,
    adminToken: tokens.admin,
    peppers: { current: 'p1', p1: tokens.pepper },
  };
  const first = start({ ...shared(redis, upstream, tiers), keyService }, demo ? ['--demo'] : []);
  await listening(first.program);
  const { gate, keyService: service } = await placesOf(first.program);
  const beside = shared(redis, upstream, tiers);
  const keys = { service: { url: service, token: tokens.service } };
  const second = start({ ...beside, proxy: { ...beside.proxy, keys } }, []);
  await listening(second.program);
  const admin = adminCalls(service, tokens.admin);
  return {
    page: `${service}/console/`,
    link: demo ? await printedLink(first.program) : await linkFor('ada@example.com', admin),
    gates: [gate, gateOf(second.program)],
    admin,
    async stop() {
      for (const one of [second, first]) await one.stop();
      await upstream.stop();
      await redis.stop();
    },
  };
}

function adminCalls(service: string, token: string): ConsoleStage['admin'] {
  return async (method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await fetch(`${service}/admin/v1/${path}`, sent);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
}

async function printedLink(program: Program): Promise<string> {
  const link = /http:\S+\/console\/enrol#\S+/;
  await until('the link for the first operator', () => link.test(program.stderr));
  return link.exec(program.stderr)?.[0] ?? '';
}

async function linkFor(email: string, admin: ConsoleStage['admin']): Promise<string> {
  return String((await admin('POST', 'operators', { email, role: 'admin' }))['link']);
}

/** What both gates have. */
function shared(redis: RedisServer, upstream: Upstream, tiers: object) {
  return {
    admin: { host: '127.0.0.1', port: 0 },
    redis: { url: `redis://127.0.0.1:${redis.port}` },
    proxy: {
      host: '127.0.0.1',
      port: 0,
      tiers,
      routes: [
        { match: { path: '/plexe' }, profile: 'plexe', upstream: upstream.origin },
        { match: { path: '/' }, profile: 'standard', upstream: upstream.origin },
      ],
    },
  };
}

/** Also where the machine has much else to do. */
async function listening(program: Program): Promise<void> {
  await until('the gate listens', () => program.stdout.includes('gate listens'));
}

/** JSON is YAML, too. */
function start(config: object, more: readonly string[]): { program: Program; stop(): Promise<void> } {
  const folder: Folder = makeFolder(JSON.stringify(config));
  const program = startProgram(['run', '--config', folder.config, ...more], folder.path);
  return {
    program,
    async stop() {
      if (program.running) program.signal('SIGKILL');
      await program.ended;
      folder.remove();
    },
  };
}

function gateOf(program: Program): string {
  return /"url":"([^"]+)","msg":"gate listens"/.exec(program.stdout)?.[1] ?? '';
}
