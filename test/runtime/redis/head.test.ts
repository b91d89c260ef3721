import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Seal } from '../../../src/core/seal.ts';
import { Secret } from '../../../src/core/secret.ts';
import { HEAD_NAME, RedisHead } from '../../../src/runtime/redis/head.ts';
import { openNews, sealNews } from '../../../src/runtime/redis/news.ts';
import { startRedis, type RedisServer } from '../../support/redis-servers.ts';
import { open, seal, type OpenedRedis } from './stage.ts';

describe('the head', () => {
  let server: RedisServer;
  let opened: OpenedRedis;
  let forged: number;
  let head: RedisHead;

  beforeAll(async () => {
    server = await startRedis();
    opened = await open(server.config);
  });
  afterAll(async () => {
    await opened.redis.close();
    await server.stop();
  });
  beforeEach(() => {
    forged = 0;
    head = new RedisHead(opened.redis, seal, () => {
      forged += 1;
    });
  });
  afterEach(() => server.cli('DEL', HEAD_NAME));

  const stranger = new Seal([new Secret('another token')]);
  const sealedBy = (by: Seal, text: string): string => `${text} ${by.macOf('head', text)}`;
  const FORGERIES: readonly [string, () => string][] = [
    ['text of no shape', () => 'anything'],
    ['an empty list of seals', () => 'e1 9 '],
    ['a seal under another token', () => sealedBy(stranger, 'e1 9')],
    ['a seal over another number', () => `e1 9 ${seal.macOf('head', 'e1 8')}`],
    ['a seal of news', () => sealNews(seal, { epoch: 'e1', head: 9 })],
    ['a number beyond what is counted exactly', () => sealedBy(seal, 'e1 9007199254740993')],
    ['a text longer than any head', () => 'x'.repeat(5000)],
  ];

  test.each(FORGERIES)('%s is no head, is counted, and is overwritten', async (_, text) => {
    await opened.redis.set(HEAD_NAME, text(), null);
    const { run, head: found } = await head.read();
    expect([found, forged]).toEqual([null, 1]);
    expect(await head.raise('e1', 2)).toEqual({ run, head: { epoch: 'e1', number: 2 } });
    expect((await head.read()).head).toEqual({ epoch: 'e1', number: 2 });
  });

  test.each([
    ['bytes that are no text', ['SET', HEAD_NAME, '\\xff\\xfe']],
    ['a list', ['RPUSH', HEAD_NAME, 'a', 'b']],
  ])('%s is overwritten, too', async (_, command) => {
    // redis-cli reads escapes in what comes over its standard input alone, so the script makes the bytes.
    const [name = '', key = '', ...values] = command;
    const lua = `return redis.call('${name}', KEYS[1], ${values.map((value) => `"${value}"`).join(', ')})`;
    await server.cli('EVAL', lua.replace('\\xff\\xfe', '\\255\\254'), '1', key);
    expect((await head.read()).head).toBeNull();
    expect((await head.raise('e1', 1)).head).toEqual({ epoch: 'e1', number: 1 });
    expect((await head.read()).head).toEqual({ epoch: 'e1', number: 1 });
  });

  test('raised by many at once it ends at the highest number', async () => {
    const numbers = Array.from({ length: 8 }, (_, i) => ((i * 5) % 8) + 1);
    const raised = await Promise.all(numbers.map((number) => head.raise('e1', number)));
    raised.forEach(({ head }, i) => expect(head.number).toBeGreaterThanOrEqual(numbers[i] ?? 0));
    expect((await head.read()).head).toEqual({ epoch: 'e1', number: 8 });
  });

  test('a head under an older token of the same fleet is believed while the token rotates', async () => {
    const [old, next] = [new Secret('the older token'), new Secret('the newer token')];
    await new RedisHead(opened.redis, new Seal([old])).raise('e1', 4);
    const rotating = new RedisHead(opened.redis, new Seal([next, old]));
    expect((await rotating.raise('e1', 3)).head).toEqual({ epoch: 'e1', number: 4 });
    expect((await rotating.raise('e1', 5)).head).toEqual({ epoch: 'e1', number: 5 });
    expect((await new RedisHead(opened.redis, new Seal([next])).read()).head?.number).toBe(5);
    expect((await new RedisHead(opened.redis, new Seal([old])).read()).head?.number).toBe(5);
  });
});

describe('news', () => {
  const news = { epoch: 'e1', head: 9 };

  test('are what was sealed', () => {
    expect(openNews(seal, sealNews(seal, news))).toEqual(news);
  });

  test.each([
    ['sealed under another token', sealNews(new Seal([new Secret('another')]), news)],
    ['with another number', sealNews(seal, news).replace(' 9 ', ' 10 ')],
    ['of another epoch', sealNews(seal, news).replace('e1', 'e2')],
    ['without a seal', 'e1 9'],
    ['that are empty', ''],
    ['longer than any', `${sealNews(seal, news)}${'.'.repeat(5000)}`],
    ['that are the head', `e1 9 ${seal.macOf('head', 'e1 9')}`],
  ])('%s are none', (_, text) => {
    expect(openNews(seal, text)).toBeNull();
  });
});
