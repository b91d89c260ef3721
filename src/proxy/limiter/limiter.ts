import type { Slots } from './slots/slots.ts';
import type { LimitOutcome, NamedLimit } from '../../core/limit.ts';

/** Whose units a request spends. All limits of one partition, and of all partitions of a request, hold together. */
export interface Spending {
  /** `owner:ID` or `key:ID`. */
  readonly partition: string;
  /** Whose request it is: all partitions of an owner are kept together. */
  readonly owner: string;
  readonly limits: readonly NamedLimit[];
}

/**
 * One unit of every limit, or none of any. A limiter MUST NOT let more than a limit's quota of acceptances into any
 * window, and a refusal MUST cost nothing. An outcome that comes later is one of the tick in which it comes.
 */
export interface Limiter {
  readonly algorithm: 'memory' | 'exact' | 'leased';
  take(spendings: readonly Spending[]): LimitOutcome | Promise<LimitOutcome>;
}

/** A limiter as whoever started it sees it. */
export interface RunningLimiter extends Limiter {
  readonly slots: Slots;
  /** Forgets what is as good as new. Called from time to time. */
  sweep(): void;
  /** Gives back what is leased for these owners and keys, so that changed limits hold from here on. */
  release(owners: ReadonlySet<string>, keys: ReadonlySet<string>): Promise<void>;
  /** Gives back all that is leased. Whatever is asked afterwards is unavailable. */
  stop(): Promise<void>;
}
