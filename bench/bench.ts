import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { CASES, MAIN_CASE, type Case } from './cases.ts';
import { measureCurves } from './curves.ts';
import { processorRatios, throughputRatios } from './figures.ts';
import { describeMachine } from './machine.ts';
import { hasWrk, measure, measureAll, type Measuring } from './measure.ts';
import { chosen, readOptions, type Options } from './options.ts';
import { textOf, writeCurves, writePage, type Result } from './page.ts';
import { Programs } from './program.ts';
import { startField } from './servers/field.ts';
import type { Server } from './servers/server.ts';
import { markdown } from './table.ts';

/**
 * `npm run bench`: the gate beside its peers. Servers under test share one core; load, upstream, Redis and key service the other.
 * Rounds are interleaved, so that whatever else the machine does falls on all alike; ratios are taken within a round,
 * and medians printed. docs/performance.md says how to read it.
 */
/** A program is warm when so many seconds in a row have made it no quicker, and at the latest after all of these. */
const QUIET_SECONDS = 3;
const WARM_UP_SECONDS = 15;
const CANNOT = 3;

function findWrk(): boolean {
  if (hasWrk()) return true;
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    process.stderr.write('bench: wrk is missing; installing it from Debian\n');
    spawnSync('apt-get', ['update'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'wrk'], { stdio: 'ignore' });
  }
  return hasWrk();
}

/** A case at half load needs the case whose half it is. */
function casesFor(only: readonly string[]): Case[] {
  const asked = chosen(CASES, only);
  const needed = new Set(
    asked.flatMap((which) => (which.kind === 'http' ? [which.name, which.halfOf] : which.name)),
  );
  return CASES.filter(({ name }) => needed.has(name));
}

async function warmUp(servers: readonly Server[], measuring: Measuring): Promise<void> {
  const which = CASES.find(({ name }) => name === MAIN_CASE);
  if (which === undefined) return;
  for (const server of servers) {
    let [best, quiet] = [Number.POSITIVE_INFINITY, 0];
    for (let second = 0; second < WARM_UP_SECONDS && quiet < QUIET_SECONDS; second++) {
      const { cpuMicroseconds } = await measure(server, which, null, { ...measuring, seconds: 1 });
      quiet = cpuMicroseconds < best ? 0 : quiet + 1;
      best = Math.min(best, cpuMicroseconds);
    }
  }
}

function about({ rounds, seconds }: Options, withWrk: boolean): string {
  const load = withWrk ? 'wrk' : 'the generator of bench/load, since wrk is not installed';
  return [
    `${describeMachine()}; ${rounds} interleaved rounds of ${seconds} s, medians of the rounds.`,
    `Servers under test on one core; load (${load}), upstream, Redis and key service together on the other.`,
  ].join('\n');
}

function aboutCurves({ seconds }: Options): string {
  return `${describeMachine()}; ${seconds} s for each row. The gate, in leased mode, on one core; load, upstream, Redis and key service on the other.`;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (process.platform !== 'linux') {
    process.stderr.write('bench: needs Linux, to pin programs to cores\n');
    process.exitCode = CANNOT;
    return;
  }
  const programs = new Programs();
  try {
    const measuring = { folder: programs.folder, seconds: options.seconds, hasWrk: findWrk() };
    if (options.curves) {
      const rows = await measureCurves(programs, measuring, options.only);
      process.stdout.write(`${markdown(rows)}\n`);
      if (options.page) writeCurves(aboutCurves(options), rows);
      return;
    }
    const { servers, missing } = await startField(programs, options.only);
    await warmUp(servers, measuring);
    const figures = await measureAll(servers, casesFor(options.only), options.rounds, measuring);
    const main = figures[MAIN_CASE];
    const result: Result = {
      about: about(options, measuring.hasWrk),
      ratios: throughputRatios(main),
      processorRatios: processorRatios(main),
      figures,
      missing,
    };
    process.stdout.write(`${textOf(result)}\n`);
    if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
    if (options.page) writePage(result);
  } finally {
    await programs.stop();
  }
}

await main();
