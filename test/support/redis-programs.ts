import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { boundCommand } from './bound-command.ts';

interface Programs {
  readonly server: string;
  readonly cli: string;
}

let found: Programs | null = null;

/** Before the first test: the servers of several test files must not install one after the other. */
export default function prepareRedis(): void {
  programs();
}

/** Where Redis' programs are. What is missing comes from Debian where that is possible. */
export function programs(): Programs {
  found ??= placesOfAll() ?? placesAfterInstalling();
  if (found === null) {
    throw new Error('the tests need redis-server and redis-cli; on Debian: apt-get install redis-server');
  }
  return found;
}

function placesOfAll(): Programs | null {
  const [server, cli] = ['redis-server', 'redis-cli'].map((name) =>
    [name, `/usr/bin/${name}`].find(
      (place) => spawnSync(place, ['--version'], { stdio: 'ignore' }).status === 0,
    ),
  );
  return server === undefined || cli === undefined ? null : { server, cli };
}

function placesAfterInstalling(): Programs | null {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return null;
  process.stderr.write('tests: Redis is missing; installing it from Debian\n');
  // At run level 1 Debian starts no service of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  const install = ['install', '-y', '--no-install-recommends', 'redis-server'];
  spawnSync('apt-get', install, { stdio: 'ignore', env });
  return placesOfAll();
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export function spawnServer(args: readonly string[]): ChildProcess {
  const [command, all] = boundCommand(programs().server, args);
  const child = spawn(command, all, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  // Without a process there is no exit either; `start` reports it.
  child.once('error', () => children.delete(child));
  return child;
}

/** Below the ports that the system gives to outgoing connections, so that a stopped server finds its own free. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(12_000, 32_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
