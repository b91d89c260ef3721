import { CLOCK_RATES } from '../../core/lease.ts';
import type { Limit, LimitOutcome, LimitState } from '../../core/limit.ts';
import { nextUnitAt, partOf, phasesOf, silenceMs, unitsAt, type Phase } from '../../core/share.ts';
import { LAPSE_MS } from './members-call.ts';
import type { Members } from './members.ts';
import type { OwnShelf } from './own-shelf.ts';
import type { SharedBooks } from './shared-books.ts';

/** Where nothing tells when it will be better. */
const RETRY_MS = 1000;

/** A limit as this member's own rule has it. */
interface Place {
  readonly shelf: OwnShelf;
  readonly i: number;
  readonly phases: readonly Phase[];
}

/** What holds for a set of limits while the books are out of reach, by the configuration. */
export class OwnRule {
  readonly #shared: SharedBooks;
  readonly #shelves: readonly OwnShelf[];

  constructor(shared: SharedBooks, shelves: readonly OwnShelf[]) {
    this.#shared = shared;
    this.#shelves = shelves;
  }

  /** How many units may be spent now of books that do not know all. */
  room(now: number): number {
    const { whenDown, members } = this.#shared;
    if (whenDown === 'open') return Number.POSITIVE_INFINITY;
    return whenDown === 'closed' ? 0 : ownRoom(this.#shelves, members, now);
  }

  /** Spends a unit that no book hears of for now; null: it is to be refused. */
  take(now: number): LimitOutcome | null {
    const { whenDown, members, events } = this.#shared;
    if (whenDown === 'closed') return null;
    if (whenDown === 'share') return spendApart(this.#shelves, members, now);
    events.exception('open');
    for (const shelf of this.#shelves) shelf.spendApart(now);
    return { allowed: true, states: [] };
  }

  /** `wasSpent`: a limit was spent when the books were last seen. */
  refuse(now: number, wasSpent: boolean): LimitOutcome {
    const { whenDown, members } = this.#shared;
    return whenDown === 'closed' ? unavailable(RETRY_MS) : refuseApart(this.#shelves, members, now, wasSpent);
  }
}

/**
 * What a member may have of a limit by its own rule. `had` is asked how many units it had at a moment, for a contact
 * that it tells by its end.
 */
function phasesHere(
  { contacts, view, held, isApart }: Members,
  limit: Limit,
  had: (at: number, contact: number) => number,
): readonly Phase[] {
  const contact = contacts.of(limit, view, isApart);
  if (contact === null || contacts.last === null || held === null) return [];
  const { quota, windowMs } = limit;
  const beginsAt = contact.latest + 2 * silenceMs(windowMs) * CLOCK_RATES;
  return phasesOf(partOf(quota, held), had(beginsAt, contact.latest), {
    beginsAt,
    windowMs: windowMs * CLOCK_RATES,
    lapsesAt: contacts.last.earliest + LAPSE_MS / CLOCK_RATES,
  });
}

function placesOf(shelves: readonly OwnShelf[], members: Members, now: number): Place[] {
  return shelves.flatMap((shelf) =>
    shelf.limits.map((limit, i) => ({
      shelf,
      i,
      phases: phasesHere(members, limit, (at, contact) => shelf.had(i, contact, at, now)),
    })),
  );
}

/** How many units the member's own rule allows at `now`; 0 where it has no part. */
function ownRoom(shelves: readonly OwnShelf[], members: Members, now: number): number {
  const rooms = placesOf(shelves, members, now).map(
    ({ shelf, i, phases }) => unitsAt(phases, now) - shelf.book(i).used(now) - shelf.asked,
  );
  return Math.max(0, Math.min(...rooms));
}

/** Spends a unit by the member's own rule, which no book hears of for now; null: there is none. */
function spendApart(shelves: readonly OwnShelf[], members: Members, now: number): LimitOutcome | null {
  if (ownRoom(shelves, members, now) === 0) return null;
  for (const shelf of shelves) shelf.spendApart(now);
  return { allowed: true, states: statesOf(placesOf(shelves, members, now), now) };
}

/**
 * Whose requests have spent this member's whole part is refused by the limit, and so is who was refused when the books
 * were last seen. Who has not is told that the limits are not to be had: nobody knows what the others have spent, and
 * that the member must wait before it may use its part, or has outlived it, is no limit of the client's.
 */
function refuseApart(
  shelves: readonly OwnShelf[],
  members: Members,
  now: number,
  wasSpent: boolean,
): LimitOutcome {
  const places = placesOf(shelves, members, now);
  const retryAfterMs = Math.max(...places.map((place) => waitOf(place, now)));
  if (!Number.isFinite(retryAfterMs)) return unavailable(RETRY_MS);
  const isSpent = places.some(({ shelf, i }) => {
    const used = shelf.book(i).used(now);
    return used > 0 && used >= partOf(shelf.limits[i]?.quota ?? 0, members.held);
  });
  if (!wasSpent && !isSpent) return unavailable(Math.min(retryAfterMs, RETRY_MS));
  return { allowed: false, states: statesOf(places, now), retryAfterMs: Math.max(1, retryAfterMs) };
}

export function unavailable(retryAfterMs: number): LimitOutcome {
  return { allowed: false, unavailable: true, states: [], retryAfterMs };
}

function waitOf({ shelf, i, phases }: Place, now: number): number {
  return nextUnitAt(phases, now, (units) => shelf.book(i).belowAfter(now, units)) - now;
}

function statesOf(places: readonly Place[], now: number): LimitState[] {
  return places.flatMap((place) => {
    const limit = place.shelf.limits[place.i];
    if (limit === undefined) return [];
    const book = place.shelf.book(place.i);
    const remaining = Math.max(0, unitsAt(place.phases, now) - book.used(now));
    const waitMs = remaining > 0 ? book.earliestFreeAfter(now) : waitOf(place, now);
    return [{ limit, remaining, resetAfterMs: Number.isFinite(waitMs) ? waitMs : RETRY_MS }];
  });
}
