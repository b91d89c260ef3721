import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Book } from '../../src/core/book.ts';
import { CELL, attempt, earliestByLog, exactMs, tightestStretch } from './book-log.ts';

/**
 * The books are held against a plain log of every acceptance. Instants are multiples of 1/1024 ms, which doubles
 * hold exactly, so that "never" means never; one property at the end uses any doubles and allows a nanosecond.
 */
const EXACT_UP_TO = 256;
const WINDOWS_MS = [1000, 10_000, 60_000, 900_000, 3_600_000];

interface Step {
  readonly waitMs: number;
  readonly attempts: number;
}

function stepsOf(quota: number, windowMs: number): fc.Arbitrary<Step[]> {
  const wait = fc.oneof(
    fc.constantFrom(0, CELL, CELL / 2, 1 / quota, 1 / 64, 1 - CELL, 1, 1 + CELL, 2).map((f) => f * windowMs),
    fc.double({ min: 0, max: 1.2, noNaN: true }).map((f) => f * windowMs),
    fc.double({ min: 0, max: 0.05, noNaN: true }).map((f) => f * windowMs),
    fc.constantFrom(1 / 1024, 1, windowMs - 1 / 1024, windowMs + 1 / 1024),
  );
  const attempts = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: quota + 3 }));
  return fc.array(fc.record({ waitMs: wait.map(exactMs), attempts }), { minLength: 1, maxLength: 60 });
}

const histories = fc
  .record({
    quota: fc.oneof(
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 1, max: 500 }),
      fc.constantFrom(256, 257),
    ),
    windowMs: fc.constantFrom(...WINDOWS_MS),
    startAt: fc.oneof(
      fc.constantFrom(0, 1e9, 4.2e9),
      fc.double({ min: 0, max: 1e7, noNaN: true }).map(exactMs),
    ),
  })
  .chain((about) => stepsOf(about.quota, about.windowMs).map((steps) => ({ ...about, steps })));

