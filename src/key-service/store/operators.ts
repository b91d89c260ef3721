import type { AuditDraft } from './ledger.ts';

/**
 * Who may act in the console, and their sessions. Nothing here is a numbered change: gates know nothing of operators.
 * What is secret comes here as a hash or sealed, never in clear. Each call is one transaction; a call that changes an
 * operator writes its row of the audit with it.
 */
export interface Operators {
  /** False where there is one by that email. */
  insertOperator(operator: StoredOperator, audit: OperatorAudit): Promise<boolean>;
  operatorById(id: string): Promise<StoredOperator | null>;
  /** `email` in small letters, as all of them are kept. */
  operatorByEmail(email: string): Promise<StoredOperator | null>;
  /** In the order of their emails. */
  listOperators(): Promise<readonly StoredOperator[]>;
  hasOperators(): Promise<boolean>;
  /**
   * Changes role or enabled; `last_admin`: no enabled and enrolled admin would be left. Whoever is disabled has no
   * sessions afterwards, and a new role begins with new ones.
   */
  patchOperator(id: string, patch: OperatorPatch, audit: OperatorAudit): Promise<PatchOperatorOutcome>;
  /** In place of the links the operator had; null: the link of the first operator, in place of the one before. */
  putLink(link: StoredLink, audit: OperatorAudit | null): Promise<void>;
  /** Null where there is none, or it is over at `at`. */
  link(tokenHash: string, at: number): Promise<StoredLink | null>;
  /**
   * Uses up the link: the operator has what it enrols with, and no sessions. The first link makes the operator, and is
   * `gone` where there is one by then.
   */
  useLink(tokenHash: string, enrolled: Enrolled, audit: OperatorAudit): Promise<UseLinkOutcome>;
  /** Notes that a code was used; false where it, or a later one, was used before. */
  useCode(operatorId: string, counter: number): Promise<boolean>;
  /** The authenticator's secret as it is sealed under another pepper. */
  resealCode(operatorId: string, from: string, to: SealedText): Promise<void>;

  /** In place of the session `replaced`, where there is one. Notes the sign-in, and lets a few sessions go that are over. */
  startSession(session: StoredSession, replaced: string | null, over: SessionBounds): Promise<void>;
  session(tokenHash: string): Promise<StoredSession | null>;
  touchSession(tokenHash: string, seenAt: number): Promise<void>;
  confirmSession(tokenHash: string, at: number): Promise<void>;
  endSession(tokenHash: string): Promise<void>;
  endSessionsOf(operatorId: string): Promise<void>;

  /**
   * Counts one attempt of each subject, all of one moment, and answers the counts with it. Counting starts anew where
   * the first is `windowMs` ago.
   */
  countAttempts(subjects: readonly string[], at: number, windowMs: number): Promise<readonly AttemptCount[]>;
  /** Takes back one attempt of each, which was none. */
  uncountAttempts(subjects: readonly string[]): Promise<void>;
}

export interface SealedText {
  readonly pepperId: string;
  readonly text: string;
}

export interface StoredOperator {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  /** Null until the first link is used; so is `totp`. */
  readonly password: string | null;
  readonly totp: SealedText | null;
  /** Of the last code used; -1 before the first. */
  readonly totpCounter: number;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly lastSignInAt: number | null;
}

export interface OperatorPatch {
  readonly role: string | null;
  readonly enabled: boolean | null;
}

export type PatchOperatorOutcome =
  | { readonly kind: 'patched'; readonly operator: StoredOperator }
  | { readonly kind: 'last_admin' }
  | { readonly kind: 'unknown' };

export interface StoredLink {
  readonly tokenHash: string;
  /** Null: it makes the first operator. */
  readonly operatorId: string | null;
  readonly totp: SealedText;
  readonly endsAt: number;
}

export interface Enrolled {
  readonly password: string;
  /** Of the code that was shown. */
  readonly totpCounter: number;
  /** Whom the first link makes; else null. */
  readonly first: Pick<StoredOperator, 'id' | 'email' | 'role'> | null;
}

export type UseLinkOutcome =
  { readonly kind: 'used'; readonly operator: StoredOperator } | { readonly kind: 'gone' };

export interface StoredSession {
  readonly tokenHash: string;
  readonly operatorId: string;
  readonly createdAt: number;
  readonly seenAt: number;
  /** When password or code were last given. */
  readonly confirmedAt: number;
}

/** Sessions made or last seen before these are over. */
export interface SessionBounds {
  readonly createdBefore: number;
  readonly seenBefore: number;
}

export interface AttemptCount {
  readonly subject: string;
  readonly count: number;
  readonly firstAt: number;
}

/** What was done, by whom and when. */
export interface OperatorAudit {
  readonly draft: AuditDraft;
  readonly at: number;
}
