import type { Slot } from '../../../core/limit.ts';

/** What a request needs of one partition while it is under way: a slot, of which there are so many. */
export interface SlotClaim {
  readonly partition: string;
  readonly owner: string;
  readonly slots: number;
}

export type SlotOutcome =
  | { readonly allowed: true; readonly slot: Slot }
  /** `unavailable`: how many are occupied cannot be known. */
  | { readonly allowed: false; readonly retryAfterMs: number; readonly unavailable?: true };

/**
 * Concurrency limits: a slot of every partition, or none of any. Never are more occupied than the smallest number that
 * is claimed for a partition.
 */
export interface Slots {
  occupy(claims: readonly SlotClaim[]): SlotOutcome | Promise<SlotOutcome>;
}

/** Nobody knows when a request ends. */
export const SLOT_RETRY_MS = 1000;
export const UNAVAILABLE = { allowed: false, unavailable: true, retryAfterMs: SLOT_RETRY_MS } as const;

export function slotOf(stands: () => boolean, release: () => void): Slot {
  let isReleased = false;
  return {
    stands,
    release() {
      if (isReleased) return;
      isReleased = true;
      release();
    },
  };
}
