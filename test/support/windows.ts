/** A request that was accepted: when it arrived at the gate, and when the gate handed it over. One clock. */
export interface Accepted {
  readonly arrivedAt: number;
  readonly handedOverAt: number;
}

export interface Violation {
  readonly from: number;
  readonly to: number;
  readonly accepted: number;
}

/**
 * The most that were accepted within any `windowMs`, by requests that all arrived after some `from` and were all
 * handed over before some `to` less than a window later. Whatever the moment of acceptance between the two, those
 * were all accepted within one window. Every window is looked at, not only aligned ones.
 */
export function worstWindow(accepted: readonly Accepted[], windowMs: number): Violation {
  const byArrival = accepted.toSorted((a, b) => a.arrivedAt - b.arrivedAt);
  let worst: Violation = { from: 0, to: 0, accepted: 0 };
  for (const [i, first] of byArrival.entries()) {
    let count = 0;
    for (let k = i; k < byArrival.length; k++) {
      const one = byArrival[k];
      if (one === undefined || one.arrivedAt - first.arrivedAt >= windowMs) break;
      if (one.handedOverAt - first.arrivedAt < windowMs) count++;
    }
    if (count > worst.accepted) {
      worst = { from: first.arrivedAt, to: first.arrivedAt + windowMs, accepted: count };
    }
  }
  return worst;
}

/** Null where no window holds more than the quota. */
export function violationOf(
  accepted: readonly Accepted[],
  { quota, windowMs }: { readonly quota: number; readonly windowMs: number },
): Violation | null {
  const worst = worstWindow(accepted, windowMs);
  return worst.accepted > quota ? worst : null;
}
