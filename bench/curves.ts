import { randomBytes } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { CASES, MAIN_CASE, type HttpCase } from './cases.ts';
import { cpuMicrosecondsOf, LOAD_CORE, mebibytesOf } from './machine.ts';
import { measure, type Measuring } from './measure.ts';
import { chosen } from './options.ts';
import { Programs } from './program.ts';
import { startOrigin } from './servers/field.ts';
import { startGate, type RunningGate } from './servers/gate.ts';
import { whole, type Rows } from './table.ts';

const run = promisify(execFile);

const PER_IMPORT = 10_000;
const HEAD = ['curve', 'n', 'requests/s', 'p99 ms', 'CPU µs/request', 'RSS MiB', 'per connection KiB'];

type Row = readonly string[];

interface Curve {
  readonly name: string;
  readonly sizes: readonly number[];
  /** Starts what it needs in programs of its own and measures one size. */
  readonly at: (size: number, programs: Programs, measuring: Measuring) => Promise<Row>;
}

const CURVES: readonly Curve[] = [
  { name: 'keys', sizes: [10, 1000, 100_000, 1_000_000], at: withKeys },
  { name: 'routes', sizes: [1, 10, 100, 1000], at: withRoutes },
  { name: 'idle connections', sizes: [1, 100, 1000, 10_000], at: withIdleConnections },
];

/** What a request costs a gate in leased mode with ever more keys, routes and idle connections. */
export async function measureCurves(
  outer: Programs,
  measuring: Measuring,
  only: readonly string[],
): Promise<Rows> {
  const rows: Row[] = [HEAD];
  for (const { name, sizes, at } of chosen(CURVES, only)) {
    for (const size of sizes) {
      const programs = new Programs();
      try {
        rows.push([name, whole(size), ...(await at(size, programs, { ...measuring, folder: outer.folder }))]);
      } finally {
        await programs.stop();
      }
      process.stderr.write(`${name}: ${whole(size)}\n`);
    }
  }
  return rows;
}

async function leasedGate(
  programs: Programs,
  routesFor?: (upstream: string) => object[],
): Promise<RunningGate> {
  const { origin: upstream } = await startOrigin(programs);
  return startGate(programs, { mode: 'leased', upstream, routes: routesFor?.(upstream) ?? [] });
}

function mainCase(): HttpCase {
  const found = CASES.find(({ name }) => name === MAIN_CASE);
  if (found?.kind !== 'http') throw new Error(`${MAIN_CASE} is no case of requests`);
  return found;
}

/** Every request with a key drawn from all, after each has been presented once. */
async function withKeys(size: number, programs: Programs, { seconds }: Measuring): Promise<Row> {
  const gate = await leasedGate(programs);
  const salt = randomBytes(12).toString('hex');
  for (let from = 0; from < size; from += PER_IMPORT) {
    const count = Math.min(PER_IMPORT, size - from);
    const keys = Array.from({ length: count }, (_, i) => ({
      sha256: createHash('sha256')
        .update(`${salt}${from + i}`)
        .digest('hex'),
      owner: 'bench',
      name: 'bench',
      profile: 'plexe',
      permission: 'read_write',
    }));
    await gate.keyService.admin('POST', '/keys/import', { keys });
  }
  const generator = [process.execPath, 'bench/load/many-keys.ts', gate.origin, salt, String(size)];
  const before = (): number => cpuMicrosecondsOf(gate.pid);
  await run('taskset', ['-c', LOAD_CORE, ...generator, 'each']);
  const startedAt = before();
  const { stdout } = await run('taskset', ['-c', LOAD_CORE, ...generator, String(seconds)]);
  const { requests, p99Ms, refused } = JSON.parse(stdout) as Record<'requests' | 'p99Ms' | 'refused', number>;
  if (refused > 0) throw new Error(`${refused} of ${requests} requests were refused`);
  const cpu = (cpuMicrosecondsOf(gate.pid) - startedAt) / requests;
  return [whole(requests / seconds), p99Ms.toFixed(2), cpu.toFixed(0), mebibytesOf(gate.pid).toFixed(0), ''];
}

/** Every request to the route that was written last. */
async function withRoutes(size: number, programs: Programs, measuring: Measuring): Promise<Row> {
  const gate = await leasedGate(programs, (upstream) =>
    Array.from({ length: size - 1 }, (_, i) => ({
      match: { path: `/service-${i + 1}` },
      profile: 'plexe',
      stripPath: true,
      upstream,
    })),
  );
  const path = size === 1 ? '/models' : `/service-${size - 1}/models`;
  return measured(gate, { ...mainCase(), path }, measuring);
}

async function withIdleConnections(size: number, programs: Programs, measuring: Measuring): Promise<Row> {
  const gate = await leasedGate(programs);
  await measured(gate, mainCase(), measuring);
  const before = mebibytesOf(gate.pid);
  const generator = ['bench/load/idle.ts', gate.origin, gate.keys.good, String(size)];
  const child = spawn('taskset', ['-c', LOAD_CORE, process.execPath, ...generator], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
    const each = ((mebibytesOf(gate.pid) - before) * 1024) / size;
    const row = await measured(gate, mainCase(), measuring);
    return [...row.slice(0, -1), size < 1000 ? '' : each.toFixed(1)];
  } finally {
    child.kill('SIGKILL');
  }
}

async function measured(gate: RunningGate, which: HttpCase, measuring: Measuring): Promise<Row> {
  await measure(gate, which, null, { ...measuring, seconds: 1 });
  const { perSecond, p99Ms, cpuMicroseconds, mebibytes } = await measure(gate, which, null, measuring);
  return [whole(perSecond), p99Ms.toFixed(2), cpuMicroseconds.toFixed(0), mebibytes.toFixed(0), ''];
}
