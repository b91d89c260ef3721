import { hash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { countedAddress } from '../../core/address.ts';
import type { Operators } from '../store/operators.ts';

const WINDOW_MS = 15 * 60_000;
/**
 * Within a window: of one email from one address, from one address, and of one email. The last is so much larger
 * because strangers can use it up for somebody.
 */
const MOST = { both: 5, address: 30, email: 60 } as const;

export type Counted =
  | { readonly kind: 'free'; readonly subjects: readonly string[] }
  | { readonly kind: 'throttled'; readonly retryAfterMs: number };

/**
 * Attempts to sign in, counted before they are looked at, and in the same way whether the email is anybody's or not. The
 * store has them, so that every process counts the same ones and a restart forgets none.
 */
export class Attempts {
  readonly #store: Operators;
  readonly #clock: Clock;

  constructor(store: Operators, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async count(email: string, address: string): Promise<Counted> {
    const now = this.#clock.now();
    const limits = new Map(subjectsOf(email, address));
    const counts = await this.#store.countAttempts([...limits.keys()], now, WINDOW_MS);
    const waits = counts
      .filter(({ subject, count }) => count > (limits.get(subject) ?? 0))
      .map(({ firstAt }) => firstAt + WINDOW_MS - now);
    if (waits.length === 0) return { kind: 'free', subjects: [...limits.keys()] };
    return { kind: 'throttled', retryAfterMs: Math.max(1000, ...waits) };
  }

  /** They were none: who was meant has come in. */
  succeeded(subjects: readonly string[]): Promise<void> {
    return this.#store.uncountAttempts(subjects);
  }
}

/** What was typed as an email may be a password. */
function subjectsOf(email: string, address: string): [subject: string, most: number][] {
  const from = countedAddress(address);
  const whom = hash('sha256', `plexgate attempt ${email}`, 'base64url');
  return [
    [`address ${from}`, MOST.address],
    [`both ${whom} ${from}`, MOST.both],
    [`email ${whom}`, MOST.email],
  ];
}
