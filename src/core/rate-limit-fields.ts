import { formatLimit, type Limit, type LimitState, type NamedLimit } from './limit.ts';

/**
 * What a limited answer says of its limits, as header fields:
 * - `RateLimit-Policy` and `RateLimit` by draft-ietf-httpapi-ratelimit-headers: a List of policies by name
 *   with quota `q` and window `w`, and the units left `r` and seconds `t` for each;
 * - `X-RateLimit-Limit`, `-Remaining` and `-Reset` (epoch seconds) for the policy with the fewest units left.
 * `t` is rounded up, so a client that waits for it is never early.
 */
export function rateLimitFields(states: readonly LimitState[], nowEpochMs: number): string[] {
  const tightest = tightestOf(states);
  if (tightest === null) return [];
  let policies = '';
  let left = '';
  for (const { limit, remaining, resetAfterMs } of states) {
    const comma = policies === '' ? '' : ', ';
    policies += `${comma}"${limit.name}";q=${limit.quota};w=${Math.ceil(limit.windowMs / 1000)}`;
    left += `${comma}"${limit.name}";r=${remaining};t=${seconds(resetAfterMs)}`;
  }
  return [
    'RateLimit-Policy',
    policies,
    'RateLimit',
    left,
    'X-RateLimit-Limit',
    String(tightest.limit.quota),
    'X-RateLimit-Remaining',
    String(tightest.remaining),
    'X-RateLimit-Reset',
    String(Math.ceil((nowEpochMs + tightest.resetAfterMs) / 1000)),
  ];
}

/** An upstream's fields of these names are replaced by ours wherever a limit holds. Lower case. */
export const RATE_LIMIT_FIELD_NAMES: ReadonlySet<string> = new Set([
  'ratelimit-policy',
  'ratelimit',
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
]);

/** Whole seconds for Retry-After (RFC 9110 section 10.2.3): rounded up, at least 1. */
export function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, seconds(retryAfterMs));
}

/** Limits with their header names: whose they are and over which window, such as `owner-minute`. */
export function named(partition: 'owner' | 'key', limits: readonly Limit[]): NamedLimit[] {
  return limits.map(({ quota, windowMs }) => ({
    quota,
    windowMs,
    name: `${partition}-${formatLimit({ quota: 1, windowMs }).slice(2)}`,
  }));
}

function tightestOf(states: readonly LimitState[]): LimitState | null {
  let tightest: LimitState | null = null;
  for (const state of states) {
    if (
      tightest === null ||
      state.remaining < tightest.remaining ||
      (state.remaining === tightest.remaining && state.resetAfterMs > tightest.resetAfterMs)
    ) {
      tightest = state;
    }
  }
  return tightest;
}

/** Differences of instants are off by less than this; a whole second must not become two by it. */
const ROUNDING_MS = 1e-4;

function seconds(ms: number): number {
  return Math.max(0, Math.ceil((ms - ROUNDING_MS) / 1000));
}
