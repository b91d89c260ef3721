import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Book } from '../../src/core/book.ts';
import { CELL, earliestByLog, exactMs } from './book-log.ts';

describe('a changed limit', () => {
  test('keeps what the window has spent, up and down', () => {
    const book = new Book({ quota: 10, windowMs: 60_000 });
    book.spend(0, 8);
    book.resize({ quota: 100, windowMs: 60_000 });
    expect(book.free(0)).toBe(92);
    book.resize({ quota: 5, windowMs: 60_000 });
    expect(book.free(0)).toBe(0);
    expect(book.used(0)).toBe(8);
    expect(book.freeAfter(0)).toBe(60_000);
    expect(book.limit.quota).toBe(5);
  });

  test('waits for as many units as lie above the lowered quota', () => {
    const book = new Book({ quota: 10, windowMs: 60_000 });
    for (let at = 0; at < 10_000; at += 1000) book.spend(at);
    book.resize({ quota: 3, windowMs: 60_000 });
    expect(book.freeAfter(10_000)).toBe(67_000 - 10_000);
    expect(book.freeAfter(10_000, 4)).toBe(Number.POSITIVE_INFINITY);
  });

  test('made smaller and exact names moments that hold for several units at once', () => {
    const book = new Book({ quota: 300, windowMs: 60_000 });
    book.spend(1, 10);
    book.resize({ quota: 12, windowMs: 60_000 });
    book.spend(100, 2);
    expect(book.free(100 + book.freeAfter(100, 12))).toBe(12);
  });

  test('refuses another window, which would need another book', () => {
    expect(() => new Book({ quota: 1, windowMs: 1000 }).resize({ quota: 1, windowMs: 2000 })).toThrow(
      RangeError,
    );
  });

  test('never accepts while the window holds the quota of that moment, and is late by at most a cell', () => {
    const windowMs = 60_000;
    const step = fc.record({
      waitMs: fc.double({ min: 0, max: 0.4, noNaN: true }).map((part) => exactMs(part * windowMs)),
      attempts: fc.integer({ min: 0, max: 200 }),
      quota: fc.option(fc.integer({ min: 1, max: 400 }), { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let quota = 300;
        const book = new Book({ quota, windowMs });
        const log: number[] = [];
        let now = 0;
        for (const { waitMs, attempts, quota: changed } of steps) {
          now += waitMs;
          if (changed !== null) book.resize({ quota: (quota = changed), windowMs });
          for (let i = 0; i < attempts && book.free(now) > 0; i++) {
            expect(log.filter((at) => at + windowMs > now).length).toBeLessThan(quota);
            book.spend(now);
            log.push(now);
          }
          const due = earliestByLog(log, quota, windowMs, now, 1);
          expect(book.freeAfter(now)).toBeGreaterThanOrEqual(due);
          expect(book.freeAfter(now)).toBeLessThanOrEqual(due + windowMs * CELL);
        }
      }),
    );
  });
});
