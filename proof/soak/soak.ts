import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { percentile } from '../revocation/percentile.ts';
import { Random } from '../revocation/random.ts';
import { ABUSES } from './abuse.ts';
import { startSoakStage, type SoakStage } from './stage.ts';
import { startValidLoad, type Served } from './valid-load.ts';

export interface Soaked {
  /** How often each abuse was done. */
  readonly abuses: Readonly<Record<string, number>>;
  readonly valid: number;
  /** Valid requests that were not answered with 200. */
  readonly failed: readonly Served[];
  /** Medians of the gate's resident memory in bytes: of the middle third and of the last. */
  readonly memory: { readonly middle: number; readonly last: number };
  /** 99th percentiles of valid requests in milliseconds: undisturbed, and in the middle and last third of the abuse. */
  readonly p99: { readonly quiet: number; readonly middle: number; readonly last: number };
  /** Client connections and requests that the gate still has when all have left. */
  readonly left: number;
}

/** How many do the same at once. */
const CROWD = 4;
const SAMPLE_MS = 500;

/** Valid requests through a gate that is abused in every way all the time, but for a quiet tenth before. */
export async function soak(seconds: number, seed: number): Promise<Soaked> {
  const stage = await startSoakStage();
  const load = startValidLoad(stage.port, stage.key);
  const memory: { at: number; bytes: number }[] = [];
  const sampling = setInterval(() => void sample(stage, memory).catch(() => undefined), SAMPLE_MS);
  try {
    await pause(seconds * 100);
    const from = performance.now();
    const until = from + seconds * 900;
    const abuses = await abuse(stage, until, seed);
    load.stop();
    await pause(SAMPLE_MS);
    const third = (until - from) / 3;
    const p99Of = (start: number, end: number): number =>
      percentile(
        load.served.filter(({ at }) => at >= start && at < end).map(({ ms }) => ms),
        0.99,
      );
    const medianOf = (start: number, end: number): number =>
      percentile(
        memory.filter(({ at }) => at >= start && at < end).map(({ bytes }) => bytes),
        0.5,
      );
    return {
      abuses,
      valid: load.served.length,
      failed: load.served.filter(({ status, at }) => status !== 200 && at < until),
      memory: { middle: medianOf(from + third, from + 2 * third), last: medianOf(from + 2 * third, until) },
      p99: {
        quiet: p99Of(from - seconds * 50, from),
        middle: p99Of(from + third, from + 2 * third),
        last: p99Of(from + 2 * third, until),
      },
      left: await leftIn(stage),
    };
  } finally {
    clearInterval(sampling);
    load.stop();
    await stage.stop();
  }
}

async function sample({ gate }: SoakStage, into: { at: number; bytes: number }[]): Promise<void> {
  const metrics = await gate.metrics();
  const bytes = metrics.find(({ name }) => name === 'process_resident_memory_bytes')?.value;
  if (bytes !== undefined) into.push({ at: performance.now(), bytes });
}

async function abuse({ port, key }: SoakStage, until: number, seed: number): Promise<Record<string, number>> {
  const head = (start: string): string => `${start} HTTP/1.1\r\nHost: a\r\nx-api-key: ${key}\r\n`;
  const random = new Random(seed);
  const done: Record<string, number> = {};
  const one = async (name: string): Promise<void> => {
    while (performance.now() < until) {
      await ABUSES[name]?.(port, head, random);
      done[name] = (done[name] ?? 0) + 1;
      await pause(random.between(100, 300));
    }
  };
  await Promise.all(Object.keys(ABUSES).flatMap((name) => Array.from({ length: CROWD }, () => one(name))));
  return done;
}

const LEFT = new Set(['plexgate_http_requests_in_flight', 'plexgate_websocket_connections']);

/** Whatever the gate has not noticed the end of, ten seconds later. */
async function leftIn({ gate }: SoakStage): Promise<number> {
  let left = Infinity;
  for (const end = performance.now() + 10_000; left > 0 && performance.now() < end; await pause(200)) {
    const metrics = await gate.metrics();
    left = metrics.filter(({ name }) => LEFT.has(name)).reduce((sum, { value }) => sum + value, 0);
  }
  return left;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string' } },
  });
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  tell(`${values.minutes} minutes, seed ${seed}`);
  const { abuses, valid, failed, memory, p99, left } = await soak(Number(values.minutes) * 60, seed);
  for (const [name, count] of Object.entries(abuses)) tell(`${name}: ${count}`);
  const growth = memory.last / memory.middle;
  const slower = p99.last / p99.middle;
  tell(`valid requests: ${valid}, not served: ${failed.length}; left in the gate: ${left}`);
  tell(`memory: ${mib(memory.middle)} MiB, then ${mib(memory.last)} MiB: ${growth.toFixed(2)} times`);
  tell(
    `p99: ${p99.quiet.toFixed(1)} ms undisturbed, ${p99.middle.toFixed(1)} ms abused, then ${p99.last.toFixed(1)} ms: ${slower.toFixed(2)} times`,
  );
  return failed.length === 0 && left === 0 && growth <= 1.1 && slower <= 2 ? 0 : 1;
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (import.meta.main) process.exitCode = await main();
