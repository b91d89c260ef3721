import { Book, rebook } from '../core/book.ts';
import type { Clock } from '../core/clock.ts';
import { sameLimits, type Limit } from '../core/limit.ts';
import { countedAddress } from './address.ts';

/** How fast an address over its allowance may still have keys looked up that this gate does not know. */
const COLD_LOOKUPS: Limit = { quota: 5, windowMs: 1000 };
/** Addresses remembered; the one longest unused is forgotten first. */
const ADDRESSES_MAX = 20_000;

interface Account {
  failures: Book;
  readonly coldLookups: Book;
}

/**
 * Failed authentications by client address. It slows guessing without locking anybody out: an address over its
 * allowance still gets every key the gate knows served, and a few cold lookups a second.
 */
export class FailedAuthentications {
  #limit: Limit | null;
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Account>();

  /** A limit of null counts nothing. */
  constructor(limit: Limit | null, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Another limit; what addresses have spent stays counted. */
  adopt(limit: Limit | null): void {
    const before = this.#limit;
    this.#limit = limit;
    if (limit === null) this.#accounts.clear();
    if (limit === null || before === null || sameLimits([before], [limit])) return;
    const now = this.#clock.monotonic();
    for (const account of this.#accounts.values()) {
      const [failures] = rebook([account.failures], [limit], now);
      if (failures !== undefined) account.failures = failures;
    }
  }

  /** Milliseconds to wait before a key unknown here may be looked up for this address; 0 when it may at once. */
  coldLookupAfter(address: string): number {
    const account = this.#accounts.get(countedAddress(address));
    if (account === undefined) return 0;
    const now = this.#clock.monotonic();
    if (account.failures.free(now) > 0) return 0;
    const wait = account.coldLookups.freeAfter(now);
    if (wait === 0) account.coldLookups.spend(now);
    return wait;
  }

  /** Counts a failure. 0 when it was within the allowance, else the milliseconds until one more would be. */
  count(address: string): number {
    if (this.#limit === null) return 0;
    const now = this.#clock.monotonic();
    const { failures } = this.#accountOf(countedAddress(address), this.#limit);
    const wait = failures.freeAfter(now);
    if (wait === 0) failures.spend(now);
    return wait;
  }

  #accountOf(address: string, limit: Limit): Account {
    const account = this.#accounts.get(address) ?? {
      failures: new Book(limit),
      coldLookups: new Book(COLD_LOOKUPS),
    };
    // Set again, so that the map's order is the order of use.
    this.#accounts.delete(address);
    this.#accounts.set(address, account);
    if (this.#accounts.size > ADDRESSES_MAX) {
      const oldest = this.#accounts.keys().next();
      if (oldest.done !== true) this.#accounts.delete(oldest.value);
    }
    return account;
  }
}
