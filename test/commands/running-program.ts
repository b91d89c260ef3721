import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const MAIN = join(import.meta.dirname, '../../src/main.ts');
const PATIENCE_MS = 20_000;

export interface RunningProgram {
  readonly admin: string;
  readonly gate: string;
  /** Standard output so far. */
  log(): string;
  stop(): Promise<void>;
}

/** `plexgate run --config FILE` in `cwd`, once everything listens. */
export async function startGateProcess(config: string, cwd: string): Promise<RunningProgram> {
  const child = spawn(process.execPath, [MAIN, 'run', '--config', config], { cwd });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const urlOf = (what: string) => new RegExp(`"url":"([^"]+)","msg":"${what} listens"`).exec(output)?.[1];
  await until(
    () => urlOf('gate') !== undefined || child.exitCode !== null,
    () => output,
  );
  const [admin, gate] = [urlOf('admin'), urlOf('gate')];
  if (admin === undefined || gate === undefined) throw new Error(`it ended before it listened:\n${output}`);
  return { admin, gate, log: () => output, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGINT');
  await once(child, 'exit');
}

/** Waits for what must come, however slow the machine; `seen` tells a failure's reader what was there instead. */
export async function until(
  is: () => boolean | Promise<boolean>,
  seen: () => string | Promise<string>,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`it did not come:\n${await seen()}`);
    await pause(20);
  }
}
