/**
 * What a member may spend of a limit when it cannot ask the others: its part. `count` members have one each; the
 * ranks go from 0.
 */
export interface Held {
  readonly count: number;
  readonly rank: number;
}

/** Whole units; the remainder goes to the lowest ranks. The parts of all ranks are the quota. */
export function partOf(quota: number, held: Held | null): number {
  if (held === null) return 0;
  return Math.floor(quota / held.count) + (held.rank < quota % held.count ? 1 : 0);
}

/** How long a member may be without contact before the others keep its part of such a limit. */
export function silenceMs(windowMs: number): number {
  return Math.min(2000, Math.max(200, windowMs / 16));
}

/** A span of time in which the same number of units may be in the window. Ascending, without gaps, to the end. */
export interface Phase {
  readonly from: number;
  readonly units: number;
}

/**
 * How many of its own units a member may have in a window that began to count when it lost the others: nothing new
 * until they keep its part, then for one window no more than it had then, and then its part; nothing from `lapsesAt` on.
 */
export function phasesOf(
  part: number,
  had: number,
  times: { readonly beginsAt: number; readonly windowMs: number; readonly lapsesAt: number },
): Phase[] {
  const { beginsAt, windowMs, lapsesAt } = times;
  return [
    { from: Number.NEGATIVE_INFINITY, units: 0 },
    { from: beginsAt, units: Math.min(part, had) },
    { from: beginsAt + windowMs, units: part },
    { from: lapsesAt, units: 0 },
  ].filter(({ from }, i) => i === 3 || from < lapsesAt);
}

/** What holds at `now`. */
export function unitsAt(phases: readonly Phase[], now: number): number {
  return phases.findLast(({ from }) => from <= now)?.units ?? 0;
}

/**
 * The earliest moment, `now` or later, at which one more unit may be spent; Infinity if none. `belowAfter` is how long
 * it takes until fewer than so many are in the window.
 */
export function nextUnitAt(
  phases: readonly Phase[],
  now: number,
  belowAfter: (units: number) => number,
): number {
  for (const [i, { from, units }] of phases.entries()) {
    const until = phases[i + 1]?.from ?? Number.POSITIVE_INFINITY;
    if (until <= now) continue;
    const at = Math.max(now, from, now + belowAfter(units));
    if (at < until) return at;
  }
  return Number.POSITIVE_INFINITY;
}
