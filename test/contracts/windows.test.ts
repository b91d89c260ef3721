import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { violationOf, worstWindow, type Accepted } from '../support/windows.ts';

const at = (...moments: readonly (readonly [arrivedAt: number, handedOverAt: number])[]): Accepted[] =>
  moments.map(([arrivedAt, handedOverAt]) => ({ arrivedAt, handedOverAt }));

/** By the definition: every pair of an arrival and a hand-over as the ends of a window. */
function bruteForce(acceptances: readonly Accepted[], windowMs: number): number {
  let most = 0;
  for (const { arrivedAt: a } of acceptances) {
    for (const { handedOverAt: b } of acceptances) {
      if (b - a >= windowMs) continue;
      const within = acceptances.filter(({ arrivedAt, handedOverAt }) => arrivedAt >= a && handedOverAt <= b);
      most = Math.max(most, within.length);
    }
  }
  return most;
}

describe('the worst window', () => {
  test.each([
    ['of nothing is empty', at(), 0],
    ['holds a single acceptance', at([5, 6]), 1],
    ['holds two that come together', at([0, 1], [1, 2]), 2],
    ['holds two that are just less than the window apart', at([0, 0], [999.999, 999.999]), 2],
    ['does not hold two that are the window apart', at([0, 0], [1000, 1000]), 1],
    ['lies across a boundary of whole seconds', at([900, 900], [990, 990], [1010, 1010], [1899, 1899]), 4],
    ['counts by the hand-over at its end', at([0, 0], [990, 1001]), 1],
    ['counts by the arrival at its beginning', at([0, 400], [1000, 1399]), 1],
    ['counts one that took longer than the window in none', at([0, 1000]), 0],
    ['need not begin with the first arrival', at([0, 0], [500, 500], [1100, 1100], [1200, 1200]), 3],
  ])('%s', (_, acceptances, count) => {
    expect(worstWindow(acceptances, 1000).accepted).toBe(count);
  });

  test('is a violation where it holds more than the quota', () => {
    const acceptances = at([0, 1], [2000, 2003], [2500, 2501], [3100, 3600], [7000, 7001]);
    expect(violationOf(acceptances, { quota: 2, windowMs: 1000 })).toBeNull();
    expect(violationOf(acceptances, { quota: 1, windowMs: 1000 })).toMatchObject({ from: 2000, accepted: 2 });
  });

  test('is found whatever the moments are', () => {
    const moments = fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 60 })), {
      maxLength: 60,
    });
    const found = fc.record({ moments, windowMs: fc.integer({ min: 1, max: 120 }) });
    fc.assert(
      fc.property(found, ({ moments, windowMs }) => {
        const acceptances = moments.map(([arrivedAt, took]) => ({
          arrivedAt,
          handedOverAt: arrivedAt + took,
        }));
        const { accepted, from } = worstWindow(acceptances, windowMs);
        expect(accepted).toBe(bruteForce(acceptances, windowMs));
        const within = acceptances.filter(
          ({ arrivedAt, handedOverAt }) => arrivedAt >= from && handedOverAt < from + windowMs,
        );
        if (accepted > 0) expect(within).toHaveLength(accepted);
      }),
      { numRuns: 2000 },
    );
  });

  test('is found among a hundred thousand within a moment', () => {
    const acceptances = Array.from({ length: 100_000 }, (_, i) => ({ arrivedAt: i, handedOverAt: i }));
    expect(worstWindow(acceptances, 1000).accepted).toBe(1000);
  });
});
