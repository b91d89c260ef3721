/*
 * What the page under /console and the key service say to each other. The page is the only caller: it is shipped with
 * the key service, so this is no public API, has no versions, and stands in no OpenAPI document.
 *
 * The rules of every call under /console/api:
 *
 * - Bodies and answers are JSON in snake_case. Instants are RFC 3339 in UTC with milliseconds; durations end in `_ms`.
 * - The session is a cookie that the page never sees (HttpOnly, SameSite=Strict). There is nothing to store.
 * - A call that is not GET carries `content-type: application/json` (a body of `{}` where none is named) and
 *   `x-csrf-token`: the `csrf` of the session, or the word `none` where nobody is signed in (sign-in and enrolment). It
 *   must come from the page's own origin; the browser says so by itself.
 * - A call that nobody asked for by hand, such as the refresh of a plot, carries `x-background: 1`. It does not keep a
 *   session from ending of idleness.
 * - A refusal is `Problem`, with one of `PROBLEM_CODES`:
 *     400 malformed         a field is missing, unknown or mistyped; `errors` names it
 *     401 signed_out        nobody is signed in, or the session has ended: show the sign-in
 *     401 not_admitted      email, password or code are wrong; it is not said which
 *     403 role              the operator's role may not do this
 *     403 confirm           do `POST /console/api/session/confirm`, then the same call again
 *     403 foreign           the call did not come from the page, or without its token: ask for the session again
 *     404 unknown           there is no such thing
 *     409 conflict          it is there, and not in a state for this; `detail` says why
 *     410 gone              the link has been used or has run out
 *     422 invalid           a value cannot be; `errors` names the field
 *     429 throttled         too many attempts; `Retry-After` and `retry_after_ms` say when to come back
 *     500, 503 failed       the key service or its store failed; try again
 * - `detail` is a sentence for people. Every text may hold anything that somebody has typed: show it as text.
 *
 * CALLS below names every call with the least role that may make it. `anyone` needs no session.
 */

export const ROLES = ['viewer', 'operator', 'admin'] as const;
/** Each may all that the one before may. A viewer reads, an operator also acts on keys, an admin also on operators. */
export type Role = (typeof ROLES)[number];

