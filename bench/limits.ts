import { parseArgs } from 'node:util';
import { named } from '../src/core/rate-limit-fields.ts';
import { parseLimit } from '../src/core/limit.ts';
import type { Spending } from '../src/proxy/limiter/limiter.ts';
import { SharedLimiter } from '../src/proxy/limiter/shared.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { openRedis } from '../src/runtime/redis/connect.ts';
import type { RedisConnection } from '../src/runtime/redis/redis.ts';
import { systemTimers } from '../src/runtime/timers.ts';
import { startRedis, type RedisServer } from '../test/support/redis-servers.ts';

/**
 * `npm run bench:limits`: what a call on the books costs Redis, beside a bare INCR of the same Redis, by Redis' own
 * account of its time, and how much memory a key's books take there.
 */
const { values } = parseArgs({ options: { requests: { type: 'string', default: '5000' } } });
const REQUESTS = Number(values.requests);
/** Requests under way at once. */
const LANES = 8;

interface Case {
  readonly name: string;
  readonly algorithm: 'exact' | 'leased';
  /** For each owner in turn. */
  readonly spendings: readonly (readonly Spending[])[];
}

function of(name: string, algorithm: Case['algorithm'], make: (owner: string) => Spending[]): Case {
  return { name, algorithm, spendings: Array.from({ length: OWNERS }, (_, i) => make(`o${i}`)) };
}

function spending(owner: string, partition: string, ...limits: string[]): Spending {
  const parsed = limits.map((text) => parseLimit(text) ?? fail(text));
  const whose = partition.startsWith('key') ? 'key' : 'owner';
  return { partition, owner, limits: named(whose, parsed) };
}

function fail(text: string): never {
  throw new Error(`no limit: ${text}`);
}

/** So many owners take turns that none spends its limit: what a remembered refusal costs is nothing. */
const OWNERS = 40;

const CASES: readonly Case[] = [
  of('exact, 250/minute', 'exact', (owner) => [spending(owner, `owner:${owner}`, '250/minute')]),
  of('exact, 100000/second', 'exact', (owner) => [spending(owner, `owner:${owner}`, '100000/second')]),
  of('exact, owner and key, two windows each', 'exact', (owner) => [
    spending(owner, `owner:${owner}`, '100000/second', '900000/hour'),
    spending(owner, `key:${owner}`, '50000/second', '200/minute'),
  ]),
  of('leased, 100000/second', 'leased', (owner) => [spending(owner, `owner:${owner}`, '100000/second')]),
];

const INCR = { name: 'incr', lua: "return redis.call('INCR', KEYS[1])", numberOfKeys: 1 };

async function main(): Promise<void> {
  const server = await startRedis();
  const redis = await openRedis(server.config, {
    purpose: 'bench',
    deadlineMs: 1000,
    events: { up: () => undefined, command: () => undefined },
    log: { info: () => undefined, warn: () => undefined },
  });
  try {
    await inLanes(REQUESTS, () => redis.run(INCR, ['n'], []));
    const incr = await costOf(server, 'incr');
    print('what', 'calls', 'us in Redis a call', 'times INCR', 'for 100 requests', 'bytes a book, most');
    print('bare INCR', String(incr.calls), incr.microseconds.toFixed(2), '1.0', '100', '');
    for (const one of CASES) await measure(one, { server, redis, incrMicroseconds: incr.microseconds });
  } finally {
    await redis.close();
    await server.stop();
  }
}

async function measure(
  { name, algorithm, spendings }: Case,
  {
    server,
    redis,
    incrMicroseconds,
  }: { server: RedisServer; redis: RedisConnection; incrMicroseconds: number },
): Promise<void> {
  await server.cli('FLUSHALL');
  const limiter = new SharedLimiter({
    algorithm,
    whenDown: 'share',
    name: null,
    redis,
    clock: systemClock,
    timers: systemTimers,
    events: { called: () => undefined, leased: () => undefined, exception: () => undefined },
  });
  await limiter.start((spendings[0] ?? []).flatMap(({ limits }) => limits));
  let turn = 0;
  const take = async (): Promise<unknown> => limiter.take(spendings[turn++ % OWNERS] ?? []);
  await inLanes(OWNERS, take);
  await server.cli('CONFIG', 'RESETSTAT');
  await inLanes(REQUESTS, take);
  const { calls, microseconds } = await costOf(server, 'evalsha');
  const names = (await server.cli('KEYS', 'plexgate:limit:*')).trim().split('\n');
  const sizes = await Promise.all(names.map(async (key) => Number(await server.cli('MEMORY', 'USAGE', key))));
  await limiter.stop();
  print(
    name,
    String(calls),
    microseconds.toFixed(2),
    (microseconds / incrMicroseconds).toFixed(1),
    ((100 * calls) / REQUESTS).toFixed(1),
    String(Math.max(...sizes)),
  );
}

async function costOf(
  server: RedisServer,
  command: string,
): Promise<{ calls: number; microseconds: number }> {
  const stats = await server.cli('INFO', 'commandstats');
  const [, calls, microseconds] =
    new RegExp(`cmdstat_${command}:calls=(\\d+),usec=\\d+,usec_per_call=([\\d.]+)`).exec(stats) ?? [];
  if (calls === undefined) throw new Error(`no ${command} was counted`);
  return { calls: Number(calls), microseconds: Number(microseconds) };
}

async function inLanes(count: number, one: () => Promise<unknown>): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function print(...cells: string[]): void {
  process.stdout.write(
    `${cells.map((cell, i) => (i === 0 ? cell.padEnd(40) : cell.padStart(18))).join('')}\n`,
  );
}

await main();
