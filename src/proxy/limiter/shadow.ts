import type { Slot } from '../../core/limit.ts';
import type { Limiter, Spending } from './limiter.ts';
import type { SlotClaim, Slots } from './slots/slots.ts';

/**
 * Counts a request that is let through against its shadow limits, as if they held. Nobody waits for that, and no
 * failure of it is told: `exceeded` is called once where one of them would have refused it. The slot it gives is both.
 */
export function countShadow(
  { spendings, claims }: { readonly spendings: readonly Spending[]; readonly claims: readonly SlotClaim[] },
  slot: Slot,
  { limiter, slots }: { readonly limiter: Limiter; readonly slots: Slots },
  exceeded: () => void,
): Slot {
  let isOver = false;
  let shadow: Slot | null = null;
  const count = async (): Promise<void> => {
    const occupied = claims.length === 0 ? null : await slots.occupy(claims);
    if (occupied?.allowed === true) {
      shadow = occupied.slot;
      if (isOver) shadow.release();
    } else if (occupied !== null) {
      if (occupied.unavailable !== true) exceeded();
      return;
    }
    const outcome = spendings.length === 0 ? null : await limiter.take(spendings);
    if (outcome === null || outcome.allowed) return;
    shadow?.release();
    if (outcome.unavailable !== true) exceeded();
  };
  // A defect in the limiter shows in what is not a shadow.
  count().catch(() => undefined);
  return {
    stands: () => slot.stands(),
    release() {
      isOver = true;
      shadow?.release();
      slot.release();
    },
  };
}
