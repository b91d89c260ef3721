import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RedisHead } from '../../../src/runtime/redis/head.ts';
import { startRedisSentinel, type RedisSentinel } from '../../support/redis-servers.ts';
import { until } from '../../support/until.ts';
import { describeRedis } from './contract.ts';
import { answerOf, COUNT, listen, open, outcomeOf, seal, someName } from './stage.ts';

describe('a master and two replicas under three Sentinels, RESP3, with a password', () => {
  let sentinel: RedisSentinel;
  beforeAll(async () => {
    sentinel = await startRedisSentinel(3);
  });
  afterAll(() => sentinel.stop());

  describeRedis(() => sentinel);

  test.each(['killed', 'frozen'])('calls work again after the master is %s', async (fate) => {
    const { redis, ups } = await open(sentinel.config, 100);
    const heard = await listen(sentinel.config, 'plexgate:news');
    const head = new RedisHead(redis, seal);
    const { run } = await answerOf(() => head.raise('e1', 1));
    const master = await sentinel.master();
    const startedAt = performance.now();
    if (fate === 'killed') await master.kill();
    else master.pause();
    await until('it is noticed', async () => {
      await outcomeOf(() => redis.get(someName()));
      return !redis.isUp;
    });
    // Frozen, the third call without an answer says so.
    expect(performance.now() - startedAt).toBeLessThan(1000);

    await sentinel.failedOver(master);
    const back = until(
      'calls work',
      async () => (await outcomeOf(() => redis.run(COUNT, [someName()], []))).kind === 'done',
    );
    expect(await back).toBeLessThan(2000);
    expect(ups).toEqual([true, false, true]);
    expect((await answerOf(() => head.read())).run).not.toBe(run);
    await until('news are heard', async () => {
      await outcomeOf(() => redis.publish('plexgate:news', 'after'));
      return heard.messages.includes('after');
    });
    expect(heard.connections.length).toBeGreaterThan(1);

    await heard.close();
    await redis.close();
  });
});
