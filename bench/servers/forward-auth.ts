import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVER_CORE } from '../machine.ts';
import { freePort, type Programs } from '../program.ts';
import { startGate, type RunningGate } from './gate.ts';
import { ASKS, DECIDES, type Question, type Server } from './server.ts';

const RECIPE = 'examples/forward-auth/nginx.conf';

/** The gate, asked as nginx asks: what a decision costs by itself. */
export async function startForwardAuth(programs: Programs, upstream: string): Promise<Server> {
  const { askedAt, pid, keys } = await startAsked(programs, upstream, 'status');
  return { name: 'forward-auth', origin: askedAt, pid, keys, cases: DECIDES, question };
}

/** nginx with the recipe as it stands, but for places, and for what the other nginx here has. */
export async function startNginxWithForwardAuth(programs: Programs, upstream: string): Promise<Server> {
  const gate = await startAsked(programs, upstream, 403);
  const port = await freePort();
  const folder = join(programs.folder, 'nginx-forward-auth');
  mkdirSync(folder);
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configOf(folder, { port, gate: gate.askedAt, upstream }));
  const started = programs.start(SERVER_CORE, ['nginx', '-p', folder, '-e', 'error.log', '-c', file]);
  await programs.listens(started, port);
  const { pid } = started;
  const origin = `http://127.0.0.1:${port}`;
  return { name: 'nginx-forward-auth', origin, pid, behind: [gate.pid], keys: gate.keys, cases: ASKS };
}

async function startAsked(
  programs: Programs,
  upstream: string,
  denyAs: 'status' | 403,
): Promise<RunningGate & { readonly askedAt: string }> {
  const forwardAuth = { port: 0, headers: 'x-original', denyAs };
  const gate = await startGate(programs, { mode: 'leased', upstream, forwardAuth });
  if (gate.askedAt === null) throw new Error('the gate has no second door');
  return { ...gate, askedAt: gate.askedAt };
}

function question(method: string, path: string): Question {
  return {
    path: '/authorize',
    headers: {
      'X-Original-Method': method,
      'X-Original-URI': path,
      'X-Original-Host': 'bench',
      'X-Original-Address': '192.0.2.1',
    },
  };
}

function configOf(
  folder: string,
  { port, gate, upstream }: { readonly port: number; readonly gate: string; readonly upstream: string },
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const own = [
    ...temporary.map((name) => `${name}_temp_path ${folder}/${name};`),
    `access_log ${folder}/access.log combined buffer=64k flush=1s;`,
    'keepalive_requests 1000000000; client_max_body_size 10m; client_body_buffer_size 64k;',
  ];
  return readFileSync(RECIPE, 'utf8')
    .replace(
      'worker_processes auto;',
      `daemon off; master_process off; worker_processes 1; user root; pid ${folder}/nginx.pid;`,
    )
    .replace('events {}', 'events { worker_connections 8192; }')
    .replace('http {', `http {\n  ${own.join(' ')}`)
    .replaceAll('keepalive 64;', 'keepalive 512; keepalive_requests 1000000000;')
    .replace('127.0.0.1:8082', new URL(gate).host)
    .replace('127.0.0.1:3000', new URL(upstream).host)
    .replace('listen 127.0.0.1:8000', `listen 127.0.0.1:${port} backlog=4096`);
}
