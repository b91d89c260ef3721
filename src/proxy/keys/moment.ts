import type { Clock } from '../../core/clock.ts';

/** A point in time by both clocks of the process, so that what happened then can be given an age. */
export type Moment = { readonly [time in keyof Clock]: number };

export function momentOf(clock: Clock): Moment {
  return { now: clock.now(), monotonic: clock.monotonic() };
}

/** By the clock that says more: neither a suspended machine nor a wall clock set back makes anything younger. */
export function ageOf(moment: Moment, clock: Clock): number {
  return Math.max(clock.now() - moment.now, clock.monotonic() - moment.monotonic);
}

/** The moment that much earlier. */
export function before(moment: Moment, ms: number): Moment {
  return { now: moment.now - ms, monotonic: moment.monotonic - ms };
}
