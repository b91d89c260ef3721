import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LimitOutcome } from '../../../src/core/limit.ts';
import { rateLimitFields, retryAfterSeconds } from '../../../src/core/rate-limit-fields.ts';
import { bookName } from '../../../src/proxy/limiter/redis-books.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { spending } from '../../contracts/limiter.stage.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import { connectTo, VirtualFleet, type Replica } from '../../support/virtual-limiters.ts';
import { randomFrom, VirtualLoad } from '../../support/virtual-load.ts';
import { violationOf } from '../../support/windows.ts';

let server: RedisServer;
let redis: RedisConnection;
let fleet: VirtualFleet;

beforeAll(async () => {
  server = await startRedis();
  redis = await connectTo(server.config);
});
beforeEach(async () => {
  fleet = new VirtualFleet(redis);
  await fleet.empty();
});
afterAll(async () => {
  await redis.close();
  await server.stop();
});

function limitsOf(text: string) {
  return spending(`owner:a ${text}`).limits;
}

async function startFour(algorithm: 'exact' | 'leased', limit: string): Promise<Replica[]> {
  const replicas = [-120_000, -40_000, 40_000, 120_000].map((aheadMs) =>
    fleet.start({ algorithm, limits: limitsOf(limit), clock: { aheadMs } }),
  );
  await fleet.settle();
  return replicas;
}

interface Measured {
  readonly used: number;
  readonly callsFor100: number;
}

/** Twice the limit, offered at random moments, for so many windows. */
async function measure(replicas: readonly Replica[], limit: string, windows: number): Promise<Measured> {
  const [one] = limitsOf(limit);
  if (one === undefined) throw new Error('no limit');
  const calls = (): number => replicas.reduce((sum, { heard }) => sum + (heard['take ok'] ?? 0), 0);
  const before = calls();
  const load = new VirtualLoad({
    time: fleet.time,
    spendings: [spending(`owner:a ${limit}`)],
    perSecond: (2 * one.quota * 1000) / one.windowMs,
    weights: replicas.map(() => 1),
    random: randomFrom(11),
    limiterOf: (i) => replicas[i]?.limiter ?? null,
  });
  const startedAt = fleet.time.now;
  await fleet.time.pass(windows * one.windowMs);
  load.end();
  expect(violationOf(load.accepted, one)).toBeNull();
  expect(load.unavailable).toEqual([]);
  return {
    used: load.used(startedAt + one.windowMs, fleet.time.now),
    callsFor100: (100 * (calls() - before)) / load.offered,
  };
}

describe('under twice the load, four replicas', () => {
  it('that lease make at most 5 calls for 100 requests of 1,000 a second, and use 97 % of a limit of 500', async () => {
    const { used, callsFor100 } = await measure(await startFour('leased', '500/second'), '500/second', 15);
    expect(callsFor100).toBeLessThanOrEqual(5);
    expect(used).toBeGreaterThanOrEqual(0.97);
  });

  it.each(['100/second', '100/minute', '1000/second'])('that lease use 97 %% of %s', async (limit) => {
    const { used } = await measure(await startFour('leased', limit), limit, 6);
    expect(used).toBeGreaterThanOrEqual(0.97);
  });

  it.each(['10/second', '100/second', '500/minute'])('that ask each time use 98 %% of %s', async (limit) => {
    const { used } = await measure(await startFour('exact', limit), limit, 6);
    expect(used).toBeGreaterThanOrEqual(0.98);
  });
});

describe.each(['exact', 'leased'] as const)(
  'a client alone, served by four %s replicas in turn,',
  (algorithm) => {
    async function refusals(limit: string, requests: number, frozenMs: number): Promise<number> {
      const replicas = await startFour(algorithm, limit);
      const spendings = [spending(`owner:a ${limit}`)];
      const random = randomFrom(17);
      let refused = 0;
      for (let i = 0; i < requests; i++) {
        const { limiter, process } = replicas[i % 4] ?? unanswered();
        const { promise, resolve } = Promise.withResolvers<LimitOutcome>();
        process.at(fleet.time.now, () => resolve(limiter.take(spendings)));
        const outcome = await fleet.time.until(promise);
        if (!outcome.allowed) refused++;
        if (random() < 0.1) replicas[Math.floor(random() * 4)]?.process.freeze(random() * frozenMs);
        // The answer and the next request are on their way for a moment.
        await fleet.time.pass(waitTold(outcome) * 1000 + 1);
      }
      return refused;
    }

    it.each([
      ['100/second', 3000],
      ['10/second', 300],
      ['100/minute', 1000],
      ['500/minute 10/second', 600],
    ])('that obeys what it is told of %s meets no refusal', async (limit, requests) => {
      expect(await refusals(limit, requests, 0)).toBe(0);
    });

    it.each([
      ['100/second', 3000],
      ['100/minute', 1000],
    ])(
      'that obeys what it is told of %s meets none where they stand still at times',
      async (limit, requests) => {
        expect(await refusals(limit, requests, 150)).toBe(0);
      },
    );
  },
);

