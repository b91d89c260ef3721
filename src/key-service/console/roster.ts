import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { instantText } from '../../core/instant.ts';
import type { Invalid } from '../drafts.ts';
import { FieldValues } from '../field-values.ts';
import type { Actor, AuditAction } from '../store/ledger.ts';
import type { OperatorAudit, Operators, StoredOperator } from '../store/operators.ts';
import type { CodeSecrets } from './code-secrets.ts';
import { hashOf, newToken } from './tokens.ts';
import { ROLES, type OperatorRow, type Role } from './wire.ts';

export interface RosterParts {
  readonly store: Operators;
  readonly clock: Clock;
  readonly codes: CodeSecrets;
  /** Where the page is, without a slash at its end: what a link begins with. */
  readonly page: () => string;
}

export interface OperatorDraft {
  readonly email: string;
  readonly role: string;
}

export interface OperatorChange {
  readonly role?: string | undefined;
  readonly enabled?: boolean | undefined;
}

/** `link` is to be shown once: who opens it becomes the operator. */
export interface MadeLink {
  readonly link: string;
  readonly endsAt: number;
}

export type CreateOperatorOutcome =
  | ({ readonly kind: 'created'; readonly operator: StoredOperator } & MadeLink)
  | { readonly kind: 'taken' }
  | Invalid;

export type LinkOutcome =
  | ({ readonly kind: 'made'; readonly operator: StoredOperator } & MadeLink)
  | { readonly kind: 'unknown' }
  | { readonly kind: 'disabled' };

export type ChangeOperatorOutcome =
  | { readonly kind: 'changed'; readonly operator: StoredOperator }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'last_admin' }
  | Invalid;

const LINK_MS = 3_600_000;
const EMAIL = /^[^\s@\p{Cc}\p{Cf}]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,180}[A-Za-z0-9])?$/u;

/** Who the operators are. Each begins, and comes back, by a link that holds for an hour and once. */
export class Roster {
  readonly #parts: RosterParts;

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  list(): Promise<readonly StoredOperator[]> {
    return this.#parts.store.listOperators();
  }

  hasOperators(): Promise<boolean> {
    return this.#parts.store.hasOperators();
  }

  /** Of the very first operator, who says by it which email is theirs; null where there is one already. */
  async firstLink(): Promise<MadeLink | null> {
    if (await this.hasOperators()) return null;
    return this.#link(null, null);
  }

  async create({ email, role }: OperatorDraft, by: Actor): Promise<CreateOperatorOutcome> {
    const read = readOperator({ email, role });
    if (read.kind === 'invalid') return read;
    const operator: StoredOperator = {
      id: newOperatorId(),
      ...read.value,
      password: null,
      totp: null,
      totpCounter: -1,
      enabled: true,
      createdAt: this.#parts.clock.now(),
      lastSignInAt: null,
    };
    if (!(await this.#parts.store.insertOperator(operator, this.#audit(by, 'operator.create')))) {
      return { kind: 'taken' };
    }
    return { kind: 'created', operator, ...(await this.#link(operator.id, by)) };
  }

  async change(id: string, { role, enabled }: OperatorChange, by: Actor): Promise<ChangeOperatorOutcome> {
    const values = new FieldValues();
    if (role === undefined && enabled === undefined) values.refuse('', 'must change role or enabled');
    if (role !== undefined) values.oneOf('role', role, ROLES);
    if (values.errors.length > 0) return { kind: 'invalid', errors: values.errors };
    const patch = { role: role ?? null, enabled: enabled ?? null };
    const outcome = await this.#parts.store.patchOperator(id, patch, this.#audit(by, 'operator.patch'));
    return outcome.kind === 'patched' ? { kind: 'changed', operator: outcome.operator } : outcome;
  }

  /** In place of the link there was. What the operator signs in with goes on until it is used. */
  async newLink(id: string, by: Actor): Promise<LinkOutcome> {
    const operator = await this.#parts.store.operatorById(id);
    if (operator === null) return { kind: 'unknown' };
    if (!operator.enabled) return { kind: 'disabled' };
    return { kind: 'made', operator, ...(await this.#link(id, by)) };
  }

  async #link(operatorId: string | null, by: Actor | null): Promise<MadeLink> {
    const { store, clock, codes, page } = this.#parts;
    const token = newToken();
    const endsAt = clock.now() + LINK_MS;
    const audit = by === null ? null : this.#audit(by, 'operator.link');
    await store.putLink({ tokenHash: hashOf(token), operatorId, totp: codes.make(), endsAt }, audit);
    // Behind a #, so that no server on the way, and no log of one, has it.
    return { link: `${page()}/enrol#${token}`, endsAt };
  }

  #audit(by: Actor, action: AuditAction): OperatorAudit {
    return { draft: { ...by, action }, at: this.#parts.clock.now() };
  }
}

export function newOperatorId(): string {
  return `op_${randomBytes(12).toString('base64url')}`;
}

export function readOperator({
  email,
  role,
}: OperatorDraft): Invalid | { readonly kind: 'valid'; readonly value: { email: string; role: Role } } {
  const values = new FieldValues();
  const read = { email: email.toLowerCase(), role: values.oneOf('role', role, ROLES) };
  if (!EMAIL.test(email)) values.refuse('email', 'must be an email address');
  return values.errors.length > 0
    ? { kind: 'invalid', errors: values.errors }
    : { kind: 'valid', value: read };
}

export function operatorToJson(operator: StoredOperator): OperatorRow {
  const { id, email, role, enabled, password, createdAt, lastSignInAt } = operator;
  return {
    id,
    email,
    role: role as Role,
    enabled,
    is_enrolled: password !== null,
    created_at: instantText(createdAt),
    last_sign_in_at: lastSignInAt === null ? null : instantText(lastSignInAt),
  };
}
