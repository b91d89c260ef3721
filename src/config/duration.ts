const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^(0|[1-9]\d{0,8})(ms|s|m|h)$/;
export const DAY_MS = 24 * UNITS_MS.h;

export const DURATION_FORM = 'a duration such as 250ms, 10s, 15m, 1h';

/** Milliseconds of `250ms`, `10s`, `15m` or `1h`; null for any other text and for more than 24 hours. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text);
  if (match === null) return null;
  const ms = Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS];
  return ms > DAY_MS ? null : ms;
}

/** The text `parseDuration` reads back, in the largest unit that divides it. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const [unit, unitMs] of Object.entries(UNITS_MS).toReversed()) {
    if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  throw new RangeError(`${ms} is not a whole number of milliseconds`);
}
