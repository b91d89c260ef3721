import { describe, expect, it } from 'vitest';
import { Demand } from '../../../src/proxy/limiter/demand.ts';

const LIFE_MS = 1000;
const SETTINGS = { limits: [{ quota: 6_000_000, windowMs: 60_000 }], members: 2, hasRefused: false };

/** What is drawn beyond one request, where so many came in each life of a lease, the last one under way. */
function drawnAfter(...lives: readonly number[]): { more: number; ahead: number } {
  const demand = new Demand(true);
  demand.lifeMs = LIFE_MS;
  let now = 0;
  for (const [i, requests] of lives.entries()) {
    now = i * LIFE_MS + 1;
    for (let n = 0; n < requests; n++) demand.count(now);
  }
  const { more, ahead } = demand.order(1, true, { now, ...SETTINGS });
  return { more, ahead };
}

describe('what a purse draws beyond the requests that wait', () => {
  it.each([
    ['nothing for the first few', [5], 0],
    ['nothing for a burst of 255, which may be all there is', [255], 0],
    ['as many again from the 256th of a burst on, and not behind its first second', [256], 255],
    ['as many again while they come faster and faster', [256, 5000], 4999],
    ['what the last whole life needed', [1000, 10], 999],
    ['nothing behind a life without any', [1000, 0, 3], 0],
  ])('%s', (_, lives, more) => {
    expect(drawnAfter(...lives).more).toBe(more);
  });

  it('is nothing without leases, however many come', () => {
    const demand = new Demand(false);
    for (let n = 0; n < 1000; n++) demand.count(1);
    expect(demand.order(1, true, { now: 2, ...SETTINGS })).toMatchObject({ more: 0, ahead: 0, fair: 0 });
  });
});
