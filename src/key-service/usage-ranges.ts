import type { TimeRange } from './store/ledger.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** So many whole UTC hours, the one that `now` is in as the last. */
export function lastHours(hours: number, now: number): TimeRange {
  const to = now - (now % HOUR_MS) + HOUR_MS;
  return { from: to - hours * HOUR_MS, to };
}

export const PERIODS = ['day', 'week', 'month'] as const;
export type Period = (typeof PERIODS)[number];

/** The UTC day, the week from Monday or the calendar month that `now` is in, to its end. */
export function periodOf(period: Period, now: number): TimeRange {
  const day = now - (now % DAY_MS);
  if (period === 'day') return { from: day, to: day + DAY_MS };
  const date = new Date(now);
  if (period === 'week') {
    const monday = day - ((date.getUTCDay() + 6) % 7) * DAY_MS;
    return { from: monday, to: monday + 7 * DAY_MS };
  }
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return { from: Date.UTC(year, month, 1), to: Date.UTC(year, month + 1, 1) };
}
