import { setTimeout as pause } from 'node:timers/promises';
import type { Change } from '../core/wire.ts';
import type { RunningLimiter } from './limiter/limiter.ts';

/** How long an acknowledgement waits for leases to be given back; they end by themselves in a second at most. */
const SETTLE_MS = 200;

/** What waits, not for long, until leases are given back whose limits have changed. */
export function settling(limiter: Pick<RunningLimiter, 'release'>) {
  return (changes: readonly Change[]): Promise<void> =>
    Promise.race([limiter.release(...touchedBy(changes)), pause(SETTLE_MS, undefined, { ref: false })]);
}

/** Whose limits may be others now: owners, and keys by themselves. */
function touchedBy(changes: readonly Change[]): [owners: Set<string>, keys: Set<string>] {
  const owners = changes.map(({ ownerId }) => ownerId).filter((id) => id !== null);
  const keys = changes.map(({ keyId }) => keyId).filter((id) => id !== null);
  return [new Set(owners), new Set(keys)];
}
