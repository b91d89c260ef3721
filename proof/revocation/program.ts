import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from '../../test/support/redis-programs.ts';
import type { Stage } from './proof.ts';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
/** On Linux the kernel ends the child when this process is gone, also when it was killed. */
const SETPRIV = '/usr/bin/setpriv';
const PATIENCE_MS = 60_000;
const STARTS_MAX = 3;

interface Common {
  readonly name: string;
  /** How many ports; the first one tells whether it is ready. */
  readonly ports: number;
}

/** What `plexgate run` runs; the first port is the admin port. */
interface Configured extends Common {
  /** The configuration for these free ports. */
  readonly config: (ports: readonly number[]) => object;
  /** How large its heap may grow, with the bound for young objects that the image has; null: as Node has it. */
  readonly heapMiB?: number | null;
}

/** A program of Node that is none of ours. */
interface Scripted extends Common {
  readonly script: {
    readonly file: string;
    /** Its settings for these free ports. */
    readonly env: (ports: readonly number[]) => Readonly<Record<string, string>>;
  };
}

export type ProgramOptions = Configured | Scripted;

/** One process, as a rule of `plexgate run --config FILE`, on ports that stay its own when it is started again. */
export class Program {
  readonly name: string;
  readonly ports: readonly number[];
  /** What it has written to its standard outputs, over all its starts. */
  readonly logFile: string;
  readonly #args: readonly string[];
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #isReady: () => Promise<boolean>;
  #child: ChildProcess | null = null;
  #frozen = false;

  private constructor(stage: Stage, options: ProgramOptions, ports: readonly number[]) {
    const { name } = options;
    const url = `http://127.0.0.1:${ports[0] ?? 0}`;
    this.name = name;
    this.ports = ports;
    this.#cwd = stage.folder;
    this.logFile = join(stage.folder, `${name}.log`);
    if ('script' in options) {
      this.#args = [options.script.file];
      this.#env = options.script.env(ports);
      this.#isReady = async () => (await statusOf(url)) !== null;
      return;
    }
    const { config, heapMiB = null } = options;
    const configFile = join(stage.folder, `${name}.yaml`);
    // JSON is YAML, too.
    writeFileSync(configFile, JSON.stringify(config(ports), null, 2));
    this.#args = [MAIN, 'run', '--config', configFile];
    this.#env =
      heapMiB === null
        ? {}
        : { NODE_OPTIONS: `--max-old-space-size=${heapMiB} --max-semi-space-size=16 --v8-pool-size=1` };
    this.#isReady = async () => (await statusOf(`${url}/readyz`)) === 200;
  }

  /** Resolves when it is ready. It is ended with the stage. */
  static async start(stage: Stage, options: ProgramOptions): Promise<Program> {
    for (let attempt = 1; ; attempt++) {
      const ports = await freePorts(options.ports);
      const program = new Program(stage, options, ports);
      try {
        await program.start();
        stage.atEnd(() => program.kill());
        return program;
      } catch (error) {
        // Another process may have taken a port meanwhile.
        const text = readFileSync(program.logFile, 'utf8');
        if (attempt === STARTS_MAX || !text.includes('EADDRINUSE')) throw error;
      }
    }
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  async start(): Promise<void> {
    const output = openSync(this.logFile, 'a');
    const command = [process.execPath, ...this.#args];
    const [program, ...args] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...command] : command;
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    // The same code is started again and again.
    const env = { ...inherited, ...this.#env, NODE_COMPILE_CACHE: join(this.#cwd, '../compiled') };
    const child = spawn(program ?? '', args, { cwd: this.#cwd, env, stdio: ['ignore', output, output] });
    closeSync(output);
    this.#child = child;
    const end = performance.now() + PATIENCE_MS;
    while (!(await this.#isReady())) {
      if (!this.isRunning) throw new Error(`${this.name} ended at its start:\n${this.#lastWords()}`);
      if (performance.now() > end) throw new Error(`${this.name} is not ready:\n${this.#lastWords()}`);
      await pause(25);
    }
  }

  /** SIGKILL: nothing is finished and nobody is told. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || !this.isRunning) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    this.#frozen = false;
    await gone;
  }

  /** SIGTERM: what is under way is finished. Answers the exit code. */
  async terminate(): Promise<number | null> {
    const child = this.#child;
    if (child === null || !this.isRunning) return null;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const [code] = (await gone) as [number | null];
    return code;
  }

  /** SIGSTOP: it is there, and does nothing. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
    this.#frozen = true;
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
    this.#frozen = false;
  }

  #lastWords(): string {
    return readFileSync(this.logFile, 'utf8').slice(-2000);
  }
}

/** Null where nobody answers. */
async function statusOf(url: string): Promise<number | null> {
  try {
    const { status } = await fetch(url);
    return status;
  } catch {
    return null;
  }
}
