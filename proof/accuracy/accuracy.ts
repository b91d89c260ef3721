import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from './random.ts';
import { runTrial } from './run-trial.ts';
import { tableOf } from './table.ts';
import type { Trial } from './trial.ts';
import { trialsOf, type Size } from './trials.ts';

/**
 * `npm run accuracy`: whether a limit is a limit. Gates of this clone, Redis and sockets, all real; every window of
 * every run is checked by the gates' own records. Prints a table for each trial; exit code 1 where a bound is broken.
 */
const USAGE = `npm run accuracy -- [--quick] [--seed NUMBER] [--only NAME]...
names, or their beginnings: ${trialsOf('full')
  .map(({ name }) => name)
  .join(', ')}
`;

interface Options {
  readonly size: Size;
  readonly seed: number;
  readonly trials: readonly Trial[];
}

/** Null where the command line is none of ours. */
function readOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        seed: { type: 'string', default: String(randomInt(1_000_000_000)) },
        only: { type: 'string', multiple: true, default: [] },
      },
    });
    const seed = Number(values.seed);
    const size = values.quick ? 'quick' : 'full';
    const wanted = values.only;
    const trials = trialsOf(size).filter(
      ({ name }) => wanted.length === 0 || wanted.some((start) => name.startsWith(start)),
    );
    return Number.isInteger(seed) && trials.length > 0 ? { size, seed, trials } : null;
  } catch {
    return null;
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) {
    process.stderr.write(USAGE);
    return 2;
  }
  const { size, seed, trials } = options;
  const startedAt = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-accuracy-'));
  process.stdout.write(`seed ${seed}, ${size}, logs in ${folder}\n\n`);
  const failed: string[] = [];
  for (const trial of trials) {
    const found = await show(trial, seed, join(folder, trial.name));
    if (found === 'held') continue;
    // A small run is for every machine and goes beside other work: what that may explain is told, and fails a full one.
    if (found === 'slow' && size === 'quick') continue;
    const again = join(folder, `${trial.name}-again`);
    if (found === 'slow' && (await show(trial, seed, again)) === 'held') continue;
    failed.push(trial.name);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  if (failed.length === 0) rmSync(folder, { recursive: true, force: true });
  process.stdout.write(
    failed.length === 0
      ? `all ${trials.length} trials held, in ${seconds} s\n`
      : `FAILED: ${failed.join(', ')}; seed ${seed}, logs in ${folder}, ${seconds} s\n`,
  );
  return failed.length === 0 ? 0 : 1;
}

/**
 * Runs one trial and prints its table. `slow`: a limit was used too little or asked for too often, for which other load
 * on the machine may be the reason; it gets a second run. A window over its limit gets none.
 */
async function show(trial: Trial, seed: number, folder: string): Promise<'held' | 'slow' | 'broken'> {
  mkdirSync(folder);
  try {
    const outcome = await runTrial(trial, folder, new Random(seed));
    process.stdout.write(`${tableOf(outcome)}\n`);
    if (outcome.failures.length === 0) return 'held';
    return outcome.failures.every(({ mayBeTheMachine }) => mayBeTheMachine) ? 'slow' : 'broken';
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stdout.write(`${trial.name}: FAILED ${text}\n\n`);
    return 'broken';
  }
}

// Whatever hangs on is no reason to stay.
process.exit(await main());
