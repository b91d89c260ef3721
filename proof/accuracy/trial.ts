import type { FleetPlan } from './fleet.ts';
import type { Happening, Mark } from './happenings.ts';
import type { Offer } from './load.ts';
import type { ObedientPlan } from './obedient.ts';

/** A moment of a run, which for limits of longer windows may be later. */
export interface Moment {
  readonly mark: Mark;
  readonly plusMs: number;
  readonly plusWindows: number;
}

/** A stretch of the run in which a limit under enough load must be used up to this share. */
export interface Period {
  readonly name: string;
  readonly from: Moment;
  readonly to: Moment;
  readonly least: number;
  /** Whether each gate has its part of the limit by itself. */
  readonly byParts?: true;
}

/** Processes, load and mishaps of one run, and what must be true of it. No trial allows a window over its limit. */
export interface Trial extends Omit<FleetPlan, 'accounts'> {
  readonly name: string;
  readonly offers: readonly Offer[];
  readonly obedient: readonly ObedientPlan[];
  readonly happenings: readonly Happening[];
  readonly periods: readonly Period[];
  /** Calls to Redis for a hundred requests; null where any number is right. */
  readonly callsMost: number | null;
  /** Whether a machine too busy to bring the load to the gates fails the run. */
  readonly mustBeJudged: boolean;
  /** Whether a gate is killed: its last lines are lost, and answers under way. */
  readonly killsGates: boolean;
  /** Whether Redis is lost to a gate before all limits are reached: 503 is the truth then, and told. */
  readonly mayBeUnknown: boolean;
}
