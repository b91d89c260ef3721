import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HEAD_NAME, RedisHead } from '../../../src/runtime/redis/head.ts';
import { CLUSTER_RIGHTS, REDIS_RIGHTS } from '../../../src/runtime/redis/rights.ts';
import { startRedisCluster, type RedisCluster } from '../../support/redis-servers.ts';
import { until } from '../../support/until.ts';
import { describeRedis } from './contract.ts';
import { answerOf, COUNT, listen, open, outcomeOf, seal, someName } from './stage.ts';

describe('a Cluster of three masters with replicas, RESP2, as a user with no more rights than documented', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster(2, [...REDIS_RIGHTS, ...CLUSTER_RIGHTS]);
  });
  afterAll(() => cluster.stop());

  describeRedis(() => cluster);

  test('names of all nodes are reached at the first call', async () => {
    const { redis, commands } = await open(cluster.config);
    const names = Array.from({ length: 15 }, someName);
    const owners = await Promise.all(names.map((name) => cluster.masterOf(name)));
    expect(new Set(owners).size).toBe(3);
    await Promise.all(names.map((name) => redis.set(name, name, null)));
    expect(await Promise.all(names.map((name) => redis.get(name)))).toEqual(names);
    expect(new Set(commands)).toEqual(new Set(['ok']));
    await redis.close();
  });

  test.each(['killed', 'frozen'])('calls work again after a master is %s', async (fate) => {
    const { redis } = await open(cluster.config, 100);
    const heard = await listen(cluster.config, 'plexgate:news');
    const head = new RedisHead(redis, seal);
    const { run } = await answerOf(() => head.raise('e1', 1));
    const master = await cluster.masterOf(HEAD_NAME);
    const startedAt = performance.now();
    if (fate === 'killed') await master.kill();
    else master.pause();
    await until('calls are refused at once', async () => {
      const { kind, tookMs } = await outcomeOf(() => redis.get(HEAD_NAME));
      return kind === 'refused' && tookMs < 50;
    });
    expect(performance.now() - startedAt).toBeLessThan(1000);

    await cluster.failedOver(HEAD_NAME, master);
    const back = until('calls work', async () => (await outcomeOf(() => head.read())).kind === 'done');
    expect(await back).toBeLessThan(2000);
    expect((await answerOf(() => head.read())).run).not.toBe(run);
    await until('news are heard', async () => {
      await outcomeOf(() => redis.publish('plexgate:news', 'after'));
      return heard.messages.includes('after');
    });
    await answerOf(() => redis.run(COUNT, [someName()], []));

    await heard.close();
    await redis.close();
    if (fate === 'killed') await master.start();
    else master.resume();
    await until('the former master follows the new one', async () =>
      (await master.cli('INFO', 'replication')).includes('master_link_status:up'),
    );
  });
});
