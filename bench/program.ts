import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Started {
  readonly pid: number;
  /** What it has written so far. */
  output(): string;
}

const START_MS = 20_000;
const POLL_MS = 25;

/** The programs of one run and their folder; `stop` ends the ones and removes the other. */
export class Programs {
  readonly folder = mkdtempSync(join(tmpdir(), 'plexgate-bench-'));
  readonly #children: ChildProcess[] = [];

  /** Starts a program on a core, its output in a file of the folder. */
  start(core: string, command: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
    const file = join(this.folder, `${this.#children.length}.log`);
    const output = openSync(file, 'w');
    // taskset becomes the program, so that the process id is the program's.
    const child = spawn('taskset', ['-c', core, ...command], {
      stdio: ['ignore', output, output],
      env: { ...process.env, ...env },
    });
    closeSync(output);
    this.#children.push(child);
    return { pid: child.pid ?? 0, output: () => readFileSync(file, 'utf8') };
  }

  /** Waits until the program's output says what is asked for. */
  async said<T>(started: Started, read: (output: string) => T | null): Promise<T> {
    for (let waitedMs = 0; waitedMs < START_MS; waitedMs += POLL_MS) {
      const value = read(started.output());
      if (value !== null) return value;
      await sleep(POLL_MS);
    }
    throw new Error(`a program did not start: ${started.output()}`);
  }

  /** Waits until something listens on the port. */
  async listens(started: Started, port: number): Promise<void> {
    for (let waitedMs = 0; waitedMs < START_MS; waitedMs += POLL_MS) {
      if (await accepts(port)) return;
      await sleep(POLL_MS);
    }
    throw new Error(`nothing listens on ${port}: ${started.output()}`);
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export function isInstalled(program: string): boolean {
  return spawnSync('which', [program], { stdio: 'ignore' }).status === 0;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