describe('a book against a log of every acceptance', () => {
  test('never accepts more than the quota in any window', () => {
    fc.assert(
      fc.property(histories, ({ quota, windowMs, startAt, steps }) => {
        const book = new Book({ quota, windowMs });
        const log: number[] = [];
        let now = startAt;
        for (const { waitMs, attempts } of steps) {
          now += waitMs;
          attempt(book, log, now, attempts);
        }
        expect(tightestStretch(log, quota)).toBeGreaterThanOrEqual(windowMs);
      }),
      { numRuns: 300 },
    );
  });

  test('names the moment a unit is free: never early, late by at most one cell of 256, exactly up to a quota of 256', () => {
    fc.assert(
      fc.property(histories, fc.nat(), ({ quota, windowMs, startAt, steps }, pick) => {
        const book = new Book({ quota, windowMs });
        const log: number[] = [];
        let now = startAt;
        for (const { waitMs, attempts } of steps) {
          now += waitMs;
          attempt(book, log, now, attempts);
          const units = 1 + (pick % quota);
          const said = book.freeAfter(now, units);
          const due = earliestByLog(log, quota, windowMs, now, units);
          expect(said).toBeGreaterThanOrEqual(due);
          expect(said).toBeLessThanOrEqual(due + (quota <= EXACT_UP_TO ? 0 : windowMs * CELL));
          expect(said === 0).toBe(book.free(now) >= units);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('whoever waits as long as it was told is accepted, and not a moment sooner', () => {
    fc.assert(
      fc.property(histories, ({ quota, windowMs, startAt, steps }) => {
        const book = new Book({ quota, windowMs });
        let now = startAt;
        for (const { waitMs, attempts } of steps) {
          now += waitMs;
          attempt(book, [], now, attempts);
          const after = book.freeAfter(now);
          if (after === 0) continue;
          expect(book.free(now + after - 1 / 1024)).toBe(0);
          expect(book.free(now + after)).toBeGreaterThan(0);
          now += after;
        }
      }),
    );
  });

  test('a question or a refusal costs nothing', () => {
    fc.assert(
      fc.property(histories, ({ quota, windowMs, startAt, steps }) => {
        const asked = new Book({ quota, windowMs });
        const quiet = new Book({ quota, windowMs });
        let now = startAt;
        for (const { waitMs, attempts } of steps) {
          now += waitMs;
          const taken = Math.min(attempts, quiet.free(now));
          if (taken > 0) quiet.spend(now, taken);
          for (let i = 0; i < taken; i++) asked.spend(now);
          for (let i = 0; i < 3; i++) {
            asked.free(now);
            asked.freeAfter(now, quota);
            asked.earliestFreeAfter(now);
            asked.isEmpty(now);
          }
          expect(asked.used(now)).toBe(quiet.used(now));
          expect(asked.freeAfter(now, quota)).toBe(quiet.freeAfter(now, quota));
        }
      }),
    );
  });

  test('one window after the last acceptance and one cell more, everything is free again', () => {
    fc.assert(
      fc.property(histories, ({ quota, windowMs, startAt, steps }) => {
        const book = new Book({ quota, windowMs });
        let now = startAt;
        for (const { waitMs, attempts } of steps) {
          now += waitMs;
          attempt(book, [], now, attempts);
        }
        now += windowMs * (quota <= EXACT_UP_TO ? 1 : 1 + CELL);
        expect(book.isEmpty(now)).toBe(true);
        expect(book.free(now)).toBe(quota);
        expect(book.earliestFreeAfter(now)).toBe(0);
      }),
    );
  });

  test('any doubles for instants, also large ones, stay within a nanosecond of the rule', () => {
    const double = fc.double({ min: 0, max: 1.1, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.constantFrom(0, 0.1, 123_456.789, 1e9 + 0.3),
        fc.array(fc.tuple(double, fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 60 }),
        (quota, startAt, steps) => {
          const nanosecond = 1e-6;
          const windowMs = 60_000;
          const book = new Book({ quota, windowMs });
          const log: number[] = [];
          let now = startAt;
          for (const [part, attempts] of steps) {
            now += part * windowMs;
            attempt(book, log, now, attempts);
            const after = book.freeAfter(now);
            expect(after).toBeGreaterThanOrEqual(earliestByLog(log, quota, windowMs, now, 1) - nanosecond);
            expect(book.free(now + after + nanosecond)).toBeGreaterThan(0);
            now += after + nanosecond;
          }
          expect(tightestStretch(log, quota)).toBeGreaterThanOrEqual(windowMs - nanosecond);
        },
      ),
    );
  });
});

test.each([1, 2, 64, 255, 256])('a quota of %i is exact to the instant', (quota) => {
  const book = new Book({ quota, windowMs: 60_000 });
  for (let i = 0; i < quota; i++) book.spend(100 + i);
  expect(book.freeAfter(400)).toBe(60_000 - 300);
  expect(book.freeAfter(400, quota)).toBe(60_000 - 300 + quota - 1);
});

describe('a clock that goes back', () => {
  test('frees nothing early: the earlier, later instant stands', () => {
    const book = new Book({ quota: 2, windowMs: 1000 });
    book.spend(5000);
    book.spend(4000);
    expect(book.free(4500)).toBe(0);
    expect(book.freeAfter(4500)).toBe(1000);
    expect(book.free(5999)).toBe(0);
    expect(book.free(6000)).toBe(2);
  });

  test('never lets more than the quota through, read as instants that only rise', () => {
    const quota = 5;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3000, max: 3000 }), { maxLength: 80 }), (moves) => {
        const book = new Book({ quota, windowMs: 1000 });
        const log: number[] = [];
        let now = 10_000;
        let latest = Number.NEGATIVE_INFINITY;
        for (const move of moves) {
          now += move;
          latest = Math.max(latest, now);
          if (book.free(now) < 1) continue;
          book.spend(now);
          log.push(latest);
        }
        expect(tightestStretch(log, quota)).toBeGreaterThanOrEqual(1000);
      }),
    );
  });
});
