import type { Book } from '../../src/core/book.ts';

/** Part of the window by which a large limit may be late. */
export const CELL = 1 / 256;

export const exactMs = (ms: number): number => Math.round(ms * 1024) / 1024;

/** Milliseconds until `units` are free by the log alone. */
export function earliestByLog(
  log: readonly number[],
  quota: number,
  windowMs: number,
  now: number,
  units: number,
): number {
  const live = log.filter((at) => at + windowMs > now);
  const missing = units - (quota - live.length);
  return missing <= 0 ? 0 : (live[missing - 1] ?? Number.NaN) + windowMs - now;
}

/** The shortest stretch that held more than `quota` acceptances; every half-open window is covered by it. */
export function tightestStretch(log: readonly number[], quota: number): number {
  let tightest = Number.POSITIVE_INFINITY;
  for (let i = 0; i + quota < log.length; i++) {
    tightest = Math.min(tightest, (log[i + quota] ?? 0) - (log[i] ?? 0));
  }
  return tightest;
}

export function attempt(book: Book, log: number[], now: number, attempts: number): void {
  for (let i = 0; i < attempts; i++) {
    if (book.free(now) < 1) continue;
    book.spend(now);
    log.push(now);
  }
}
