import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RedisConfig } from '../../../src/config/config.ts';
import type { Spending } from '../../../src/proxy/limiter/limiter.ts';
import { SharedLimiter } from '../../../src/proxy/limiter/shared.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { openRedis } from '../../../src/runtime/redis/connect.ts';
import { CLUSTER_RIGHTS, REDIS_RIGHTS } from '../../../src/runtime/redis/rights.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { systemTimers } from '../../../src/runtime/timers.ts';
import { spending } from '../../contracts/limiter.stage.ts';
import type { RedisService } from '../../support/redis-access.ts';
import {
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  type RedisCluster,
  type RedisSentinel,
} from '../../support/redis-servers.ts';
import { violationOf, type Accepted } from '../../support/windows.ts';

interface Process {
  readonly limiter: SharedLimiter;
  readonly redis: RedisConnection;
}

const running: Process[] = [];

afterEach(async () => {
  await Promise.all(
    running.splice(0).map(async ({ limiter, redis }) => {
      await limiter.stop();
      await redis.close();
    }),
  );
});

async function startProcess(config: RedisConfig, algorithm: 'exact' | 'leased'): Promise<SharedLimiter> {
  const redis = await openRedis(config, {
    purpose: 'limits',
    deadlineMs: 100,
    events: { up: () => {}, command: () => {} },
    log: { info: () => {}, warn: () => {} },
  });
  const limiter = new SharedLimiter({
    algorithm,
    whenDown: 'share',
    name: null,
    redis,
    clock: systemClock,
    timers: systemTimers,
    events: { called: () => {}, leased: () => {}, exception: () => {} },
  });
  await limiter.start(spending(`owner:a ${LIMIT}`).limits);
  running.push({ limiter, redis });
  return limiter;
}

const LIMIT = '40/second';
const OWNERS = ['a', 'b', 'c', 'd', 'e', 'f'];
const SPENDINGS: readonly (readonly Spending[])[] = OWNERS.map((owner) => [
  { ...spending(`owner:${owner} ${LIMIT}`), owner },
  { ...spending(`key:${owner} 200/second`), owner },
]);

/** Real requests at real times: what each owner was accepted, while `meanwhile` happens. */
async function load(
  limiters: readonly SharedLimiter[],
  forMs: number,
  meanwhile: () => Promise<void>,
): Promise<{ readonly accepted: ReadonlyMap<number, Accepted[]> }> {
  const accepted = new Map(OWNERS.map((_, i) => [i, [] as Accepted[]]));
  const asked: Promise<void>[] = [];
  const request = async (owner: number, limiter: SharedLimiter): Promise<void> => {
    const arrivedAt = performance.now();
    const outcome = await limiter.take(SPENDINGS[owner] ?? []);
    if (outcome.allowed) accepted.get(owner)?.push({ arrivedAt, handedOverAt: performance.now() });
  };
  const happening = meanwhile();
  const end = performance.now() + forMs;
  for (let i = 0; performance.now() < end; i++) {
    for (const owner of OWNERS.keys()) {
      const limiter = limiters[(i + owner) % limiters.length];
      if (limiter !== undefined) asked.push(request(owner, limiter));
    }
    await sleep(8);
  }
  await Promise.all([...asked, happening]);
  return { accepted };
}

function expectStrict(accepted: ReadonlyMap<number, readonly Accepted[]>, least: number): void {
  const [limit] = spending(`owner:a ${LIMIT}`).limits;
  if (limit === undefined) throw new Error('no limit');
  for (const [owner, list] of accepted) {
    expect(violationOf(list, limit), `owner ${owner}`).toBeNull();
    expect(list.length).toBeGreaterThanOrEqual(least);
  }
}

const SERVERS: Record<string, () => Promise<RedisService>> = {
  'one server, RESP3': () => startRedis({ protocol: 3 }),
  'one server, RESP2, as a user with the rights that are documented': () =>
    startRedis({ protocol: 2, rights: REDIS_RIGHTS }),
  'a Cluster, RESP3': () => startRedisCluster(3, [...REDIS_RIGHTS, ...CLUSTER_RIGHTS]),
};

describe.each(Object.entries(SERVERS))('over %s', (_, start) => {
  let service: RedisService;
  beforeAll(async () => {
    service = await start();
  });
  afterAll(() => service.stop());

  it.each(['exact', 'leased'] as const)(
    '%s replicas keep every window, also when the scripts are forgotten',
    async (algorithm) => {
      const limiters = await Promise.all([1, 2, 3].map(() => startProcess(service.config, algorithm)));
      // A node that nobody has met is met by all within moments; what they spend to find out is over soon.
      await Promise.all(limiters.flatMap((limiter) => SPENDINGS.map(async (one) => limiter.take(one))));
      await sleep(1100);
      const { accepted } = await load(limiters, 2500, async () => {
        await sleep(1200);
        await service.everywhere('SCRIPT', 'FLUSH');
      });
      // A process that gets no time does not hear Redis in time, and lets nothing pass for as long.
      expectStrict(accepted, 30);
    },
  );
});

describe('when a replica takes over', () => {
  let sentinel: RedisSentinel | null = null;
  let cluster: RedisCluster | null = null;
  afterAll(async () => {
    await sentinel?.stop();
    await cluster?.stop();
  });

  it('by the Sentinels, every window is kept, and limits are shared again afterwards', async () => {
    sentinel = await startRedisSentinel(3);
    const service = sentinel;
    const limiters = await Promise.all([1, 2, 3].map(() => startProcess(service.config, 'leased')));
    const { accepted } = await load(limiters, 9000, async () => {
      await sleep(1000);
      const former = await service.master();
      await former.kill();
      await service.failedOver(former);
    });
    expectStrict(accepted, 80);
    await sleep(1100);
    const { accepted: afterwards } = await load(limiters, 1000, () => Promise.resolve());
    expectStrict(afterwards, 15);
  });

  it('in a Cluster, every window is kept, and limits are shared again afterwards', async () => {
    cluster = await startRedisCluster(3, [...REDIS_RIGHTS, ...CLUSTER_RIGHTS]);
    const service = cluster;
    const limiters = await Promise.all([1, 2, 3].map(() => startProcess(service.config, 'leased')));
    const name = 'plexgate:limit:{a}:owner%3Aa';
    const { accepted } = await load(limiters, 9000, async () => {
      await sleep(1000);
      const former = await service.masterOf(name);
      await former.kill();
      await service.failedOver(name, former);
    });
    expectStrict(accepted, 80);
    await sleep(1100);
    const { accepted: afterwards } = await load(limiters, 1000, () => Promise.resolve());
    expectStrict(afterwards, 15);
  });
});
