import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Limiter } from '../../../src/proxy/limiter/limiter.ts';
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

function loadOn(limiters: readonly (Limiter | null)[], limit: string, factor: number): VirtualLoad {
  const spendings = [spending(`owner:a ${limit}`)];
  const { quota, windowMs } = limitOf(limit);
  return new VirtualLoad({
    time: fleet.time,
    spendings,
    perSecond: (factor * quota * 1000) / windowMs,
    weights: limiters.map(() => 1),
    random: randomFrom(7),
    limiterOf: (i) => limiters[i] ?? null,
  });
}

function limitOf(limit: string) {
  const [one] = spending(`owner:a ${limit}`).limits;
  if (one === undefined) throw new Error('no limit');
  return one;
}

const CASES = [
  ['leased', '10/second'],
  ['leased', '100/second'],
  ['leased', '500/second'],
  ['leased', '100/minute'],
  ['exact', '10/second'],
  ['exact', '100/second'],
  ['exact', '100/minute'],
] as const;

describe.each(CASES)('with Redis away, %s replicas of a limit of %s', (algorithm, limit) => {
  const { windowMs } = limitOf(limit);

  it('keep to it under three times the load, use most of it, and are exact again when Redis is back', async () => {
    const limits = [limitOf(limit)];
    const replicas = [1, 2, 3, 4].map(() => fleet.start({ algorithm, limits }));
    await fleet.settle();
    const load = loadOn(
      replicas.map(({ limiter }) => limiter),
      limit,
      3,
    );
    const { time } = fleet;
    await time.pass(2.3 * windowMs);
    fleet.server.isUp = false;
    const awayAt = time.now;
    await time.pass(5 * windowMs);
    fleet.server.isUp = true;
    const backAt = time.now;
    await time.pass(2000 + 3 * windowMs);
    load.end();
    expect(violationOf(load.accepted, limitOf(limit))).toBeNull();
    expect(load.unavailable).toEqual([]);
    // A few units are not asked for again in the moment in which they come free.
    expect(load.used(awayAt + windowMs, backAt)).toBeGreaterThan(limitOf(limit).quota < 100 ? 0.7 : 0.8);
    const few = limitOf(limit).quota < 100;
    expect(load.used(backAt + 2000, backAt + 2000 + 3 * windowMs)).toBeGreaterThan(few ? 0.8 : 0.93);
  });

  it('stay strict when one of four is cut off, which goes on with its part', async () => {
    let isCut = false;
    const limits = [limitOf(limit)];
    const cut = fleet.start({ algorithm, limits, fate: () => (isCut ? 'never arrives' : 'arrives') });
    const others = [1, 2, 3].map(() => fleet.start({ algorithm, limits }));
    await fleet.settle();
    const { time } = fleet;
    const own = loadOn([cut.limiter], limit, 1);
    const load = loadOn(
      others.map(({ limiter }) => limiter),
      limit,
      3,
    );
    await time.pass(2.3 * windowMs);
    isCut = true;
    const cutAt = time.now;
    await time.pass(4 * windowMs);
    const mendedAt = time.now;
    isCut = false;
    await time.pass(2 * windowMs);
    for (const one of [own, load]) one.end();
    expect(violationOf([...own.accepted, ...load.accepted], limitOf(limit))).toBeNull();
    const used = own.used(cutAt + windowMs, mendedAt) + load.used(cutAt + windowMs, mendedAt);
    expect(used).toBeGreaterThan(0.8);
    expect(own.used(cutAt + 2 * windowMs, mendedAt)).toBeGreaterThan(0.14);
  });
});

describe('a member without a part', () => {
  const spendings = [spending('owner:a 100/second')];

  it('started while Redis is away cannot know what is spent', async () => {
    fleet.server.isUp = false;
    const { limiter } = fleet.start({ algorithm: 'leased' });
    await fleet.time.pass(500);
    const outcome = await fleet.time.until(Promise.resolve(limiter.take(spendings)));
    expect(outcome).toMatchObject({ allowed: false, unavailable: true });
    expect(outcome.allowed ? 0 : outcome.retryAfterMs).toBeGreaterThan(0);
  });

  it.each([
    ['not yet', 1, 100, { unavailable: true }],
    ['a little', 500, 100, { unavailable: true }],
    ['wholly', 500, 40, { states: [{ remaining: 0 }] }],
  ])(
    'and one that may use its part %s refuses by the limit only if it is spent',
    async (_, awayMs, quota, how) => {
      const spendings = [spending(`owner:a ${quota}/second`)];
      const limits = [limitOf(`${quota}/second`)];
      const [first] = [1, 2].map(() => fleet.start({ algorithm: 'exact', limits })) as [Replica, Replica];
      await fleet.settle();
      await fleet.time.pass(1000);
      const take = () => fleet.time.until(Promise.resolve(first.limiter.take(spendings)));
      for (let i = 0; i < 20; i++) expect(await take()).toMatchObject({ allowed: true });
      fleet.server.isUp = false;
      await fleet.time.pass(awayMs);
      const refusal = await take();
      expect(refusal).toMatchObject({ allowed: false, ...how });
      expect('unavailable' in refusal).toBe('unavailable' in how);
    },
  );

  it('joined to others gets one when all have heard of it, and the others give it up', async () => {
    const first = fleet.start({ algorithm: 'exact', limits: [limitOf('100/second')] });
    await fleet.settle();
    const second = fleet.start({ algorithm: 'exact', limits: [limitOf('100/second')] });
    await fleet.time.pass(1000);
    fleet.server.isUp = false;
    await fleet.time.pass(2000);
    const take = async (replica: Replica): Promise<number> => {
      let allowed = 0;
      for (let i = 0; i < 200; i++) if ((await replica.limiter.take(spendings)).allowed) allowed++;
      return allowed;
    };
    expect([await take(first), await take(second)]).toEqual([50, 50]);
  });
});

describe('what holds while Redis is away, as configured', () => {
  const spendings = [spending('owner:a 2/second')];

  async function sevenWithout(whenDown: 'open' | 'closed') {
    const { limiter, heard } = fleet.start({ algorithm: 'leased', whenDown, limits: [limitOf('2/second')] });
    await fleet.settle();
    fleet.server.isUp = false;
    await fleet.time.pass(1000);
    const outcomes = [];
    for (let i = 0; i < 7; i++)
      outcomes.push(await fleet.time.until(Promise.resolve(limiter.take(spendings))));
    return { outcomes, heard };
  }

  it('open lets everything pass, says nothing of limits, and is counted', async () => {
    const { outcomes, heard } = await sevenWithout('open');
    expect(outcomes).toEqual(outcomes.map(() => ({ allowed: true, states: [] })));
    expect(heard['open']).toBe(7);
  });

  it('closed lets nothing pass, and calls it no limit', async () => {
    const { outcomes } = await sevenWithout('closed');
    for (const outcome of outcomes) expect(outcome).toMatchObject({ allowed: false, unavailable: true });
  });
});
