import { limitOf, openAccount } from './accounts.ts';
import type { Offer } from './load.ts';

/** How requests spread over four gates. */
export const EVEN = [1, 1, 1, 1];
export const UNEVEN = [8, 1, 1, 1];
export const ONE_GATE = [1, 0, 0, 0];

/** The limits of the tiers in all three documented APIs, and two that no number divides evenly. */
export const SHORT_TIERS = ['10/second', '100/second', '7/second', '50/10s'];
export const LONG_TIERS = ['100/minute', '500/minute'];

export interface Loading {
  readonly limit: string;
  readonly weights: readonly number[];
  /** How many times the limit is offered. */
  readonly times: number;
  readonly forMs: number;
}

/** Load on an owner with two keys, which share the limit. */
export function offered({ limit, weights, times, forMs }: Loading): Offer {
  const { quota, windowMs } = limitOf(limit);
  return {
    account: openAccount(nameOf(limit, weights), [limit], [[], []]),
    perSecond: Math.max((times * quota * 1000) / windowMs, leastPerSecond(quota, windowMs, forMs)),
    weights,
    forMs,
  };
}

/** A run that is shorter than the window must still meet the limit. */
function leastPerSecond(quota: number, windowMs: number, forMs: number): number {
  return forMs > 2 * windowMs ? 0 : (1.5 * quota * 1000) / forMs;
}

/** An owner one of whose keys has a limit of its own; both limits hold at once. */
export function offeredWithKeyLimit(forMs: number): Offer {
  const account = openAccount('owner-and-key', ['100/second'], [['30/second'], []]);
  return { account, perSecond: 200, weights: EVEN, forMs };
}

function nameOf(limit: string, weights: readonly number[]): string {
  const spread = weights === UNEVEN ? 'uneven' : weights === ONE_GATE ? 'one-gate' : 'even';
  return `${spread}-${limit.replace('/', '-per-')}`;
}

export function spreadOf({ weights }: Offer): string {
  return weights === UNEVEN ? '8:1:1:1' : weights === ONE_GATE ? 'one gate' : 'even';
}
