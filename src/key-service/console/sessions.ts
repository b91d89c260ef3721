import type { Clock } from '../../core/clock.ts';
import { instantText } from '../../core/instant.ts';
import type { Operators, StoredOperator, StoredSession } from '../store/operators.ts';
import { csrfOf, hashOf, newToken } from './tokens.ts';
import type { Role, Session } from './wire.ts';

export interface SessionTimes {
  /** How long a session goes on without anything done in it, and in any case. */
  readonly idleMs: number;
  readonly longestMs: number;
}

/** A session that goes on, of an operator who may. */
export interface OpenSession {
  readonly token: string;
  readonly operator: StoredOperator;
  readonly stored: StoredSession;
}

/** How long password or code, once given, stand for sensitive actions. */
const CONFIRMED_MS = 5 * 60_000;
/** What is done within such a part of the idle time is written down once. */
const TOUCHES = 20;

/** Sessions live in the store, by the hash of their token: to end one is to delete its row. */
export class Sessions {
  readonly #store: Operators;
  readonly #clock: Clock;
  readonly #times: SessionTimes;

  constructor(store: Operators, clock: Clock, times: SessionTimes) {
    this.#store = store;
    this.#clock = clock;
    this.#times = times;
  }

  /** Always under a new token, in place of the session the browser had: whoever knew that one's knows nothing. */
  async start(operator: StoredOperator, before: string | null): Promise<OpenSession> {
    const now = this.#clock.now();
    const token = newToken();
    const stored = {
      tokenHash: hashOf(token),
      operatorId: operator.id,
      createdAt: now,
      seenAt: now,
      confirmedAt: now,
    };
    const over = { createdBefore: now - this.#times.longestMs, seenBefore: now - this.#times.idleMs };
    await this.#store.startSession(stored, before === null ? null : hashOf(before), over);
    return { token, operator, stored };
  }

  /** Null: there is no such session, it is over, or its operator may not sign in any more. */
  async find(token: string, isBackground: boolean): Promise<OpenSession | null> {
    const stored = await this.#store.session(hashOf(token));
    const now = this.#clock.now();
    if (stored === null || now >= this.#endsAt(stored) || now >= this.#idleEndsAt(stored)) return null;
    const operator = await this.#store.operatorById(stored.operatorId);
    if (operator === null || !operator.enabled) return null;
    if (isBackground || now - stored.seenAt < this.#times.idleMs / TOUCHES)
      return { token, operator, stored };
    await this.#store.touchSession(stored.tokenHash, now);
    return { token, operator, stored: { ...stored, seenAt: now } };
  }

  async confirm({ token, operator, stored }: OpenSession): Promise<OpenSession> {
    const now = this.#clock.now();
    await this.#store.confirmSession(stored.tokenHash, now);
    return { token, operator, stored: { ...stored, seenAt: now, confirmedAt: now } };
  }

  isConfirmed({ stored }: OpenSession): boolean {
    return this.#clock.now() < stored.confirmedAt + CONFIRMED_MS;
  }

  end({ stored }: OpenSession): Promise<void> {
    return this.#store.endSession(stored.tokenHash);
  }

  endAll({ operator }: OpenSession): Promise<void> {
    return this.#store.endSessionsOf(operator.id);
  }

  toJson(session: OpenSession): Session {
    const { token, operator, stored } = session;
    const until = stored.confirmedAt + CONFIRMED_MS;
    return {
      operator: { id: operator.id, email: operator.email, role: operator.role as Role },
      csrf: csrfOf(token),
      idle_ends_at: instantText(Math.min(this.#idleEndsAt(stored), this.#endsAt(stored))),
      ends_at: instantText(this.#endsAt(stored)),
      confirmed_until: this.isConfirmed(session) ? instantText(until) : null,
    };
  }

  #endsAt({ createdAt }: StoredSession): number {
    return createdAt + this.#times.longestMs;
  }

  #idleEndsAt({ seenAt }: StoredSession): number {
    return seenAt + this.#times.idleMs;
  }
}
