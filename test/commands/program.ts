import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The root of the clone. */
export const ROOT = join(import.meta.dirname, '../..');
export const MAIN = join(ROOT, 'dist/main.js');

export interface Ending {
  readonly code: number | null;
  /** What ended it, where it was a signal that it did not take. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under way. */
export interface Program {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly running: boolean;
  readonly ended: Promise<Ending>;
  signal(name: NodeJS.Signals): void;
  /** From now on nobody takes what it writes to standard output, until it has ended. */
  stopReading(): void;
  /** Waits until `seen`; rejects with all output where the process ends before or nothing comes in time. */
  until(seen: () => boolean, what: string): Promise<void>;
}

const PATIENCE_MS = 15_000;

/** Starts a command in `cwd`, without this process's own settings of Node. */
export function startCommand(command: string, args: readonly string[], cwd: string): Program {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  let running = true;
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of waiting) look();
  };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      changed();
    });
  }
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => child.stdout.resume());
    child.once('close', (code, signal) => {
      running = false;
      resolve({ code, signal, ...output });
      changed();
    });
  });
  return {
    pid: child.pid ?? 0,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    get running() {
      return running;
    },
    ended,
    signal: (name) => void child.kill(name),
    stopReading: () => void child.stdout.pause(),
    until: (seen, what) =>
      new Promise((resolve, reject) => {
        const settle = (outcome: () => void): void => {
          clearTimeout(timer);
          waiting.delete(look);
          outcome();
        };
        const fail = (why: string): void =>
          settle(() => reject(new Error(`${why} ${what}:\n${output.stdout}\n${output.stderr}`)));
        const timer = setTimeout(() => fail('no sign of'), PATIENCE_MS);
        const look = (): void => {
          if (seen()) settle(resolve);
          else if (!running) fail('it ended before');
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Starts the built program. */
export function startProgram(args: readonly string[], cwd: string): Program {
  return startCommand(process.execPath, [MAIN, ...args], cwd);
}

/** Runs the built program to its end. */
export function runProgram(args: readonly string[], cwd = ROOT): Promise<Ending> {
  return startProgram(args, cwd).ended;
}

/** Where a program listens, as its log says it. */
export interface Places {
  readonly gate: string;
  readonly keyService: string;
  readonly admin: string;
}

/** Waits until everything the configuration has listens. */
export async function placesOf(program: Program): Promise<Places> {
  await program.until(() => program.stdout.includes('gate listens'), 'the gate');
  const place = (message: string): string =>
    String(logLines(program.stdout).find(({ msg }) => msg === message)?.['url']);
  return {
    gate: place('gate listens'),
    keyService: place('key service listens'),
    admin: place('admin listens'),
  };
}

/** The log, each line of which must be a JSON object. */
export function logLines(stdout: string): Record<string, unknown>[] {
  const lines = stdout.split('\n');
  // What comes after the last newline is a line under way.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A working folder with a configuration, outside of the clone. */
export interface Folder {
  readonly path: string;
  /** The configuration's file. */
  readonly config: string;
  remove(): void;
}

/** `{folder}` in the configuration stands for the folder. */
export function makeFolder(config: string): Folder {
  const path = mkdtempSync(join(tmpdir(), 'plexgate-'));
  const file = join(path, 'gate.yaml');
  writeFileSync(file, config.replaceAll('{folder}', path));
  return { path, config: file, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** What `npm start` runs, on free ports of loopback. */
export function defaultConfig(): string {
  const text = readFileSync(join(ROOT, 'config/plexgate.yaml'), 'utf8');
  return text.replaceAll(/\bport: \d+/g, 'port: 0').replaceAll('host: 0.0.0.0', 'host: 127.0.0.1');
}
