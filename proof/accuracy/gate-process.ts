import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readExposition, type Sample } from '../../test/support/exposition.ts';
import type { Calibration } from './machine-clock.ts';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const SHIFTED_CLOCK = join(import.meta.dirname, 'shifted-clock.ts');
/** On Linux the kernel ends the child when this process is gone, also when it was killed. */
const SETPRIV = '/usr/bin/setpriv';
const PATIENCE_MS = 30_000;

export interface GateOptions {
  readonly name: string;
  readonly folder: string;
  readonly config: object;
  readonly clockShiftMs: number;
}

/** One life of a gate, from its start to its end: what it logged and how its clock stood. */
export interface Life {
  readonly logFile: string;
  readonly clockFile: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly adminPort: number;
}

/** A sidecar as a process of its own: `plexgate run --config FILE` of this clone, its clock shifted. */
export class GateProcess {
  readonly name: string;
  readonly #options: GateOptions;
  readonly #lives: Life[] = [];
  #running: Running | null = null;
  #wasKilled = false;

  constructor(options: GateOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get lives(): readonly Life[] {
    return this.#lives;
  }

  /** By SIGKILL, in any of its lives: the last lines of that log are missing. */
  get wasKilled(): boolean {
    return this.#wasKilled;
  }

  /** Where it takes requests; null while it is down. */
  get port(): number | null {
    return this.#running?.port ?? null;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { folder, config, clockShiftMs } = this.#options;
    const file = (end: string): string => join(folder, `${this.name}-${this.#lives.length + 1}.${end}`);
    // JSON is YAML, too.
    writeFileSync(file('yaml'), JSON.stringify(config, null, 2));
    const life = { logFile: file('log'), clockFile: file('clock') };
    const command = [process.execPath, '--import', SHIFTED_CLOCK, MAIN, 'run', '--config', file('yaml')];
    const [program = '', ...args] = existsSync(SETPRIV)
      ? [SETPRIV, '--pdeathsig', 'KILL', ...command]
      : command;
    const { NODE_OPTIONS: _, ...env } = process.env;
    const output = openSync(life.logFile, 'w');
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...env, PROOF_CLOCK_SHIFT_MS: String(clockShiftMs), PROOF_CLOCK_FILE: life.clockFile },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#lives.push(life);
    for (const end = performance.now() + PATIENCE_MS; ; await pause(20)) {
      const log = readFileSync(life.logFile, 'utf8');
      const [port, adminPort] = [portIn(log, 'gate'), portIn(log, 'admin')];
      if (port !== null && adminPort !== null) {
        this.#running = { child, port, adminPort };
        return;
      }
      if (child.exitCode === null && child.signalCode === null && performance.now() < end) continue;
      child.kill('SIGKILL');
      throw new Error(`${this.name} did not start:\n${log.slice(-2000)}`);
    }
  }

  /** SIGKILL: nothing is finished, nobody is told. */
  async kill(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    this.#wasKilled = true;
    await ended(running.child, 'SIGKILL');
  }

  /** SIGTERM: it finishes what it has and writes its log to the end. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    if (running !== null) await ended(running.child, 'SIGTERM');
  }

  /** What its metrics say at the moment; nothing where it is down. */
  async metrics(): Promise<Sample[]> {
    if (this.#running === null) return [];
    const answer = await fetch(`http://127.0.0.1:${this.#running.adminPort}/metrics`);
    return [...readExposition(await answer.text()).values()].flatMap(({ samples }) => samples);
  }
}

async function ended(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  await gone;
  clearTimeout(late);
}

function portIn(log: string, what: string): number | null {
  const url = new RegExp(`"url":"([^"]+)","msg":"${what} listens"`).exec(log)?.[1];
  return url === undefined ? null : Number(new URL(url).port);
}

export function calibrationOf({ clockFile }: Life): Calibration {
  return JSON.parse(readFileSync(clockFile, 'utf8')) as Calibration;
}
