import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { Announcer, type Head, type HeadInRedis } from '../../src/key-service/fleet/announcer.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** One Redis process that keeps a head and what was published, and may be slow. */
class OneRedis {
  run = 'a';
  head: Head | null = null;
  delayMs = 0;
  readonly raised: number[] = [];
  readonly published: number[] = [];

  async read(): Promise<HeadInRedis> {
    await pause(this.delayMs);
    return { run: this.run, head: this.head };
  }

  async raise(epoch: string, number: number): Promise<HeadInRedis> {
    this.raised.push(number);
    if (this.head?.epoch !== epoch || this.head.number < number) this.head = { epoch, number };
    return this.read();
  }

  async publish({ head }: { readonly head: number }): Promise<void> {
    this.published.push(head);
  }
}

let redis: OneRedis;
let clock: FakeClock;
let announcer: Announcer;
beforeEach(() => {
  redis = new OneRedis();
  clock = new FakeClock();
  announcer = new Announcer(redis, clock, null);
});

const at = (number: number): Head => ({ epoch: 'e', number });

describe('a Redis process is known to have a head', () => {
  test('since it was written', async () => {
    await announcer.announce(at(5));
    const since = clock.monotonic();
    clock.advance(1000);
    await announcer.look();
    expect(announcer.heldSince('a', at(5))).toBe(since);
    expect(announcer.heldSince('a', at(6))).toBeNull();
    expect(announcer.heldSince('b', at(5))).toBeNull();
    expect(announcer.heldSince('a', { epoch: 'f', number: 5 })).toBeNull();
  });

  test('since it was found, where another process has written it', async () => {
    redis.head = at(7);
    await announcer.announce(at(5));
    expect(announcer.heldSince('a', at(7))).toBe(clock.monotonic());
  });

  test.for<[string, Head | null, string]>([
    ['lost it', null, 'a'],
    ['fallen back', at(4), 'a'],
    ['been replaced by another', at(5), 'b'],
  ])('no longer when it has %s', async ([, head, run]) => {
    await announcer.announce(at(5));
    redis.head = head;
    redis.run = run;
    clock.advance(1000);
    await announcer.look();
    redis.run = 'a';
    await announcer.announce(at(5));
    expect(announcer.heldSince('a', at(5))).toBe(clock.monotonic());
  });

  test('not while it does not answer in time', async () => {
    redis.delayMs = 200;
    await announcer.announce(at(5));
    expect(announcer.heldSince('a', at(5))).toBeNull();
    expect(await announcer.look()).toBeNull();
  });
});

test('of many heads at once the newest is announced', async () => {
  redis.delayMs = 10;
  await Promise.all(Array.from({ length: 100 }, (_, i) => announcer.announce(at(i + 1))));
  expect(redis.raised.at(-1)).toBe(100);
  expect(redis.raised.length).toBeLessThan(5);
  expect(redis.published).toEqual(redis.raised);
  expect(announcer.heldSince('a', at(100))).toBe(clock.monotonic());
});

test('what is announced again is written and published again', async () => {
  await announcer.announce(at(5));
  await announcer.announce(at(5));
  expect([redis.raised, redis.published]).toEqual([
    [5, 5],
    [5, 5],
  ]);
});

test('without Redis there is nothing to announce', async () => {
  const none = new Announcer(null, clock, null);
  await none.announce(at(5));
  expect([none.hasRedis, await none.look(), none.heldSince('a', at(5))]).toEqual([false, null, null]);
});
