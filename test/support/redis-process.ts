import { execFile, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePorts, programs, spawnServer } from './redis-programs.ts';

export interface ProcessOptions {
  /** Null: a free one. */
  readonly port: number | null;
  /** Lines of redis.conf; address, folder and persistence are set already. */
  readonly config: (port: number, dir: string) => readonly string[];
  /** Files that lie in its folder when it starts for the first time, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whether it is a Sentinel. */
  readonly sentinel: boolean;
  /** What redis-cli needs to get in. */
  readonly cli: { readonly args: readonly string[]; readonly password: string | null };
}

const READY_MS = 10_000;

/**
 * One redis-server of the test's own, on a port of its own on loopback, with nothing kept on disk. It ends with the
 * test's process, however that ends.
 */
export class RedisProcess {
  readonly port: number;
  /** Its folder, which outlasts its restarts. */
  readonly dir: string;
  readonly #options: ProcessOptions;
  #child: ChildProcess | null = null;
  #paused = false;

  private constructor(port: number, dir: string, options: ProcessOptions) {
    this.port = port;
    this.dir = dir;
    this.#options = options;
  }

  static async start(options: ProcessOptions): Promise<RedisProcess> {
    const dir = await mkdtemp(join(tmpdir(), 'plexgate-redis-'));
    for (const [name, text] of Object.entries(options.files ?? {})) await writeFile(join(dir, name), text);
    // Another process may take a free port before the server does.
    for (let attempt = 1; ; attempt += 1) {
      const [port = 0] = options.port === null ? await freePorts(1) : [options.port];
      const server = new RedisProcess(port, dir, options);
      try {
        await server.start();
        return server;
      } catch (error) {
        if (attempt < 3 && options.port === null) continue;
        await rm(dir, { recursive: true, force: true });
        throw error;
      }
    }
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Whether it runs and is not paused. */
  get isResponsive(): boolean {
    return this.isRunning && !this.#paused;
  }

  /** Starts it on its port, with no data; resolves when it answers. */
  async start(): Promise<void> {
    const file = join(this.dir, 'redis.conf');
    const memoryOnly = this.#options.sentinel ? [] : ['save ""', 'appendonly no'];
    const own = this.#options.config(this.port, this.dir);
    await writeFile(file, ['bind 127.0.0.1', `dir ${this.dir}`, ...memoryOnly, ...own, ''].join('\n'));
    const child = spawnServer([file, ...(this.#options.sentinel ? ['--sentinel'] : [])]);
    this.#child = child;
    let said = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-2000);
    });
    const deadline = Date.now() + READY_MS;
    while (!(await this.#answers())) {
      if (!this.isRunning) throw new Error(`redis-server ended at its start:\n${said}`);
      if (Date.now() > deadline) {
        await this.kill();
        throw new Error(`redis-server did not answer within ${READY_MS} ms:\n${said}`);
      }
      await sleep(10);
    }
  }

  /** An orderly end; what it held is gone. */
  async stop(): Promise<void> {
    this.resume();
    await this.#end('SIGTERM');
    await rm(this.dir, { recursive: true, force: true });
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
