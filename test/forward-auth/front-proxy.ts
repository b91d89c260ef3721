import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from '../support/redis-programs.ts';

const RECIPES = join(import.meta.dirname, '../../examples/forward-auth');
/** Where the recipes have the three. */
const PLACES = { gate: ':8082', service: ':3000', proxy: ':8000' };
const PATIENCE_MS = 15_000;

/** A proxy that runs with a recipe of examples/, in front of the test's own service. */
export interface FrontProxy {
  readonly port: number;
  stop(): Promise<void>;
}

export interface Behind {
  readonly gatePort: number;
  readonly servicePort: number;
}

export type ProxyName = 'nginx' | 'caddy' | 'haproxy';

interface Recipe {
  readonly files: readonly string[];
  /** What the file needs to run in a folder, in the foreground, as whoever runs the tests. */
  edit(text: string, folder: string): string;
  command(folder: string): readonly string[];
}

const RECIPE_OF: Readonly<Record<ProxyName, Recipe>> = {
  nginx: {
    files: ['nginx.conf'],
    edit: (text, folder) =>
      text
        .replace('worker_processes auto;', `user root; worker_processes 1; daemon off; pid ${folder}/pid;`)
        .replace('http {', `http {\n  access_log off;\n${temporaryPaths(folder)}`),
    command: (folder) => ['nginx', '-p', folder, '-e', `${folder}/error.log`, '-c', `${folder}/nginx.conf`],
  },
  caddy: {
    files: ['caddy.caddyfile'],
    edit: (text) => text,
    command: (folder) => ['caddy', 'run', '--adapter', 'caddyfile', '--config', `${folder}/caddy.caddyfile`],
  },
  haproxy: {
    files: ['haproxy.cfg', 'haproxy.lua'],
    edit: (text) => text,
    command: (folder) => ['haproxy', '-db', '-C', folder, '-f', 'haproxy.cfg'],
  },
};

function temporaryPaths(folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return kinds.map((kind) => `  ${kind}_temp_path ${folder}/${kind};`).join('\n');
}

/** Starts the program with its recipe as it stands, but for addresses and what a test's process needs. */
export async function startFrontProxy(
  name: ProxyName,
  { gatePort, servicePort }: Behind,
): Promise<FrontProxy> {
  const folder = mkdtempSync(join(tmpdir(), `plexgate-${name}-`));
  const [port = 0] = await freePorts(1);
  const recipe = RECIPE_OF[name];
  for (const file of recipe.files) {
    const text = readFileSync(join(RECIPES, file), 'utf8')
      .replaceAll(PLACES.gate, `:${gatePort}`)
      .replaceAll(PLACES.service, `:${servicePort}`)
      .replaceAll(PLACES.proxy, `:${port}`);
    writeFileSync(join(folder, file), recipe.edit(text, folder));
  }
  const [command = '', ...args] = recipe.command(folder);
  const child = spawn(command, args, {
    env: { PATH: `${process.env['PATH']}:/usr/sbin`, HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${name} did not start: ${output}`);
    }
    await pause(20);
  }
  return { port, stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const killing = setTimeout(() => child.kill('SIGKILL'), 2000);
  await gone;
  clearTimeout(killing);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
