import type { Clock } from '../core/clock.ts';

/** How long a request has waited for others, at the steps that may ask them; 0 where all was at hand. */
export interface Waits {
  keyMs: number;
  limitsMs: number;
}

/** Begins to wait. Each call of the answer notes the time since then, or since the call before. */
export function waitFor(step: keyof Waits, waits: Waits, clock: Clock): () => void {
  let since = clock.monotonic();
  return () => {
    const now = clock.monotonic();
    waits[step] += now - since;
    since = now;
  };
}
