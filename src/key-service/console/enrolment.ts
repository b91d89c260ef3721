import type { Clock } from '../../core/clock.ts';
import { instantText } from '../../core/instant.ts';
import type { FieldError } from '../field-values.ts';
import { FieldValues } from '../field-values.ts';
import type { Actor } from '../store/ledger.ts';
import type { Operators, StoredLink, StoredOperator } from '../store/operators.ts';
import type { Attempts } from './attempts.ts';
import type { CodeSecrets } from './code-secrets.ts';
import { base32, enrolmentUri } from './one-time-codes.ts';
import { PASSWORD_LENGTH, type Passwords } from './passwords.ts';
import { newOperatorId, readOperator } from './roster.ts';
import { hashOf } from './tokens.ts';
import { TooManyWait } from './turns.ts';
import type { Enrolment } from './wire.ts';

export interface EnrolmentParts {
  readonly store: Operators;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly codes: CodeSecrets;
  readonly attempts: Attempts;
}

export interface EnrolDraft {
  readonly token: string;
  readonly email?: string | undefined;
  readonly password: string;
  readonly code: string;
}

export type EnrolOutcome =
  | { readonly kind: 'enrolled'; readonly operator: StoredOperator }
  | { readonly kind: 'gone' }
  /** The code is not of the secret that was shown. */
  | { readonly kind: 'not_admitted'; readonly operator: StoredOperator | null }
  | { readonly kind: 'throttled'; readonly retryAfterMs: number }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

/** What a link leads to: whoever has it chooses a password and shows that an authenticator has the secret. */
export class Enrolments {
  readonly #parts: EnrolmentParts;

  constructor(parts: EnrolmentParts) {
    this.#parts = parts;
  }

  /** Null: the link has been used, or has run out, or never was. */
  async look(token: string): Promise<Enrolment | null> {
    const { store, clock, codes } = this.#parts;
    const link = await store.link(hashOf(token), clock.now());
    if (link === null) return null;
    const operator = await this.#operatorOf(link);
    if (operator === undefined) return null;
    const secret = codes.open(link.totp);
    const email = operator?.email ?? null;
    return {
      email,
      role: (operator?.role ?? 'admin') as Enrolment['role'],
      is_recovery: operator?.password !== undefined && operator.password !== null,
      secret: base32(secret),
      otpauth_uri: enrolmentUri(secret, email),
      password_min_length: PASSWORD_LENGTH.least,
      ends_at: instantText(link.endsAt),
    };
  }

  async enrol(draft: EnrolDraft, by: Actor, address: string): Promise<EnrolOutcome> {
    const { store, clock, attempts } = this.#parts;
    const tokenHash = hashOf(draft.token);
    const counted = await attempts.count(`link ${tokenHash}`, address);
    if (counted.kind === 'throttled') return counted;
    const link = await store.link(tokenHash, clock.now());
    const operator = link === null ? undefined : await this.#operatorOf(link);
    if (link === null || operator === undefined) return { kind: 'gone' };
    const errors = mistakesOf(draft, operator);
    if (errors.length > 0) return { kind: 'invalid', errors };
    const outcome = await this.#use(link, operator, draft, by);
    if (outcome.kind === 'enrolled') await attempts.succeeded(counted.subjects);
    return outcome;
  }

  async #use(
    link: StoredLink,
    operator: StoredOperator | null,
    { email = '', password, code }: EnrolDraft,
    by: Actor,
  ): Promise<EnrolOutcome> {
    const { store, clock, passwords, codes } = this.#parts;
    const now = clock.now();
    const totpCounter = codes.counterOf(link.totp, code, now);
    if (totpCounter === null) return { kind: 'not_admitted', operator };
    try {
      const first =
        operator === null ? { id: newOperatorId(), email: email.toLowerCase(), role: 'admin' } : null;
      const enrolled = { password: await passwords.keep(password), totpCounter, first };
      const audit = { draft: { ...by, action: 'operator.enrol' as const }, at: now };
      const outcome = await store.useLink(link.tokenHash, enrolled, audit);
      return outcome.kind === 'used' ? { kind: 'enrolled', operator: outcome.operator } : outcome;
    } catch (error) {
      if (error instanceof TooManyWait) return { kind: 'throttled', retryAfterMs: 2000 };
      throw error;
    }
  }

  /** Null: the link makes the first one; undefined: it leads to nobody any more. */
  async #operatorOf({ operatorId }: StoredLink): Promise<StoredOperator | null | undefined> {
    const { store } = this.#parts;
    if (operatorId === null) return (await store.hasOperators()) ? undefined : null;
    const operator = await store.operatorById(operatorId);
    return operator?.enabled === true ? operator : undefined;
  }
}

function mistakesOf({ email, password }: EnrolDraft, operator: StoredOperator | null): readonly FieldError[] {
  const values = new FieldValues();
  const { least, most } = PASSWORD_LENGTH;
  const length = Array.from(password).length;
  if (length < least || length > most) values.refuse('password', `must have ${least} to ${most} characters`);
  if (operator === null) {
    const read = readOperator({ email: email ?? '', role: 'admin' });
    if (read.kind === 'invalid') values.errors.push(...read.errors);
  } else if (email !== undefined && email.toLowerCase() !== operator.email) {
    values.refuse('email', 'is that of the link, and cannot be another');
  }
  return values.errors;
}
