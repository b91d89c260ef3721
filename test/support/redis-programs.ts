import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';

interface Programs {
  readonly server: string;
  readonly cli: string;
}

let found: Programs | null = null;

/** Where Redis' programs are; throws one line where they are not. */
export function programs(): Programs {
  found ??= { server: placeOf('redis-server'), cli: placeOf('redis-cli') };
  return found;
}

function placeOf(name: string): string {
  const places = [name, `/usr/bin/${name}`];
  const place = places.find((one) => spawnSync(one, ['--version'], { stdio: 'ignore' }).status === 0);
  if (place === undefined) {
    throw new Error(`the tests need ${name}; on Debian: apt-get install redis-server`);
  }
  return place;
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** On Linux the kernel ends the server when this process is gone, also when it was killed. */
const SETPRIV = '/usr/bin/setpriv';

export function spawnServer(args: readonly string[]): ChildProcess {
  const { server } = programs();
  const bound = process.platform === 'linux' && existsSync(SETPRIV);
  const [command, all] = bound ? [SETPRIV, ['--pdeathsig', 'KILL', server, ...args]] : [server, args];
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
