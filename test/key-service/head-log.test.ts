import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeadLog } from '../../src/key-service/fleet/head-log.ts';
import { CHANGES_KEPT_MS } from '../../src/key-service/store/store.ts';

const noted = (...notes: readonly (readonly [scope: string, number: number, at: number])[]): HeadLog => {
  const log = new HeadLog();
  for (const [scope, number, at] of notes) log.note(scope, number, at);
  return log;
};

test('a number is known since the first head that reached it', () => {
  const log = noted(['e', 3, 1000], ['e', 3, 2000], ['e', 7, 3000]);
  expect([3, 4, 7, 8].map((number) => log.since('e', number))).toEqual([1000, 3000, 3000, null]);
});

test('nothing is known of another scope, nor of what was noted before the scope changed', () => {
  const log = noted(['e', 3, 1000]);
  expect(log.since('f', 3)).toBeNull();
  log.note('f', 3, 2000);
  log.note('e', 3, 3000);
  expect(log.since('e', 3)).toBe(3000);
});

test('a head that fell begins anew', () => {
  const log = noted(['e', 9, 1000], ['e', 5, 2000], ['e', 9, 3000]);
  expect([log.since('e', 5), log.since('e', 9)]).toEqual([2000, 3000]);
});

const rises = fc.array(fc.record({ waitMs: fc.nat({ max: 400 }), by: fc.nat({ max: 3 }) }), {
  minLength: 1,
  maxLength: 200,
});

test('what it says is never earlier than the truth, and at most the grain later', () => {
  fc.assert(
    fc.property(rises, fc.nat({ max: 600 }), (steps, number) => {
      const log = new HeadLog();
      let [at, head, truth] = [0, 0, null as number | null];
      for (const { waitMs, by } of steps) {
        at += waitMs;
        head += by;
        log.note('e', head, at);
        if (truth === null && head >= number) truth = at;
      }
      const said = log.since('e', number);
      expect(said === null).toBe(truth === null);
      const lateMs = (said ?? 0) - (truth ?? 0);
      expect(lateMs).toBeGreaterThanOrEqual(0);
      expect(lateMs).toBeLessThan(100);
    }),
  );
});

test('what is older than any gate may be without news is known to be so old, and no step is kept for it', () => {
  const log = new HeadLog();
  for (let i = 0; i <= 3000; i++) log.note('e', i, i * 1000);
  const oldest = log.since('e', 0) ?? Infinity;
  expect(3_000_000 - oldest).toBeGreaterThanOrEqual(CHANGES_KEPT_MS);
  expect(3_000_000 - oldest).toBeLessThan(CHANGES_KEPT_MS + 2000);
});
