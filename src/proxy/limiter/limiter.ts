import type { LimitOutcome, NamedLimit } from '../../core/limit.ts';

/** Whose units a request spends. All limits of one partition, and of all partitions of a request, hold together. */
export interface Spending {
  /** `owner:ID` or `key:ID`. */
  readonly partition: string;
  readonly limits: readonly NamedLimit[];
}

/**
 * One unit of every limit, or none of any. A limiter MUST NOT let more than a limit's quota of acceptances into any
 * window, and a refusal MUST cost nothing.
 */
export interface Limiter {
  readonly algorithm: 'memory';
  take(spendings: readonly Spending[]): LimitOutcome | Promise<LimitOutcome>;
}
