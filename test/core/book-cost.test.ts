import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Book } from '../../src/core/book.ts';

describe('what a book costs', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  /** Bytes of heap per book after each has lived through `history`. */
  function bytesPerBook(count: number, quota: number, history: (book: Book) => void): number {
    const books: Book[] = Array.from({ length: count }, () => new Book({ quota, windowMs: 1000 }));
    collect();
    const before = process.memoryUsage().heapUsed;
    for (const book of books) history(book);
    collect();
    const bytes = (process.memoryUsage().heapUsed - before) / count;
    expect(books.every((book) => book.limit.quota === quota)).toBe(true);
    return bytes;
  }

  test('a book of one unit stays under 512 bytes after hundreds of windows', () => {
    const bytes = bytesPerBook(2000, 1, (book) => {
      for (let at = 0; at < 400_000; at += 1000) book.spend(at);
    });
    expect(bytes).toBeLessThan(512);
  });

  test('a book of a million units stays under 24 KiB', () => {
    const bytes = bytesPerBook(50, 1_000_000, (book) => {
      for (let at = 0; at < 5000; at += 0.5) book.spend(at);
    });
    expect(bytes).toBeLessThan(24 * 1024);
  });

  test('a full book answers half a million questions without slowing down', () => {
    const book = new Book({ quota: 100_000, windowMs: 60_000 });
    let accepted = 0;
    const startedAt = performance.now();
    for (let i = 0; i < 500_000; i++) {
      const now = i / 4;
      if (book.freeAfter(now) > 0) continue;
      book.spend(now);
      accepted++;
    }
    // Two full windows and the start of a third; with a scan of all units this would take minutes.
    expect(accepted).toBeGreaterThan(200_000);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
