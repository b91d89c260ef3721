import { afterAll, beforeAll } from 'vitest';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import { limiterContract } from '../../contracts/limiter.contract.ts';
import type { LimiterStage } from '../../contracts/limiter.stage.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import { connectTo, VirtualFleet } from '../../support/virtual-limiters.ts';

let server: RedisServer;
let redis: RedisConnection;

beforeAll(async () => {
  server = await startRedis();
  redis = await connectTo(server.config);
});

afterAll(async () => {
  await redis.close();
  await server.stop();
});

async function stage(algorithm: 'exact' | 'leased'): Promise<LimiterStage> {
  const fleet = new VirtualFleet(redis);
  await fleet.empty();
  const { limiter } = fleet.start({ algorithm, delayMs: () => 0 });
  await fleet.settle();
  return {
    limiter: {
      algorithm,
      take: (spendings) => {
        const outcome = limiter.take(spendings);
        return outcome instanceof Promise ? fleet.time.until(outcome) : outcome;
      },
    },
    requests: 500,
    toldLate: 0.1,
    holdsBack: algorithm === 'leased',
    now: () => fleet.time.now,
    advance: async (ms) => {
      // All that a lease does is over after a second; there is no need to hear every beat of a day.
      await fleet.time.pass(Math.min(ms, algorithm === 'leased' ? 1100 : 1));
      fleet.time.jump(Math.max(0, ms - (algorithm === 'leased' ? 1100 : 1)));
    },
  };
}

limiterContract('The exact limiter over Redis', () => stage('exact'));
limiterContract('The leased limiter over Redis', () => stage('leased'));