export const PROBLEM_CODES = [
  'malformed',
  'signed_out',
  'not_admitted',
  'role',
  'confirm',
  'foreign',
  'unknown',
  'conflict',
  'gone',
  'invalid',
  'throttled',
  'failed',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

export interface Problem {
  readonly status: number;
  readonly code: ProblemCode;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
  readonly retry_after_ms?: number;
}

/** `confirmed`: the operator must have given password and code within the last five minutes, else 403 `confirm`. */
export interface CallTerms {
  readonly role: Role | 'anyone';
  readonly confirmed?: true;
}

/** Every call: method and path, the least role, and the types of body and answer beside it. */
export const CALLS = {
  /** -> SessionAnswer, also where nobody is signed in */
  'GET /console/api/session': { role: 'anyone' },
  /** SignIn -> 200 SignedIn; 401 not_admitted, 429 */
  'POST /console/api/session': { role: 'anyone' },
  /** {} -> 200 SessionAnswer of nobody */
  'DELETE /console/api/session': { role: 'viewer' },
  /** {} -> 200 SessionAnswer of nobody: all sessions of this operator end, this one too */
  'DELETE /console/api/sessions': { role: 'viewer' },
  /** Confirmation -> 200 SignedIn; 401 not_admitted, 429 */
  'POST /console/api/session/confirm': { role: 'viewer' },

  /** LinkToken -> 200 Enrolment; 410. The link is /console/enrol#TOKEN, so that no server on the way sees the token. */
  'POST /console/api/enrolment/look': { role: 'anyone' },
  /** Enrol -> 200 SignedIn, and the link is used; 401 not_admitted where the code is wrong, 410, 422, 429 */
  'POST /console/api/enrolment': { role: 'anyone' },

  /** -> About */
  'GET /console/api/about': { role: 'viewer' },

  /** KeyQuery -> KeyPage */
  'GET /console/api/keys': { role: 'viewer' },
  /** NewKey -> 201 CreatedKey */
  'POST /console/api/keys': { role: 'operator', confirmed: true },
  /** -> KeyRow */
  'GET /console/api/keys/:id': { role: 'viewer' },
  /** UsageQuery -> KeyUsage */
  'GET /console/api/keys/:id/usage': { role: 'viewer' },
  /** Rotate -> 201 RotatedKey; 409 */
  'POST /console/api/keys/:id/rotate': { role: 'operator', confirmed: true },
  /** {} -> 202 Revocation: it is revoked in the store; ask for the revocation until its state is `certain`. */
  'POST /console/api/keys/:id/revoke': { role: 'operator', confirmed: true },
  /** -> Revocation; 409 where the key is not revoked */
  'GET /console/api/keys/:id/revocation': { role: 'viewer' },

  /** OwnerQuery -> OwnerPage */
  'GET /console/api/owners': { role: 'viewer' },
  /** -> OwnerRow */
  'GET /console/api/owners/:id': { role: 'viewer' },

  /** AuditQuery -> AuditPage */
  'GET /console/api/audit': { role: 'viewer' },
  /** The id of a request -> Explanation; 404 where nobody remembers it */
  'GET /console/api/explain/:id': { role: 'viewer' },

  /** -> FleetAnswer */
  'GET /console/api/fleet': { role: 'viewer' },
  /** TrafficQuery -> TrafficAnswer */
  'GET /console/api/traffic': { role: 'viewer' },
  /** TrafficQuery -> WhatIfAnswer */
  'GET /console/api/what-if': { role: 'viewer' },

  /** -> OperatorList */
  'GET /console/api/operators': { role: 'admin' },
  /** NewOperator -> 201 OperatorLink; 409 where there is one by that email */
  'POST /console/api/operators': { role: 'admin', confirmed: true },
  /** OperatorPatch -> OperatorRow; 409 where no enabled admin would be left. Disabled, all its sessions end. */
  'PATCH /console/api/operators/:id': { role: 'admin', confirmed: true },
  /** {} -> 201 OperatorLink: a new link, for who has lost password or phone; until it is used the old ones go on. */
  'POST /console/api/operators/:id/link': { role: 'admin', confirmed: true },
} as const satisfies Readonly<Record<string, CallTerms>>;

export type CallName = keyof typeof CALLS;

// Sessions

export interface SessionAnswer {
  /** Null: nobody is signed in. */
  readonly session: Session | null;
  /** False: nobody can sign in yet; the link that the key service printed at its start is wanted. */
  readonly has_operators: boolean;
  /** The key service's clock. */
  readonly now: string;
}

export interface SignedIn {
  readonly session: Session;
  readonly now: string;
}

export interface Session {
  readonly operator: { readonly id: string; readonly email: string; readonly role: Role };
  readonly csrf: string;
  /** When it ends if nothing is done; and in any case. */
  readonly idle_ends_at: string;
  readonly ends_at: string;
  /** Until then sensitive calls need no confirmation; null: they need one now. */
  readonly confirmed_until: string | null;
}

/** All three at once: whoever guesses is not told which was right. */
export interface SignIn {
  readonly email: string;
  readonly password: string;
  /** Six digits of the authenticator. Each is good once: after a sign-in with it, wait for the next. */
  readonly code: string;
}

/** One of them. A code that was used before is refused. */
export type Confirmation = { readonly password: string } | { readonly code: string };

export interface LinkToken {
  readonly token: string;
}

export interface Enrolment {
  /** Null of the very first link: whoever opens it says in `Enrol` which email it is. */
  readonly email: string | null;
  readonly role: Role;
  /** True where the operator has signed in before and is about to replace password and authenticator. */
  readonly is_recovery: boolean;
  /** Base32, for typing; and the same as a URI, for a QR code. */
  readonly secret: string;
  readonly otpauth_uri: string;
  readonly password_min_length: number;
  readonly ends_at: string;
}

export interface Enrol {
  readonly token: string;
  /** Wanted where the enrolment has none, else left out. */
  readonly email?: string;
  readonly password: string;
  readonly code: string;
}

// Operators

export interface OperatorRow {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly enabled: boolean;
  /** False: the link has not been used yet. */
  readonly is_enrolled: boolean;
  readonly created_at: string;
  readonly last_sign_in_at: string | null;
}

export interface OperatorList {
  readonly operators: readonly OperatorRow[];
}

export interface NewOperator {
  readonly email: string;
  readonly role: Role;
}

export interface OperatorPatch {
  readonly role?: Role;
  readonly enabled?: boolean;
}

/** `link` is shown once; whoever has it becomes the operator. */
export interface OperatorLink {
  readonly operator: OperatorRow;
  readonly link: string;
  readonly ends_at: string;
}

// About

export interface About {
  readonly version: string;
  /** What may be chosen in a form. */
  readonly profiles: readonly ProfileAbout[];
  readonly permissions: readonly string[];
  /** What each reason of a refusal means. */
  readonly reasons: readonly ReasonAbout[];
  /** What `action` and `kind` of the audit may be. */
  readonly actions: readonly string[];
  readonly kinds: readonly string[];
  readonly session: { readonly idle_ms: number; readonly longest_ms: number };
}

export interface ProfileAbout {
  readonly profile: string;
  /** The tiers of the gate in this process; none where it is elsewhere: any name is then accepted. */
  readonly tiers: readonly { readonly name: string; readonly limits: readonly string[] | 'unlimited' }[];
  /** Header lines with `{key}` in the place of the key, the usual one first. */
  readonly headers: readonly string[];
  /** A place to try a key at; null where this process has no gate with a route of the profile. */
  readonly url: string | null;
  /** False: a rotated key ends at once, whatever the overlap. */
  readonly has_overlap: boolean;
}

export interface ReasonAbout {
  readonly reason: string;
  readonly status: number;
  readonly meaning: string;
}

export type * from './wire-keys.ts';
export type * from './wire-history.ts';
export type * from './wire-fleet.ts';
