import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HEAD_NAME, RedisHead } from '../../../src/runtime/redis/head.ts';
import { memoryPolicy } from '../../../src/runtime/redis/memory-policy.ts';
import { NEWS_CHANNEL, openNews, sealNews } from '../../../src/runtime/redis/news.ts';
import type { RedisConnection } from '../../../src/runtime/redis/redis.ts';
import type { RedisService } from '../../support/redis-access.ts';
import { until } from '../../support/until.ts';
import { answerOf, COUNT, listen, open, outcomeOf, seal, someName, type OpenedRedis } from './stage.ts';

/** What holds however Redis is run. `service` is started by the caller, and ended by it. */
export function describeRedis(service: () => RedisService): void {
  describe('the contract', () => {
    let opened: OpenedRedis;
    let redis: RedisConnection;

    beforeAll(async () => {
      opened = await open(service().config);
      ({ redis } = opened);
    });
    afterAll(() => redis.close());

    test('it is up when it is opened', () => {
      expect(redis.isUp).toBe(true);
      expect(opened.ups).toEqual([true]);
    });

    test('a value stays until its time is over; without one, it stays', async () => {
      const [brief, lasting] = [someName(), someName()];
      await redis.set(brief, 'short', 60);
      await redis.set(lasting, 'né', null);
      expect(await redis.get(brief)).toBe('short');
      await until('the value is gone', async () => (await redis.get(brief)) === null);
      expect(await redis.get(lasting)).toBe('né');
    });

    test('a script gets its keys and parameters, and replies in the shapes of RESP2', async () => {
      const script = {
        name: 'shapes',
        numberOfKeys: 2,
        lua: "return {KEYS[2], ARGV[1], 7, false, true, {'a', {}}, redis.status_reply('fine'), tostring(1.5)}",
      };
      const tag = someName();
      const reply = await redis.run(script, [`${tag}:a`, `${tag}:b`], ['x y', 3]);
      expect(reply).toEqual([`${tag}:b`, 'x y', 7, null, 1, ['a', []], 'fine', '1.5']);
    });

    test('a script that the server has forgotten runs all the same, once', async () => {
      const name = someName();
      expect(await redis.run(COUNT, [name], [])).toBe(1);
      await service().everywhere('SCRIPT', 'FLUSH');
      expect(await Promise.all([1, 2, 3].map(() => redis.run(COUNT, [name], [])))).toEqual([2, 3, 4]);
    });

    test('an error reply is a refusal that tells nothing of what was sent', async () => {
      const failing = { name: 'failing', numberOfKeys: 1, lua: "return redis.call('GET', KEYS[1], ARGV[1])" };
      const outcome = await outcomeOf(() => redis.run(failing, [someName()], ['confidential']));
      expect(outcome).toMatchObject({
        kind: 'refused',
        message: 'Redis refused: ERR at line 1 of the script',
      });
    });

    test('what is published is heard', async () => {
      const heard = await listen(service().config, NEWS_CHANNEL);
      expect([heard.isUp, heard.connections, heard.ups]).toEqual([true, [0], [true]]);
      const news = { epoch: 'e1', head: 17 };
      await redis.publish(NEWS_CHANNEL, sealNews(seal, news));
      await redis.publish(NEWS_CHANNEL, 'nobody signed this');
      await until('both are heard', () => heard.messages.length === 2);
      // In a Cluster two messages may come by two nodes, and in any order.
      const opened = heard.messages.map((text) => openNews(seal, text));
      expect(opened).toEqual(expect.arrayContaining([news, null]));
      await heard.close();
    });

    test('the head is raised, never lowered, and kept with the run id of its process', async () => {
      const head = new RedisHead(redis, seal);
      const { run, head: before } = await head.read();
      expect([run, before]).toEqual([expect.stringMatching(/^[0-9a-f]{40}\.[0-9a-f]{40}$/), null]);
      expect(await head.raise('e1', 5)).toEqual({ run, head: { epoch: 'e1', number: 5 } });
      expect(await head.raise('e1', 4)).toEqual({ run, head: { epoch: 'e1', number: 5 } });
      expect(await head.raise('e2', 1)).toEqual({ run, head: { epoch: 'e2', number: 1 } });
      expect(await head.read()).toEqual({ run, head: { epoch: 'e2', number: 1 } });
      await redis.set(HEAD_NAME, 'e2 999 forged', null);
      expect((await head.read()).head).toBeNull();
    });

    test('a call that is refused has not been done, and none is done twice, however connections break', async () => {
      const name = someName();
      const outcomes: string[] = [];
      const endAt = performance.now() + 400;
      const goesOn = (): boolean => performance.now() < endAt || outcomes.every((kind) => kind === 'done');
      const caller = async (): Promise<void> => {
        while (goesOn()) {
          outcomes.push((await outcomeOf(() => redis.run(COUNT, [name], []))).kind);
          await sleep(1);
        }
      };
      const breaker = async (): Promise<void> => {
        while (goesOn()) await service().everywhere('CLIENT', 'KILL', 'TYPE', 'normal');
      };
      await Promise.all([...Array.from({ length: 8 }, caller), breaker()]);
      const done = outcomes.filter((kind) => kind === 'done').length;
      const refused = outcomes.filter((kind) => kind === 'refused').length;
      const counted = Number(await answerOf(() => redis.get(name)));
      expect(counted).toBeGreaterThanOrEqual(done);
      expect(counted).toBeLessThanOrEqual(outcomes.length - refused);
    });

    test('it says what Redis does when its memory is full', async () => {
      expect(await answerOf(() => memoryPolicy(redis))).toBe('noeviction');
    });
  });
}
