import type { NamedLimit } from '../../src/core/limit.ts';
import type { Spending } from '../../src/proxy/limiter/limiter.ts';

/** Limits of up to this many units are kept exactly; larger ones may hold a unit for 1/64 of the window longer. */
const EXACT_UP_TO = 64;
const LATE_PART = 64;

/** Least and most that a limiter may say. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** One limit of one partition: every unit ever spent, with the first and the last moment it may come free. */
interface Page {
  limit: NamedLimit;
  exact: boolean;
  /** By the promise alone: spent at t, free at t + window. */
  early: number[];
  /** As late as a limiter may be. */
  late: number[];
}

function live(ends: readonly number[], now: number): number[] {
  return ends.filter((end) => end > now);
}

function waitFor(ends: readonly number[], quota: number, now: number): number {
  const held = live(ends, now);
  return held.length < quota ? 0 : (held[held.length - quota] ?? Number.NaN) - now;
}

/**
 * What limiters are held against: plain lists of all acceptances, with nothing clever about them. A changed number
 * counts what the window has spent; a new window starts with what the old ones knew, booked as now.
 */
export class AcceptanceLog {
  readonly #pages = new Map<string, Page[]>();

  /** The pages of a request, turned to the limits it names. */
  open(spendings: readonly Spending[], now: number): readonly OpenPage[] {
    return spendings.flatMap(({ partition, limits }) => {
      const pages = turned(this.#pages.get(partition) ?? null, limits, now);
      this.#pages.set(partition, pages);
      return pages.map((page) => new OpenPage(page, now));
    });
  }
}

function turned(old: readonly Page[] | null, limits: readonly NamedLimit[], now: number): Page[] {
  const held = (of: 'early' | 'late'): number =>
    Math.max(0, ...(old ?? []).map((page) => live(page[of], now).length));
  const early = held('early');
  const late = held('late');
  return limits.map((limit) => {
    const kept = old?.find((page) => page.limit.windowMs === limit.windowMs);
    const exact = limit.quota <= EXACT_UP_TO && kept?.exact !== false;
    if (kept !== undefined) return { ...kept, limit, exact };
    const page: Page = { limit, exact, early: [], late: [] };
    for (let i = 0; i < early; i++) page.early.push(now + limit.windowMs);
    for (let i = 0; i < late; i++) page.late.push(now + limit.windowMs + lateness(page));
    return page;
  });
}

function lateness({ limit, exact }: Page): number {
  return exact ? 0 : limit.windowMs / LATE_PART;
}

/** A page at one instant. */
export class OpenPage {
  readonly #page: Page;
  readonly #now: number;

  constructor(page: Page, now: number) {
    this.#page = page;
    this.#now = now;
  }

  get limit(): NamedLimit {
    return this.#page.limit;
  }

  get free(): Range {
    const { limit, early, late } = this.#page;
    return {
      least: Math.max(0, limit.quota - live(late, this.#now).length),
      most: Math.max(0, limit.quota - live(early, this.#now).length),
    };
  }

  /** Milliseconds until one unit may be spent. */
  get wait(): Range {
    const { limit, early, late } = this.#page;
    return { least: waitFor(early, limit.quota, this.#now), most: waitFor(late, limit.quota, this.#now) };
  }

  /** Milliseconds until the first spent unit is free again. */
  get firstFree(): Range {
    const [early] = live(this.#page.early, this.#now);
    const last = live(this.#page.late, this.#now).at(-1);
    if (early === undefined) return { least: 0, most: last === undefined ? 0 : last - this.#now };
    return { least: 0, most: early + lateness(this.#page) - this.#now };
  }

  accept(): void {
    const end = this.#now + this.#page.limit.windowMs;
    this.#page.early.push(end);
    this.#page.late.push(end + lateness(this.#page));
  }
}
