import { Book, rebook } from '../../core/book.ts';
import { CLOCK_RATES } from '../../core/lease.ts';
import { sameLimits, type Limit, type NamedLimit } from '../../core/limit.ts';
import { bookName, type Counted } from './redis-books.ts';
import type { Spending } from './limiter.ts';

/** How much earlier than we know a unit may have been booked. */
const BOOKED_EARLIER_MS = 100;

type Lists = readonly (readonly Counted[])[];

/** What a call tells the books, and up to where that is all. */
export interface Telling {
  /** Null: nothing that they do not know. */
  readonly lists: Lists | null;
  readonly losses: number;
  readonly number: number;
}

/**
 * What this process has spent of one partition in the last windows: at least so long as Redis would count it, however
 * the rates of the clocks differ.
 */
export class OwnShelf {
  readonly name: string;
  limits: readonly NamedLimit[];
  /** The Redis process whose books know of it; null: none was met yet. */
  run: string | null = null;
  /** How often the books were lost. What was leased from lost ones is worth nothing. */
  losses = 0;
  /** Whether its books could not be reached. */
  suspect = false;
  /** Calls under way that tell the books. */
  tellers = 0;
  /** Units asked for in calls under way. */
  asked = 0;
  /** Units spent since the process began, by whichever set of limits the partition is in. */
  spentEver = 0;
  #isLost = false;
  #books: Book[];
  /** What was spent without the books; each list once, oldest first, under ascending numbers. */
  #apart: Book[] | null = null;
  #unbooked: { readonly number: number; readonly lists: Lists }[] = [];
  #numbers = 0;
  #had: { readonly contact: number; readonly units: number[] } = { contact: -1, units: [] };
  /** Units that a change of windows booked anew although Redis may have counted them no more, and how long they count. */
  #doubtful = { units: 0, until: Number.NEGATIVE_INFINITY };

  constructor({ owner, partition, limits }: Spending) {
    this.name = bookName(owner, partition);
    this.limits = limits;
    this.#books = limits.map((limit) => new Book(stretched(limit)));
  }

  turn(limits: readonly NamedLimit[], now: number): void {
    if (this.limits === limits) return;
    if (!sameLimits(this.limits, limits)) {
      this.#putApart(now);
      // Lists are by limit. Telling all anew may count a unit twice, and forgets none.
      if (this.#unbooked.length > 0) this.#isLost = true;
      this.#unbooked = [];
      this.#doubt(limits, now);
      this.#books = rebook(this.#books, limits.map(stretched), now);
      this.#had = { contact: -1, units: [] };
    }
    this.limits = limits;
  }

  /** Counts a unit that the books know of. */
  spend(now: number): void {
    this.spentEver++;
    for (const book of this.#books) book.spend(now);
  }

  /** Counts a unit that no book knows of yet. */
  spendApart(now: number): void {
    this.spend(now);
    this.#apart ??= this.limits.map((limit) => new Book(stretched(limit)));
    for (const book of this.#apart) book.spend(now);
  }

  book(i: number): Book {
    const book = this.#books[i];
    if (book === undefined) throw new RangeError('there is a book for each limit');
    return book;
  }

  /** How many units the books surely counted as this process's at `at`: asked once for each last contact. */
  had(i: number, contact: number, at: number, now: number): number {
    if (this.#had.contact !== contact) this.#had = { contact, units: this.limits.map(() => -1) };
    const { units } = this.#had;
    if (units[i] === -1) {
      const windowMs = this.limits[i]?.windowMs ?? 0;
      const marginMs = marginOf(windowMs) + BOOKED_EARLIER_MS;
      units[i] = this.book(i).usedAfter(now, Math.max(0, at - now) + marginMs);
    }
    return units[i] ?? 0;
  }

  isEmpty(now: number): boolean {
    return this.#books.every((book) => book.isEmpty(now));
  }

  /** Whether a unit of it is surely still in the books. */
  isBooked(now: number): boolean {
    return !this.#isLost && this.limits.some((_, i) => this.#surelyBooked(i, now) > this.#apartUnits(i, now));
  }

  /** What the books must be told now. */
  toTell(now: number): Telling {
    this.#putApart(now);
    return { lists: this.#untold(now), losses: this.losses, number: this.#numbers };
  }

  /** The books know nothing of it any more. */
  lost(): void {
    this.#isLost = true;
    this.losses++;
  }

  /** The books know what they were told. */
  booked(told: Telling): void {
    this.suspect = false;
    if (told.losses === this.losses) this.#isLost = false;
    this.#unbooked = this.#unbooked.filter(({ number }) => number > told.number);
  }

  #surelyBooked(i: number, now: number): number {
    const marginMs = marginOf(this.limits[i]?.windowMs ?? 0) + 2 * BOOKED_EARLIER_MS;
    const doubtful = now < this.#doubtful.until ? this.#doubtful.units : 0;
    return this.book(i).usedAfter(now, marginMs) - doubtful;
  }

  #doubt(limits: readonly NamedLimit[], now: number): void {
    const used = Math.max(0, ...this.#books.map((book) => book.used(now)));
    const sure = Math.max(0, ...this.#books.map((_, i) => this.#surelyBooked(i, now)));
    const longestMs = Math.max(0, ...limits.map(({ windowMs }) => windowMs * CLOCK_RATES));
    this.#doubtful = { units: used - sure, until: now + longestMs };
  }

  #untold(now: number): Lists | null {
    if (this.#isLost) return this.isEmpty(now) ? null : listsOf(this.#books, now);
    const [first, ...others] = this.#unbooked.map(({ lists }) => lists);
    return first?.map((list, i) => [...list, ...others.flatMap((lists) => lists[i] ?? [])]) ?? null;
  }

  #apartUnits(i: number, now: number): number {
    const waiting = this.#unbooked.reduce((sum, { lists }) => sum + unitsOf(lists[i] ?? []), 0);
    return waiting + (this.#apart?.[i]?.used(now) ?? 0);
  }

  #putApart(now: number): void {
    if (this.#apart !== null) {
      this.#unbooked.push({ number: ++this.#numbers, lists: listsOf(this.#apart, now) });
    }
    this.#apart = null;
  }
}

/** For how long a unit may be counted here when Redis, whose clock may be slower or faster, counts it no more. */
function marginOf(windowMs: number): number {
  return windowMs * (CLOCK_RATES - 1 / CLOCK_RATES + 1 / 200);
}

function stretched({ quota, windowMs }: Limit): Limit {
  return { quota, windowMs: windowMs * CLOCK_RATES };
}

function listsOf(books: readonly Book[], now: number): Lists {
  return books.map((book) =>
    book.left(now).map(({ leftMs, units }) => ({ leftMs: leftMs / CLOCK_RATES, units })),
  );
}

function unitsOf(list: readonly Counted[]): number {
  return list.reduce((sum, { units }) => sum + units, 0);
}
