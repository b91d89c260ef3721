import { existsSync } from 'node:fs';
import { LOAD_CORE } from '../machine.ts';
import { chosen } from '../options.ts';
import { isInstalled, type Programs } from '../program.ts';
import { startForwardAuth, startNginxWithForwardAuth } from './forward-auth.ts';
import { startGate, type Mode } from './gate.ts';
import { LUA_MODULE, startNginx, startNginxWithLua } from './nginx.ts';
import { randomKeys, startNodeServer, type NodeServer } from './node-servers.ts';
import { startCaddy, startHaproxy } from './other-proxies.ts';
import { FORWARDS, type Server } from './server.ts';

interface Entry {
  readonly name: string;
  /** What it needs and is not there; null: nothing. */
  readonly missing: () => string | null;
  readonly start: (programs: Programs, upstream: string) => Promise<Server>;
}

const gate = (mode: Mode): Entry => ({
  name: `gate ${mode}`,
  missing: () => (mode === 'memory' || mode === 'off' ? null : program('redis-server')),
  start: (programs, upstream) => startGate(programs, { mode, upstream }),
});

const node = (name: NodeServer): Entry => ({
  name,
  missing: () => null,
  start: (programs, upstream) => startNodeServer(programs, name, upstream),
});

const FIELD: readonly Entry[] = [
  gate('leased'),
  gate('exact'),
  gate('memory'),
  gate('off'),
  node('undici'),
  node('http-proxy-3'),
  node('fastify'),
  { name: 'nginx', missing: () => program('nginx'), start: startNginx },
  {
    name: 'nginx-lua-redis',
    missing: () =>
      program('nginx') ??
      program('redis-server') ??
      (existsSync(LUA_MODULE) && existsSync('/usr/share/lua/5.1/resty/core.lua')
        ? null
        : 'libnginx-mod-http-lua and lua-resty-core'),
    start: startNginxWithLua,
  },
  { name: 'forward-auth', missing: () => program('redis-server'), start: startForwardAuth },
  {
    name: 'nginx-forward-auth',
    missing: () => program('nginx') ?? program('redis-server'),
    start: startNginxWithForwardAuth,
  },
  { name: 'haproxy', missing: () => program('haproxy'), start: startHaproxy },
  { name: 'caddy', missing: () => program('caddy'), start: startCaddy },
];

/** The upstream without anything before it: what the machine and the load themselves cost. */
export const DIRECT = 'upstream';

export interface Field {
  readonly servers: readonly Server[];
  /** A sentence for each server that is not there. */
  readonly missing: readonly string[];
}

export async function startOrigin(programs: Programs): Promise<Server> {
  const started = programs.start(LOAD_CORE, [process.execPath, 'bench/origin.ts']);
  const port = await programs.said(started, (output) => /^(\d+)\n/.exec(output)?.[1] ?? null);
  const origin = `http://127.0.0.1:${port}`;
  return { name: DIRECT, origin, pid: started.pid, keys: randomKeys(), cases: FORWARDS };
}

export async function startField(programs: Programs, only: readonly string[]): Promise<Field> {
  const upstream = await startOrigin(programs);
  const missing: string[] = [];
  const servers: Server[] = [];
  for (const { name, missing: what, start } of chosen(FIELD, only)) {
    const lacking = what();
    if (lacking === null) servers.push(await start(programs, upstream.origin));
    else missing.push(`${name} is not measured: ${lacking} is not installed`);
  }
  return { servers: [...servers, upstream], missing };
}

function program(name: string): string | null {
  return isInstalled(name) ? null : name;
}
