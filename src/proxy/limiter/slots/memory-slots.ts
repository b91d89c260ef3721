import { SLOT_RETRY_MS, slotOf, type SlotClaim, type SlotOutcome, type Slots } from './slots.ts';

/** Slots of one process by itself. */
export class MemorySlots implements Slots {
  readonly #occupied = new Map<string, number>();

  occupy(claims: readonly SlotClaim[]): SlotOutcome {
    if (claims.some(({ partition, slots }) => this.#of(partition) >= slots)) {
      return { allowed: false, retryAfterMs: SLOT_RETRY_MS };
    }
    for (const { partition } of claims) this.#occupied.set(partition, this.#of(partition) + 1);
    const release = (): void => {
      for (const { partition } of claims) {
        const left = this.#of(partition) - 1;
        if (left > 0) this.#occupied.set(partition, left);
        else this.#occupied.delete(partition);
      }
    };
    return { allowed: true, slot: slotOf(() => true, release) };
  }

  /** Partitions of which something is occupied. */
  get size(): number {
    return this.#occupied.size;
  }

  #of(partition: string): number {
    return this.#occupied.get(partition) ?? 0;
  }
}
