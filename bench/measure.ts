import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UNKNOWN_KEY, type Case, type HttpCase } from './cases.ts';
import { median, type CaseFigures, type Figures, type Sample } from './figures.ts';
import type { Attempt, Loaded } from './load/loaded.ts';
import { cpuMicrosecondsOf, LOAD_CORE, mebibytesOf } from './machine.ts';
import { isInstalled } from './program.ts';
import { DIRECT } from './servers/field.ts';
import type { Server } from './servers/server.ts';
import { loadWithWrk } from './wrk.ts';

const run = promisify(execFile);

export interface Measuring {
  readonly folder: string;
  readonly seconds: number;
  readonly hasWrk: boolean;
}

export const hasWrk = (): boolean => isInstalled('wrk');

/** One server under one case. What is not answered as the case says is an error: figures of failures mislead. */
export async function measure(
  server: Server,
  which: Case,
  perSecond: number | null,
  { folder, seconds, hasWrk }: Measuring,
): Promise<Sample> {
  const attempt = { ...requestTo(server, which), key: keyOf(server, which), seconds, perSecond };
  if (which.kind === 'http') await expectStatus(server, which, attempt);
  const before = sumOver(server, cpuMicrosecondsOf);
  const loaded =
    which.kind === 'http' && hasWrk
      ? await loadWithWrk(folder, which, attempt)
      : await loadWithOwn(which, attempt);
  const cpu = sumOver(server, cpuMicrosecondsOf) - before;
  expectAnswers(server, which, loaded);
  return {
    perSecond: loaded.requests / loaded.seconds,
    p50Ms: loaded.p50Ms,
    p99Ms: loaded.p99Ms,
    cpuMicroseconds: cpu / loaded.requests,
    mebibytes: sumOver(server, mebibytesOf),
  };
}

function sumOver({ pid, behind = [] }: Server, figureOf: (pid: number) => number): number {
  return [pid, ...behind].reduce((sum, each) => sum + figureOf(each), 0);
}

function requestTo({ origin, question }: Server, which: Case): Pick<Attempt, 'origin' | 'path' | 'headers'> {
  if (question === undefined || which.kind !== 'http') return { origin, path: which.path, headers: {} };
  return { origin, ...question(which.method, which.path) };
}

/** Every server under every case it takes part in, round after round, so that a bad moment is everybody's. */
export async function measureAll(
  servers: readonly Server[],
  cases: readonly Case[],
  rounds: number,
  measuring: Measuring,
): Promise<Figures> {
  const figures: Figures = Object.fromEntries(cases.map(({ name }) => [name, {}]));
  for (let round = 0; round < rounds; round++) {
    for (const which of cases) {
      const ofCase = figures[which.name] ?? {};
      for (const server of servers) {
        if (!server.cases.has(which.name)) continue;
        const rate = halfLoad(server, which, figures, round);
        (ofCase[server.name] ??= []).push(await measure(server, which, rate, measuring));
      }
      process.stderr.write(`round ${round + 1} of ${rounds}: ${which.title}\n`);
    }
  }
  return figures;
}

/** The upstream by itself gets the rate of the gate, so that what it takes may be subtracted. */
function halfLoad(server: Server, which: Case, figures: Figures, round: number): number | null {
  if (which.kind !== 'http' || which.halfOf === null) return null;
  const full = figures[which.halfOf] ?? {};
  const own = full[server.name === DIRECT ? (Object.keys(full)[0] ?? '') : server.name]?.[round];
  if (own === undefined) throw new Error(`${which.name} needs ${which.halfOf}`);
  return own.perSecond / 2;
}

function keyOf({ keys }: Server, which: Case): string {
  if (which.kind !== 'http') return keys.good;
  return which.key === 'unknown' ? UNKNOWN_KEY : keys[which.key];
}

/** Twice, since a limit of one is spent by the first. */
async function expectStatus(server: Server, which: HttpCase, attempt: Attempt): Promise<void> {
  const { method, bodyBytes } = which;
  const { origin, path, key } = attempt;
  const headers = { ...attempt.headers, 'x-api-key': key };
  let status = 0;
  for (let i = 0; i < 2; i++) {
    const body = method === 'POST' ? Buffer.alloc(bodyBytes) : null;
    const answer = await fetch(origin + path, { method, body, headers });
    await answer.arrayBuffer();
    ({ status } = answer);
  }
  if (status !== which.status) throw new Error(`${server.name}, ${which.name}: the answer is ${status}`);
}

/** A limit of one a minute lets one through now and then. */
const STRAY = 5;

function expectAnswers(server: Server, which: Case, { requests, refused, failed }: Loaded): void {
  const expected = which.kind === 'http' && which.status >= 400 ? requests : 0;
  if (requests === 0 || failed > 0 || Math.abs(refused - expected) > STRAY) {
    const found = `${requests} answers, ${refused} of them refusals, ${failed} failures`;
    throw new Error(`${server.name}, ${which.name}: ${found}`);
  }
}

async function loadWithOwn(which: Case, attempt: Attempt): Promise<Loaded> {
  const args = ['-c', LOAD_CORE, process.execPath, 'bench/load/generator.ts'];
  const { stdout } = await run('taskset', [...args, JSON.stringify(which), JSON.stringify(attempt)]);
  return JSON.parse(stdout) as Loaded;
}

/** The p99 that a server adds to what the upstream by itself has at the gate's rate. */
export function addedP99(figures: CaseFigures | undefined, name: string): number {
  const direct = figures?.[DIRECT] ?? [];
  return median((figures?.[name] ?? []).map(({ p99Ms }, i) => p99Ms - (direct[i]?.p99Ms ?? Number.NaN)));
}
