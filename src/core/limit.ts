/** At most `quota` acceptances in any `windowMs` milliseconds. */
export interface Limit {
  readonly quota: number;
  readonly windowMs: number;
}

/** At most so many requests and streams under way at the same time. */
export interface ConcurrencyLimit {
  readonly concurrent: number;
}

/** A limit as it is stated of a tier, an owner or a key. A shadow is counted as if it held, and refuses nobody. */
export type StatedLimit = (Limit | ConcurrencyLimit) & { readonly shadow?: true };

/** Those of them that are counted over a window, shadows as well. */
export function ratesOf(stated: readonly StatedLimit[]): (Limit & { readonly shadow?: true })[] {
  return stated.flatMap((limit) => ('windowMs' in limit ? [limit] : []));
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

/** What a request occupies while it is under way, of all the concurrency limits that hold for it. */
export interface Slot {
  /** False once others may have taken it: what is under way has to end. */
  stands(): boolean;
  /** The request or stream is over. Called more than once it does nothing more. */
  release(): void;
}

export const NO_SLOT: Slot = { stands: () => true, release: () => undefined };

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

const CONCURRENCY = /^([1-9]\d{0,8}) concurrent$/;
const SHADOW = 'shadow ';
export const STATED_LIMIT_FORM = `${LIMIT_FORM}, or N concurrent; each may have shadow before it`;
/** For JSON schemas. */
export const LIMIT_PATTERN = '[1-9][0-9]*/(second|minute|hour|day|[1-9][0-9]*[smhd])';
export const STATED_LIMIT_PATTERN = `^(shadow )?(${LIMIT_PATTERN}|[1-9][0-9]* concurrent)$`;

/** `100/minute`, `20 concurrent`, `shadow 50/minute`. Null for any other text. */
export function parseStatedLimit(text: string): StatedLimit | null {
  const isShadow = text.startsWith(SHADOW);
  const held = isShadow ? text.slice(SHADOW.length) : text;
  const concurrent = CONCURRENCY.exec(held)?.[1];
  const limit = concurrent === undefined ? parseLimit(held) : { concurrent: Number(concurrent) };
  return isShadow && limit !== null ? { ...limit, shadow: true } : limit;
}

/** The text `parseStatedLimit` reads back. */
export function formatStatedLimit(limit: StatedLimit): string {
  const held = 'concurrent' in limit ? `${limit.concurrent} concurrent` : formatLimit(limit);
  return limit.shadow === true ? SHADOW + held : held;
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