function unanswered(): never {
  throw new Error('there are four');
}

/** Seconds that the client waits: `t` where `r` is 0, or Retry-After. */
function waitTold(outcome: LimitOutcome): number {
  if (!outcome.allowed) return retryAfterSeconds(outcome.retryAfterMs);
  const fields = rateLimitFields(outcome.states, 0);
  const items = [...(fields[fields.indexOf('RateLimit') + 1] ?? '').matchAll(/r=(\d+);t=(\d+)/g)];
  return Math.max(0, ...items.map(([, r, t]) => (r === '0' ? Number(t) : 0)));
}

describe('what is on lease', () => {
  const limit = '500/second';

  async function busy(): Promise<Replica[]> {
    const replicas = await startFour('leased', limit);
    const load = new VirtualLoad({
      time: fleet.time,
      spendings: [spending(`owner:a ${limit}`)],
      perSecond: 400,
      weights: [1, 1, 0, 0],
      random: randomFrom(3),
      limiterOf: (i) => replicas[i]?.limiter ?? null,
    });
    await fleet.time.pass(230);
    load.end();
    return replicas;
  }

  const held = (replicas: readonly Replica[]): number =>
    replicas.reduce((sum, { heard }) => sum + (heard['leased'] ?? 0), 0);

  it('goes back when its time is over and nobody asks', async () => {
    const replicas = await busy();
    expect(held(replicas)).toBeGreaterThan(0);
    await fleet.time.pass(150);
    expect(held(replicas)).toBe(0);
  });

  it('goes back at once when the process stops', async () => {
    const replicas = await busy();
    const stopped = Promise.all(replicas.slice(0, 2).map(({ limiter }) => limiter.stop()));
    await fleet.time.until(stopped);
    expect(held(replicas)).toBe(0);
    const accepted = replicas.slice(0, 2).map(({ heard }) => heard['spent'] ?? 0);
    const after = await fleet.time.until(
      Promise.resolve(replicas[2]?.limiter.take([spending(`owner:a ${limit}`)]) ?? null),
    );
    expect([accepted, after?.allowed]).toEqual([[0, 0], true]);
  });

  it('is spent no more once any call of the process has met another Redis', async () => {
    const [first] = await busy();
    if (first === undefined) throw new Error('no replica');
    expect(held([first])).toBeGreaterThan(0);
    await fleet.empty();
    fleet.server.run = 'c'.repeat(40);
    await fleet.time.until(
      Promise.resolve(first.limiter.take([{ ...spending('owner:b 10/second'), owner: 'other' }])),
    );
    // A unit on lease would be spent at once.
    expect(first.limiter.take([spending(`owner:a ${limit}`)])).toBeInstanceOf(Promise);
  });

  it('goes back for one owner when its limits change', async () => {
    const replicas = await busy();
    await fleet.time.until(
      Promise.all(replicas.map(({ limiter }) => limiter.release(new Set(['o']), new Set()))),
    );
    expect(held(replicas)).toBe(0);
  });

  it('is not given out by a process that has stopped', async () => {
    const [first] = await busy();
    if (first === undefined) throw new Error('no replica');
    await fleet.time.until(first.limiter.stop());
    expect(await first.limiter.take([spending(`owner:a ${limit}`)])).toMatchObject({ unavailable: true });
  });
});

describe('the memory of a partition in Redis', () => {
  it.each([
    ['64/second', 4000],
    ['256/minute', 12_000],
    ['500/second', 12_000],
    ['60000/minute', 16_000],
  ])('for %s stays below %i bytes under overload', async (limit, bytes) => {
    const [one] = limitsOf(limit);
    if (one === undefined) throw new Error('no limit');
    const replicas = await startFour('leased', limit);
    const load = new VirtualLoad({
      time: fleet.time,
      spendings: [spending(`owner:a ${limit}`)],
      perSecond: Math.min(1000, (2 * one.quota * 1000) / one.windowMs),
      weights: [1, 1, 1, 1],
      random: randomFrom(5),
      limiterOf: (i) => replicas[i]?.limiter ?? null,
    });
    let most = 0;
    for (let i = 0; i < 12; i++) {
      await fleet.time.pass(one.windowMs / 9);
      most = Math.max(most, Number(await server.cli('MEMORY', 'USAGE', bookName('o', 'owner:a'))) || 0);
    }
    load.end();
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(bytes);
  });
});
