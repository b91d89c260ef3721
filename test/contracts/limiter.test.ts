import { describe, expect, it } from 'vitest';
import { MemoryLimiter } from '../../src/proxy/limiter/memory.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { limiterContract } from './limiter.contract.ts';
import { spending } from './limiter.stage.ts';

limiterContract('MemoryLimiter', () => {
  const clock = new FakeClock();
  return {
    limiter: new MemoryLimiter(clock),
    now: () => clock.monotonic(),
    advance: (ms) => clock.advance(ms),
  };
});

describe('MemoryLimiter', () => {
  it('does not look at the time of day', () => {
    const clock = new FakeClock();
    const limiter = new MemoryLimiter(clock);
    expect(limiter.take([spending('owner:a 1/minute')]).allowed).toBe(true);
    clock.stepWall(3_600_000);
    expect(limiter.take([spending('owner:a 1/minute')]).allowed).toBe(false);
    clock.stepWall(-7_200_000);
    clock.advance(60_000);
    expect(limiter.take([spending('owner:a 1/minute')]).allowed).toBe(true);
  });

  it('lets everything pass where nothing is spent', () => {
    expect(new MemoryLimiter(new FakeClock()).take([])).toEqual({ allowed: true, states: [] });
  });
});

describe('a sweep', () => {
  it('forgets the partitions that have nothing spent', () => {
    const clock = new FakeClock();
    const limiter = new MemoryLimiter(clock);
    for (let i = 0; i < 1000; i++) limiter.take([spending(`owner:${i} 5/second 9/10s`)]);
    clock.advance(9999);
    limiter.sweep();
    expect(limiter.size).toBe(1000);
    clock.advance(1);
    limiter.sweep();
    expect(limiter.size).toBe(0);
  });

  it('never frees a unit that still counts, in whatever moment it comes', () => {
    const [swept, plain] = [new FakeClock(), new FakeClock()].map((clock) => ({
      clock,
      limiter: new MemoryLimiter(clock),
    }));
    if (swept === undefined || plain === undefined) throw new Error('two limiters were made');
    const spendings = [spending('owner:a 300/10s 2000/minute'), spending('key:k 3/second')];
    for (let i = 0; i < 5000; i++) {
      const waitMs = (i * 7919) % 211;
      for (const { clock } of [swept, plain]) clock.advance(waitMs);
      swept.limiter.sweep();
      const told: string[] = [swept, plain].map(({ limiter }) => JSON.stringify(limiter.take(spendings)));
      if (told[0] !== told[1]) expect.fail(`request ${i}: ${told.join(' and ')}`);
    }
  });
});
