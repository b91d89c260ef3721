/** At most `quota` acceptances in any `windowMs` milliseconds. */
export interface Limit {
  readonly quota: number;
  readonly windowMs: number;
}

/** A limit with the name its headers carry. */
export interface NamedLimit extends Limit {
  readonly name: string;
}

/** A limit as it stands after a decision. */
export interface LimitState {
  readonly limit: NamedLimit;
  /** Units still free; never more than the truth. */
  readonly remaining: number;
  /**
   * Milliseconds until the earliest unit now spent becomes free, 0 when nothing is spent; where none remains, until
   * one may be spent again.
   */
  readonly resetAfterMs: number;
}

/**
 * `retryAfterMs` is the earliest moment that succeeds if nobody else spends; 0 exactly when allowed. `unavailable`:
 * what is spent cannot be known, so it is no refusal by a limit.
 */
export type LimitOutcome =
  | { readonly allowed: true; readonly states: readonly LimitState[] }
  | {
      readonly allowed: false;
      readonly states: readonly LimitState[];
      readonly retryAfterMs: number;
      readonly unavailable?: true;
    };

const UNITS_MS = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
const SHORT_UNITS_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LIMIT = /^([1-9]\d{0,8})\/(?:(second|minute|hour|day)|([1-9]\d{0,6})(s|m|h|d))$/;
export const LIMIT_FORM = 'N/second, N/minute, N/hour, N/day or N/15m (s, m, h, d), N from 1 to 999999999';
const MAX_WINDOW_MS = 31 * UNITS_MS.day;

/** `100/minute` or `10/15m`; windows are whole seconds up to 31 days. Null for any other text. */
export function parseLimit(text: string): Limit | null {
  const match = LIMIT.exec(text);
  if (match === null) return null;
  const windowMs =
    match[2] === undefined
      ? Number(match[3]) * (SHORT_UNITS_MS[match[4] ?? ''] ?? 0)
      : UNITS_MS[match[2] as keyof typeof UNITS_MS];
  return windowMs > MAX_WINDOW_MS ? null : { quota: Number(match[1]), windowMs };
}

/** The text `parseLimit` reads back: the largest unit that divides the window. */
export function formatLimit(limit: Limit): string {
  for (const [unit, ms] of Object.entries(UNITS_MS)) {
    if (limit.windowMs === ms) return `${limit.quota}/${unit}`;
  }
  for (const [unit, ms] of Object.entries(SHORT_UNITS_MS).toReversed()) {
    if (limit.windowMs % ms === 0) return `${limit.quota}/${limit.windowMs / ms}${unit}`;
  }
  throw new RangeError(`a window of ${limit.windowMs} ms is not a whole number of seconds`);
}

export function sameLimits(a: readonly Limit[], b: readonly Limit[]): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every((limit, i) => limit.quota === b[i]?.quota && limit.windowMs === b[i]?.windowMs))
  );
}
