import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface ProcessOptions {
  /** Lines of redis.conf; port, bind, folder and persistence are set already. */
  readonly config: (dir: string, port: number) => readonly string[];
  /** Whether it is a Sentinel. */
  readonly sentinel: boolean;
  /** What redis-cli needs to get in. */
  readonly cli: { readonly args: readonly string[]; readonly password: string | null };
}

const ready = 10_000;

/**
 * One redis-server of the test's own, on a port of its own on loopback, with nothing kept on disk. It ends with the
 * test's process, however that ends.
 */
export class RedisProcess {
  readonly port: number;
  readonly #dir: string;
  readonly #options: ProcessOptions;
  #child: ChildProcess | null = null;
  #paused = false;

  private constructor(port: number, dir: string, options: ProcessOptions) {
    this.port = port;
    this.#dir = dir;
    this.#options = options;
  }

  static async start(options: ProcessOptions): Promise<RedisProcess> {
    const dir = await mkdtemp(join(tmpdir(), 'plexgate-redis-'));
    // Another process may take a free port before the server does.
    for (let attempt = 1; ; attempt += 1) {
      const server = new RedisProcess(await freePort(), dir, options);
      try {
        await server.start();
        return server;
      } catch (error) {
        if (attempt < 3) continue;
        await rm(dir, { recursive: true, force: true });
        throw error;
      }
    }
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it on its port, with no data; resolves when it answers. */
  async start(): Promise<void> {
    const file = join(this.#dir, 'redis.conf');
    const base = [`port ${this.port}`, 'bind 127.0.0.1', `dir ${this.#dir}`];
    const memoryOnly = this.#options.sentinel ? [] : ['save ""', 'appendonly no'];
    await writeFile(
      file,
      [...base, ...memoryOnly, ...this.#options.config(this.#dir, this.port), ''].join('\n'),
    );
    const child = spawnServer([file, ...(this.#options.sentinel ? ['--sentinel'] : [])]);
    this.#child = child;
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-2000);
    });
    const deadline = Date.now() + ready;
    while (!(await this.#answers())) {
      if (!this.isRunning) throw new Error(`redis-server ended at its start:\n${said}`);
      if (Date.now() > deadline) {
        await this.kill();
        throw new Error(`redis-server did not answer within ${ready} ms:\n${said}`);
      }
      await sleep(10);
    }
  }

  /** An orderly end; what it held is gone. */
  async stop(): Promise<void> {
    this.resume();
    await this.#end('SIGTERM');
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** SIGKILL: no farewell on any connection but the kernel's. `start` brings it back empty. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void {
    this.#paused = true;
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    if (this.#paused) this.#child?.kill('SIGCONT');
    this.#paused = false;
  }

  /** A command by redis-cli, as the server's own administrator; its reply as text, one line for each element. */
  async cli(...args: readonly string[]): Promise<string> {
    const { cli } = this.#options;
    const env = cli.password === null ? process.env : { ...process.env, REDISCLI_AUTH: cli.password };
    const { stdout } = await promisify(execFile)(
      programs().cli,
      ['-h', '127.0.0.1', '-p', String(this.port), '-e', '--no-auth-warning', ...cli.args, ...args],
      { env, timeout: 5000, killSignal: 'SIGKILL' },
    );
    return stdout.trimEnd();
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.cli('PING')) === 'PONG';
    } catch {
      return false;
    }
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#paused = false;
    if (child === null || !this.isRunning) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 2000);
    await gone;
    clearTimeout(late);
  }
}

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

function spawnServer(args: readonly string[]): ChildProcess {
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
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
