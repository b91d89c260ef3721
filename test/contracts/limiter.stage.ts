import { limitsOf } from '../support/key-record.ts';
import { named } from '../../src/core/rate-limit-fields.ts';
import type { Limiter, Spending } from '../../src/proxy/limiter/limiter.ts';

/** A limiter with a clock that stands still until `advance`. */
export interface LimiterStage {
  readonly limiter: Limiter;
  /** Requests in the longest tests; 10,000 where nothing is said. */
  readonly requests?: number;
  /** By which part of the window a remembered wait may be told too long; 0 where nothing is said. */
  readonly toldLate?: number;
  /** Whether units may be held for a moment where they are not asked for: less may be told than remains. */
  readonly holdsBack?: boolean;
  now(): number;
  advance(ms: number): void | Promise<void>;
  close?(): Promise<void>;
}

export type MakeLimiter = () => LimiterStage | Promise<LimiterStage>;

/** `owner:a 3/second 100/minute` as a spending. */
export function spending(text: string): Spending {
  const [partition = '', ...limits] = text.split(' ');
  const whose = partition.startsWith('key') ? 'key' : 'owner';
  return { partition, owner: 'o', limits: named(whose, limitsOf(limits.join(' '))) };
}
