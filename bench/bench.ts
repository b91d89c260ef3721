import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * `npm run bench`: the gate with key check, limits, metrics and access log beside the bare forwarders it is built
 * on. Servers under test share one core, load and upstream the other. Rounds are interleaved, so that whatever else
 * the machine does falls on all alike; ratios are taken within a round, and medians printed.
 */
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4);
const CONNECTIONS = 32;
const GATE_CORE = '0';
const LOAD_CORE = '1';
const MISSING = 3;
const START_MS = 20_000;

interface Target {
  readonly name: string;
  readonly url: string;
  readonly header: string;
  readonly pid: number;
}

interface Sample {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly cpuUs: number;
}

const folder = mkdtempSync(join(tmpdir(), 'plexgate-bench-'));
const children: ChildProcess[] = [];

function needsWrk(): void {
  if (spawnSync('wrk', ['--version']).error === undefined) return;
  const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (mayInstall) {
    process.stderr.write('bench: wrk is missing; installing it from Debian\n');
    spawnSync('apt-get', ['update'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'wrk'], { stdio: 'ignore' });
  }
  if (spawnSync('wrk', ['--version']).error === undefined) return;
  process.stderr.write('bench: needs wrk (apt-get install wrk)\n');
  process.exit(MISSING);
}

/** Starts a program on a core, its output in a file, and resolves with the first line that `read` understands. */
async function start<T>(
  core: string,
  args: readonly string[],
  read: (line: string) => T | null,
  env = {},
): Promise<[T, number]> {
  const file = join(folder, `${children.length}.log`);
  const output = openSync(file, 'w');
  const child = spawn('taskset', ['-c', core, process.execPath, ...args], {
    stdio: ['ignore', output, 'inherit'],
    env: { ...process.env, ...env },
  });
  closeSync(output);
  children.push(child);
  for (let waitedMs = 0; waitedMs < START_MS && child.exitCode === null; waitedMs += 50) {
    await sleep(50);
    for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
      const value = read(line);
      if (value !== null) return [value, child.pid ?? 0];
    }
  }
  throw new Error(`${args.join(' ')} did not start`);
}

async function startPeer(core: string, role: string, upstream = ''): Promise<Target> {
  const [port, pid] = await start(core, ['bench/peer.ts', role, upstream], (line) => line);
  return { name: role, url: `http://127.0.0.1:${port}/models`, header: 'X-Bench: 1', pid };
}

async function startGate(upstream: string): Promise<Target> {
  const admin = randomBytes(16).toString('hex');
  const file = join(folder, 'bench.yaml');
  writeFileSync(
    file,
    `admin: { port: 0 }
proxy:
  host: 127.0.0.1
  port: 0
  tiers: { plexe: { bench: [900000000/minute] } }
  routes: [{ match: { path: / }, profile: plexe, upstream: "${upstream}" }]
keyService: { port: 0, store: "sqlite:${join(folder, 'bench.db')}", adminToken: "\${BENCH_TOKEN}" }
`,
  );
  let keyService = '';
  const [gate, pid] = await start(
    GATE_CORE,
    ['dist/main.js', 'run', '--config', file],
    (line) => {
      if (!line.includes('listens')) return null;
      const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
      if (msg === 'key service listens') keyService = url ?? '';
      return msg === 'gate listens' ? (url ?? null) : null;
    },
    { BENCH_TOKEN: admin },
  );
  const call = async (method: string, path: string, body: object): Promise<Record<string, string>> => {
    const answer = await fetch(keyService + path, {
      method,
      headers: { Authorization: `Bearer ${admin}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  };
  await call('PUT', '/admin/v1/owners/bench', { profile: 'plexe', tier: 'bench' });
  const key = { owner: 'bench', name: 'bench', profile: 'plexe', permission: 'read_write' };
  const created = await call('POST', '/admin/v1/keys', key);
  return { name: 'gate', url: `${gate}/models`, header: `x-api-key: ${created['key']}`, pid };
}

/** User and system time a process has had, in microseconds; /proc counts in hundredths of a second. */
function cpuUsOf(pid: number): number {
  const stat = execFileSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8' });
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

function load({ url, header, pid }: Target, seconds: number): Sample {
  const before = cpuUsOf(pid);
  const output = execFileSync(
    'taskset',
    ['-c', LOAD_CORE, 'wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', '-H', header, url],
    { encoding: 'utf8' },
  );
  if (/Non-2xx/.test(output)) throw new Error(`not every answer was 2xx:\n${output}`);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
  const [, p99 = '', unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(output) ?? [];
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p99Ms: Number(p99) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN),
    cpuUs: (cpuUsOf(pid) - before) / requests,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

async function main(): Promise<void> {
  needsWrk();
  try {
    const upstream = await startPeer(LOAD_CORE, 'upstream');
    const origin = new URL(upstream.url).origin;
    const targets = [
      await startGate(origin),
      await startPeer(GATE_CORE, 'undici', origin),
      await startPeer(GATE_CORE, 'http-proxy-3', origin),
    ];
    for (const target of targets) load(target, 2);
    const samples = new Map<string, Sample[]>(targets.map(({ name }) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const target of targets) samples.get(target.name)?.push(load(target, SECONDS));
    }
    print(targets, samples);
  } finally {
    for (const child of children) {
      if (child.exitCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(folder, { recursive: true });
  }
}

function print(targets: readonly Target[], samples: ReadonlyMap<string, readonly Sample[]>): void {
  const gate = samples.get('gate') ?? [];
  const lines = targets.map(({ name }) => {
    const own = samples.get(name) ?? [];
    const ratio = median(gate.map(({ perSecond }, i) => perSecond / (own[i]?.perSecond ?? Number.NaN)));
    return [
      name,
      median(own.map(({ perSecond }) => perSecond)).toFixed(0),
      median(own.map(({ p99Ms }) => p99Ms)).toFixed(2),
      median(own.map(({ cpuUs }) => cpuUs)).toFixed(0),
      ratio.toFixed(2),
    ];
  });
  const rows = [['server', 'requests/s', 'p99 ms', 'CPU us/request', 'gate is'], ...lines];
  process.stdout.write(
    `${rows.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(14) : cell.padStart(15))).join('')).join('\n')}\n`,
  );
  process.stdout.write(
    `Node ${process.versions.node}, ${CONNECTIONS} connections, answers of 128 bytes, median of ${ROUNDS} rounds of ${SECONDS} s\n`,
  );
}

await main();
