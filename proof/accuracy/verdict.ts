import { worstWindow, type Violation } from '../../test/support/windows.ts';
import type { Limit } from '../../src/core/limit.ts';
import { promisesOf, type Promised } from './accounts.ts';
import type { Marks } from './happenings.ts';
import type { Offer, Sent } from './load.ts';
import { takenBy, type Records, type Taken } from './records.ts';
import type { Moment, Period, Trial } from './trial.ts';

/** How one limit fared in one run. */
export interface Verdict {
  readonly promised: Promised;
  readonly offer: Offer;
  readonly taken: Taken;
  readonly worst: Violation;
  readonly used: readonly Used[];
  /** What must not be; empty where all is well. */
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly what: string;
  /** Other load on the machine may be why, as it never is for a window over its limit. */
  readonly mayBeTheMachine: boolean;
}

export function broken(what: string): Failure {
  return { what, mayBeTheMachine: false };
}

export function slow(what: string): Failure {
  return { what, mayBeTheMachine: true };
}

/** How much of a limit was used in the whole windows of a period. */
export interface Used {
  readonly period: Period;
  /** Of the limit. */
  readonly share: number;
  /** Of what a perfect limiter would have accepted of the same arrivals: all of the limit, if they were enough. */
  readonly ofPossible: number;
  /** Requests that arrived, in multiples of the limit. */
  readonly arrived: number;
}

/** What was seen in a run. */
export interface Seen {
  readonly sent: readonly Sent[];
  readonly records: Records;
  readonly upstream: ReadonlyMap<string, number>;
  readonly marks: Marks;
}

/** Shares are judged of limits of this many units and more. */
const JUDGED_FROM = 100;
/** How many times a limit must be offered before its use is judged, and how many times at least it must arrive. */
const OFFERED_TIMES = 1.9;
const ARRIVED_TIMES = 1.5;

export function judge(trial: Trial, seen: Seen): Verdict[] {
  return trial.offers.flatMap((offer) =>
    promisesOf(offer.account).map((promised) => judgeOne(promised, offer, trial, seen)),
  );
}

function judgeOne(promised: Promised, offer: Offer, trial: Trial, seen: Seen): Verdict {
  const { limit } = promised;
  const sent = seen.sent.filter((one) =>
    promised.whose === 'owner' ? one.account === offer.account : one.keyId === promised.id,
  );
  const taken = takenBy(sent, seen.records, seen.upstream);
  const worst = worstWindow(taken.acceptances, limit.windowMs - seen.records.errorMs);
  const used = isOverloaded(promised, offer)
    ? judgedPeriods(trial, offer).flatMap((period) => usedIn(period, promised, offer, taken, seen.marks))
    : [];
  const failures = [
    ...overLimit(promised, worst, seen.marks).map(broken),
    ...unaccounted(taken).map(broken),
    ...strange(taken, trial).map(slow),
    ...used.flatMap((one) => tooLittle(one, trial)).map(slow),
  ];
  return { promised, offer, taken, worst, used, failures };
}

/** A part that nobody asks for where it is can be used by nobody. */
function judgedPeriods({ periods }: Trial, { weights }: Offer): readonly Period[] {
  const isEven = weights.every((weight) => weight === weights[0]);
  return periods.filter(({ byParts }) => isEven || byParts !== true);
}

function isOverloaded({ whose, limit }: Promised, { account, perSecond }: Offer): boolean {
  const offered = whose === 'owner' ? perSecond : perSecond / account.keys.length;
  return limit.quota >= JUDGED_FROM && (offered * limit.windowMs) / 1000 >= OFFERED_TIMES * limit.quota;
}

function overLimit({ limit, text }: Promised, { accepted, from }: Violation, marks: Marks): string[] {
  if (accepted <= limit.quota) return [];
  const since = (from - (marks.get('start') ?? 0)) / 1000;
  return [`${accepted} for ${text} in the window from second ${since.toFixed(3)} on`];
}

/** A check of records that are not complete would be none. */
function unaccounted({ offered, logged, witnessed, missing }: Taken): string[] {
  return [
    ...(missing === 0 ? [] : [`${missing} requests reached the upstream and no log has their acceptance`]),
    ...(logged + witnessed > 0 || offered === 0 ? [] : ['nothing was accepted']),
  ];
}

/** A gate that gets no time to hear Redis answers 503. */
function strange({ statuses }: Taken, { killsGates, mayBeUnknown }: Trial): string[] {
  return [...statuses]
    .filter(([status]) => status !== 200 && status !== 429)
    .filter(([status]) => !(status === 0 && killsGates) && !(status === 503 && mayBeUnknown))
    .map(([status, count]) => `${count} answers ${status === 0 ? 'that never came' : status}`);
}

/** Where the machine kept the load from the gates, nothing is shown of their use of a limit, neither good nor bad. */
export function isJudged({ arrived }: Used): boolean {
  return arrived >= ARRIVED_TIMES;
}

function tooLittle(used: Used, trial: Trial): string[] {
  const { period, ofPossible, arrived } = used;
  if (!isJudged(used)) {
    return trial.mustBeJudged ? [`only ${arrived.toFixed(1)} times the limit arrived ${period.name}`] : [];
  }
  if (ofPossible >= period.least) return [];
  return [`used ${percent(ofPossible)} ${period.name}, at least ${percent(period.least)} is promised`];
}

/** In whole windows, since the limit allows its units in bursts; nothing where the period holds none. */
function usedIn(period: Period, { limit }: Promised, offer: Offer, taken: Taken, marks: Marks): Used[] {
  const { windowMs, quota } = limit;
  const offerEndsAt = momentOf({ mark: 'start', plusMs: offer.forMs, plusWindows: 0 }, windowMs, marks);
  const startAt = momentOf(period.from, windowMs, marks);
  const endAt = Math.min(momentOf(period.to, windowMs, marks), offerEndsAt);
  const windows = Math.floor((endAt - startAt) / windowMs);
  if (!(windows >= 1)) return [];
  const untilAt = startAt + windows * windowMs;
  const within = (at: number): boolean => at >= startAt && at < untilAt;
  const accepted = taken.acceptances.filter(({ handedOverAt }) => within(handedOverAt)).length;
  const possible = perfect(taken.arrivals, limit).filter(within).length;
  const units = windows * quota;
  return [
    {
      period,
      share: accepted / units,
      ofPossible: accepted / possible,
      arrived: taken.arrivals.filter(within).length / units,
    },
  ];
}

/** The arrivals that a limiter accepts which knows everything at once. */
function perfect(arrivals: readonly number[], { quota, windowMs }: Limit): number[] {
  const accepted: number[] = [];
  for (const at of arrivals.toSorted((a, b) => a - b)) {
    const earlier = accepted[accepted.length - quota];
    if (earlier === undefined || at - earlier >= windowMs) accepted.push(at);
  }
  return accepted;
}

/** Not a number where the mark was never set. */
function momentOf({ mark, plusMs, plusWindows }: Moment, windowMs: number, marks: Marks): number {
  return (marks.get(mark) ?? Number.NaN) + plusMs + plusWindows * windowMs;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
