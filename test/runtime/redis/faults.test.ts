import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import { RedisHead } from '../../../src/runtime/redis/head.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import { until } from '../../support/until.ts';
import {
  answerOf,
  COUNT,
  listen,
  open,
  outcomeOf,
  seal,
  someName,
  type Heard,
  type OpenedRedis,
} from './stage.ts';

describe.each([2, 3] as const)('one server whose faults are real, RESP%i', (protocol) => {
  let server: RedisServer;
  let opened: OpenedRedis;

  beforeEach(async () => {
    server = await startRedis({ protocol });
    opened = await open(server.config, 100);
  });
  afterEach(async () => {
    await opened.redis.close();
    await server.stop();
  });

  test('a frozen server: calls end at their deadline, unknown; after three the connection is dropped', async () => {
    const { redis, commands, ups } = opened;
    server.pause();
    for (let i = 0; i < 3; i += 1) {
      const outcome = await outcomeOf(() => redis.run(COUNT, [someName()], []));
      expect(outcome).toMatchObject({ kind: 'unknown', message: 'Redis did not answer in time' });
      expect(outcome.tookMs).toBeGreaterThan(95);
      expect(outcome.tookMs).toBeLessThan(500);
    }
    const next = await outcomeOf(() => redis.get(someName()));
    expect(next.kind).toBe('refused');
    expect(next.tookMs).toBeLessThan(50);
    expect(commands).toEqual(['timeout', 'timeout', 'timeout', 'error']);
    await until('it is noticed', () => !redis.isUp);
    // Attempts meanwhile reach a server that accepts connections and says nothing.
    await sleep(700);
    expect(redis.isUp).toBe(false);
    server.resume();
    expect(await until('it is up again', () => redis.isUp)).toBeLessThan(2000);
    expect(await answerOf(() => redis.get(someName()))).toBeNull();
    expect(ups).toEqual([true, false, true]);
  });

  test('one short pause under many calls costs no connection', async () => {
    const { redis } = opened;
    server.pause();
    const calls = Array.from({ length: 50 }, () => outcomeOf(() => redis.get(someName())));
    expect(new Set((await Promise.all(calls)).map(({ kind }) => kind))).toEqual(new Set(['unknown']));
    server.resume();
    expect(await answerOf(() => redis.get(someName()))).toBeNull();
    expect(opened.ups).toEqual([true]);
  });

  test('a killed server: what was under way is unknown, what follows is refused at once, and it comes back', async () => {
    const { redis, log } = opened;
    const name = someName();
    const head = new RedisHead(redis, seal);
    await answerOf(() => redis.set(name, 'kept in memory only', null));
    const { run } = await answerOf(() => head.raise('e1', 3));
    server.pause();
    const underWay = outcomeOf(() => redis.get(name));
    await server.kill();
    expect(await underWay).toMatchObject({ kind: 'unknown' });
    const next = await outcomeOf(() => redis.get(name));
    expect(next).toMatchObject({ kind: 'refused', message: 'Redis is not connected' });
    expect(next.tookMs).toBeLessThan(50);
    await sleep(1000);
    await server.start();
    expect(await until('it is up again', () => redis.isUp)).toBeLessThan(2000);
    expect(await answerOf(() => redis.get(name))).toBeNull();
    const after = await answerOf(() => head.read());
    expect(after).toEqual({ run: expect.stringMatching(/^[0-9a-f]{40}\.[0-9a-f]{40}$/), head: null });
    expect(after.run).not.toBe(run);
    expect(log).toEqual([
      expect.stringMatching(/^warn redis is away \(limits: (?:the connection was lost|ECONNRESET)\)$/),
      'info redis is back (limits)',
    ]);
  });

  test('a master that became a replica: its refusal makes the connection anew', async () => {
    const { redis } = opened;
    await server.cli('REPLICAOF', '127.0.0.1', '1');
    const outcome = await outcomeOf(() => redis.set(someName(), 'x', null));
    expect(outcome).toMatchObject({ kind: 'refused', message: 'Redis refused: READONLY' });
    await until('it is another connection', () => opened.ups.length === 3);
    await server.cli('REPLICAOF', 'NO', 'ONE');
    await answerOf(() => redis.set(someName(), 'x', null));
  });

  describe('a subscription', () => {
    let heard: Heard;
    beforeEach(async () => {
      heard = await listen(server.config, 'plexgate:news');
    });
    afterEach(() => heard.close());

    const isHeardAgain = async (connections: number): Promise<void> => {
      await until('it listens again', () => heard.connections.length === connections);
      await until('calls work again', () => opened.redis.isUp);
      await answerOf(() => opened.redis.publish('plexgate:news', `after ${connections}`));
      await until('it is heard', () => heard.messages.at(-1) === `after ${connections}`);
    };

    test('says so whenever messages may have been missed', async () => {
      await server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await isHeardAgain(2);
      await server.kill();
      await until('it is noticed', () => !heard.isUp);
      await server.start();
      await isHeardAgain(3);
      expect(heard.ups).toEqual([true, false, true, false, true]);
    });

    test('notices a server that is there and says nothing', async () => {
      server.pause();
      expect(await until('it is noticed', () => !heard.isUp)).toBeLessThan(1500);
      server.resume();
      await isHeardAgain(2);
    });
  });
});

describe('opening', () => {
  let server: RedisServer;
  const openings: OpenedRedis[] = [];
  beforeEach(async () => {
    server = await startRedis({ password: true });
  });
  afterEach(async () => {
    await Promise.all(openings.splice(0).map(({ redis }) => redis.close()));
    await server.stop();
  });
  const opening = async (config = server.config): Promise<OpenedRedis> => {
    const opened = await open(config);
    openings.push(opened);
    return opened;
  };

  test('without a server there is a connection that refuses, and works as soon as there is one', async () => {
    await server.kill();
    const { redis, log, ups } = await opening();
    expect([redis.isUp, ups]).toEqual([false, []]);
    expect(await outcomeOf(() => redis.get(someName()))).toMatchObject({ kind: 'refused' });
    await sleep(300);
    expect(log).toEqual(['warn redis is away (limits: ECONNREFUSED)']);
    await server.start();
    expect(await until('it is up', () => redis.isUp)).toBeLessThan(2000);
    expect(await redis.get(someName())).toBeNull();
  });

  test('with a frozen server it waits no longer than a second', async () => {
    server.pause();
    const startedAt = performance.now();
    const { redis } = await opening();
    expect(redis.isUp).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1500);
    server.resume();
  });

  test('a wrong password is named in the log, and not shown', async () => {
    const password = new Secret('not what the server expects');
    const { redis, log } = await opening({ ...server.config, password });
    expect(redis.isUp).toBe(false);
    expect(log).toEqual(['warn redis is away (limits: WRONGPASS)']);
  });

  test('a certificate that cannot be read, or is none, is a configuration that cannot work', async () => {
    const tls = (ca: string) => ({ ...server.config, tls: { ca, cert: null, key: null } });
    const file = join(server.dir, 'none.pem');
    await writeFile(file, '-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n');
    await expect(open(tls(`${file}.missing`))).rejects.toThrow('ENOENT');
    await expect(open(tls(file))).rejects.toThrow('redis.tls.ca');
    await expect(listen(tls(file), 'plexgate:news')).rejects.toThrow('redis.tls.ca');
  });
});
