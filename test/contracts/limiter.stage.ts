import { limitsOf } from '../support/key-record.ts';
import { named } from '../../src/core/rate-limit-fields.ts';
import type { Limiter, Spending } from '../../src/proxy/limiter/limiter.ts';

/** A limiter with a clock that stands still until `advance`. */
export interface LimiterStage {
  readonly limiter: Limiter;
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
