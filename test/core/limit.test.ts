import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatLimit, parseLimit, sameLimits } from '../../src/core/limit.ts';

const DAY_MS = 86_400_000;

describe('a limit in the configuration', () => {
  test.each<[text: string, quota: number, windowMs: number]>([
    ['1/second', 1, 1000],
    ['100/minute', 100, 60_000],
    ['5/hour', 5, 3_600_000],
    ['999999999/day', 999_999_999, DAY_MS],
    ['10/15m', 10, 900_000],
    ['10/1s', 10, 1000],
    ['10/31d', 10, 31 * DAY_MS],
    ['10/2678400s', 10, 31 * DAY_MS],
    ['10/1000001s', 10, 1_000_001_000],
  ])('%s', (text, quota, windowMs) => {
    expect(parseLimit(text)).toEqual({ quota, windowMs });
  });

  test.each([
    '',
    '/',
    '100',
    '/minute',
    '100/',
    '100/Minute',
    '100/minutes',
    '100 / minute',
    ' 100/minute',
    '100/minute ',
    '100/minute\n',
    '0/minute',
    '-1/minute',
    '01/minute',
    '1.5/minute',
    '1e3/minute',
    '1000000000/minute',
    '100/0m',
    '100/m',
    '100/15',
    '100/15ms',
    '100/15w',
    '100/1.5m',
    '10/32d',
    '10/745h',
    '10/2678401s',
    '10/9999999d',
    'unlimited',
    '١/minute',
  ])('%j is not a limit', (text) => {
    expect(parseLimit(text)).toBeNull();
  });

  test('reads back what it is written as, for every quota and every window of whole seconds up to 31 days', () => {
    const seconds = fc.oneof(
      fc.integer({ min: 1, max: 31 * 86_400 }),
      fc
        .constantFrom(1, 60, 3600, 86_400)
        .chain((unit) => fc.integer({ min: 1, max: (31 * 86_400) / unit }).map((n) => n * unit)),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999_999_999 }), seconds, (quota, windowS) => {
        const limit = { quota, windowMs: windowS * 1000 };
        expect(parseLimit(formatLimit(limit))).toEqual(limit);
      }),
      { numRuns: 1000 },
    );
  });

  test('never makes the parser throw, and what it takes is a positive quota over whole seconds', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(), fc.nat(), fc.string({ maxLength: 6 })).map(([n, m, unit]) => `${n}/${m}${unit}`),
    );
    fc.assert(
      fc.property(text, (value) => {
        const limit = parseLimit(value);
        if (limit === null) return;
        expect(limit.quota).toBeGreaterThan(0);
        expect(limit.windowMs % 1000).toBe(0);
        expect(limit.windowMs).toBeGreaterThan(0);
        expect(limit.windowMs).toBeLessThanOrEqual(31 * DAY_MS);
      }),
    );
  });

  test.each<[windowMs: number, text: string]>([
    [60_000, '7/minute'],
    [900_000, '7/15m'],
    [90_000, '7/90s'],
    [7_200_000, '7/2h'],
    [2 * DAY_MS, '7/2d'],
  ])('a window of %i ms is written with its largest whole unit', (windowMs, text) => {
    expect(formatLimit({ quota: 7, windowMs })).toBe(text);
  });

  test('a window that is no whole number of seconds has no text', () => {
    expect(() => formatLimit({ quota: 1, windowMs: 1500 })).toThrow(RangeError);
  });
});

test.each<[a: [number, number][], b: [number, number][], same: boolean]>([
  [[], [], true],
  [[[1, 1000]], [[1, 1000]], true],
  [[[1, 1000]], [[2, 1000]], false],
  [[[1, 1000]], [[1, 2000]], false],
  [[[1, 1000]], [], false],
  [
    [[1, 1000]],
    [
      [1, 1000],
      [1, 2000],
    ],
    false,
  ],
  [
    [
      [1, 1000],
      [2, 2000],
    ],
    [
      [2, 2000],
      [1, 1000],
    ],
    false,
  ],
])('limits are the same when each is, in order: %j and %j', (a, b, same) => {
  const limits = (pairs: [number, number][]) => pairs.map(([quota, windowMs]) => ({ quota, windowMs }));
  expect(sameLimits(limits(a), limits(b))).toBe(same);
});
