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
  readonly email: string;
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
  readonly password: string;
  readonly code: string;
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

// Keys and owners

export type KeyStatus = 'active' | 'revoked' | 'expired';

export interface Pagination {
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly has_more: boolean;
}

/** All may be left out. Active keys come first, then the newest. */
export interface KeyQuery {
  /** The whole id of a key, or a part of its name. */
  readonly search?: string;
  readonly owner?: string;
  readonly profile?: string;
  readonly status?: KeyStatus;
  readonly workspace?: string;
  /** 1 to 100; 50 */
  readonly limit?: number;
  readonly offset?: number;
}

export interface KeyPage {
  readonly keys: readonly KeyRow[];
  readonly pagination: Pagination;
}

export interface KeyRow {
  readonly key_id: string;
  readonly name: string;
  readonly profile: string;
  readonly permission: string;
  readonly status: KeyStatus;
  readonly owner: OwnerRow;
  /** The key's own, beside those of its owner. */
  readonly limits: readonly string[];
  /** `*`: all MCP servers. */
  readonly mcps: '*' | readonly string[];
  readonly created_at: string;
  /** The id of a key, the email of an operator, `admin` or `import`. */
  readonly created_by: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  /** Since when another key is to be used in its place; `expires_at` is then the end of the overlap. */
  readonly deprecated_at: string | null;
  readonly replaced_by: string | null;
  readonly last_used_at: string | null;
  readonly request_count: number;
  /** The ends of the key; null of keys that were imported. */
  readonly key_prefix: string | null;
  readonly key_suffix: string | null;
}

export interface OwnerRow {
  readonly id: string;
  readonly profile: string;
  readonly tier: string;
  readonly enabled: boolean;
  readonly workspace: string | null;
  /** Null: the tier's. */
  readonly limits: readonly string[] | null;
}

export interface OwnerQuery {
  /** What the id begins with. */
  readonly search?: string;
  /** 1 to 100; 50 */
  readonly limit?: number;
  readonly offset?: number;
}

export interface OwnerPage {
  readonly owners: readonly OwnerRow[];
  readonly pagination: Pagination;
}

export interface NewKey {
  /** Where nobody has this id an owner is made, with `tier` (required then) and `workspace`. */
  readonly owner: string;
  readonly name: string;
  readonly profile: string;
  readonly permission: string;
  /** Of an owner that is there it must be the tier it has, or be left out. */
  readonly tier?: string;
  readonly workspace?: string;
  readonly expires_at?: string | null;
  readonly limits?: readonly string[];
}

/** `key` is the key itself. It is in this answer and nowhere else, ever again. */
export interface CreatedKey {
  readonly key: string;
  readonly row: KeyRow;
}

export interface Rotate {
  /** How long the old key goes on: `0s` to `30d`, such as `1h`. */
  readonly overlap: string;
}

export interface RotatedKey extends CreatedKey {
  /** The old key, with its end. */
  readonly old: KeyRow;
}

/** How far a revocation has got among the gates. */
export interface Revocation {
  readonly key_id: string;
  readonly revoked_at: string;
  /** `certain`: no gate accepts the key in a request that begins from now on. */
  readonly state: 'spreading' | 'certain';
  /** Where it is not certain: when it will be, if nobody else confirms. */
  readonly certain_at: string | null;
  readonly members: number;
  readonly acked: number;
  readonly fenced: number;
  /** Gates cut off or gone, that use nothing older any more; and those that are waited for. */
  readonly fenced_members: readonly string[];
  readonly waiting_members: readonly string[];
}

export interface UsageQuery {
  /** Left out: 7 days before `to`. */
  readonly from?: string;
  /** Left out: now. */
  readonly to?: string;
  /** Left out: `hour`. */
  readonly by?: 'hour' | 'day';
}

export interface KeyUsage {
  readonly from: string;
  readonly to: string;
  readonly by: 'hour' | 'day';
  /** One for every hour or day of the range, those without requests too. */
  readonly points: readonly { readonly at: string; readonly requests: number; readonly errors: number }[];
  readonly by_route: readonly {
    readonly route: string;
    readonly requests: number;
    readonly errors: number;
  }[];
  /** `2xx` and so on. */
  readonly by_status: readonly { readonly status: string; readonly requests: number }[];
}

// Audit and explanations

/** All may be left out. Texts must be equal. */
export interface AuditQuery {
  readonly kind?: string;
  readonly action?: string;
  readonly reason?: string;
  readonly request_id?: string;
  /** Who acted or was acted on. */
  readonly key?: string;
  readonly owner?: string;
  /** The email of an operator. */
  readonly operator?: string;
  readonly address?: string;
  readonly from?: string;
  readonly to?: string;
  /** 1 to 500; 50 */
  readonly limit?: number;
  /** The `next_cursor` of the page before. */
  readonly cursor?: string;
}

/** The newest first. */
export interface AuditPage {
  readonly audit: readonly AuditRow[];
  readonly next_cursor: string | null;
}

/** Null is what the row has nothing of. */
export interface AuditRow {
  readonly id: number;
  readonly at: string;
  /** `management`: a call that changes something, or a sign-in; `refusal`; `suppressed`: refusals counted together. */
  readonly kind: 'management' | 'refusal' | 'suppressed';
  readonly action: string | null;
  readonly reason: string | null;
  /** Of a management call: `done`, `repeated`, or why it was refused. */
  readonly outcome: string | null;
  readonly request_id: string | null;
  /** Who acted: a key, an owner's key, or an operator by email. */
  readonly key_id: string | null;
  readonly owner_id: string | null;
  readonly operator: string | null;
  readonly subject_key_id: string | null;
  readonly subject_owner_id: string | null;
  /** The operator that was acted on, by email. */
  readonly subject_operator: string | null;
  readonly address: string | null;
  readonly user_agent: string | null;
  readonly method: string | null;
  readonly path: string | null;
  readonly route: string | null;
  /** How many requests the row stands for; `first_at` is the first of them. */
  readonly count: number;
  readonly first_at: string;
}

export interface Explanation {
  readonly request_id: string;
  /** What the gate in this process remembers, the newest first; gates elsewhere are not asked. */
  readonly decisions: readonly Decision[];
  /** What the audit has of the request. */
  readonly audit: readonly AuditRow[];
  /** The reason's meaning; null where the request was not refused. */
  readonly reason: ReasonAbout | null;
  /** Key and owner of the request as they stand now, where they are known. */
  readonly key: KeyRow | null;
}

/** A gate's own record of a request. */
export interface Decision {
  readonly request_id: string;
  readonly received_at: string;
  readonly outcome: 'allowed' | 'refused' | 'failed';
  readonly reason: string | null;
  readonly detail: string | null;
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly address: string;
  readonly route: string | null;
  readonly key_id: string | null;
  readonly owner_id: string | null;
  readonly tier: string | null;
  /** Who knew the key: memory, Redis, the key service, the keys file. */
  readonly layer: string | null;
  readonly limits: readonly {
    readonly name: string;
    readonly limit: string;
    readonly remaining: number;
    readonly reset_after_ms: number;
  }[];
  /** What the client was told of limits. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timings: {
    readonly decision_ms: number;
    readonly key_ms: number;
    readonly limits_ms: number;
    readonly upstream_ms: number | null;
    readonly total_ms: number;
  };
  readonly dependencies: {
    readonly key_service: { readonly renewal_age_ms: number | null; readonly fence_ms: number } | null;
    readonly redis: { readonly keys: UpOrAway; readonly limits: UpOrAway } | null;
    readonly upstream: { readonly origin: string; readonly error: unknown } | null;
  };
}

/** Null: there is none. */
export type UpOrAway = 'up' | 'away' | null;

// Fleet and traffic

export interface FleetAnswer {
  readonly epoch: string;
  /** The number of the newest change. */
  readonly head: number;
  readonly redis: { readonly run: string | null; readonly settled: boolean };
  readonly members: readonly MemberRow[];
  /** The configuration in force in this process, secrets masked; null where it is not known. */
  readonly configuration: unknown;
  readonly now: string;
}

export interface MemberRow {
  readonly member_id: string;
  readonly applied: number;
  /** How many changes it has not acknowledged. */
  readonly lag: number;
  readonly seen_ago_ms: number;
  readonly stale_if_error_ms: number;
  /** What the gate last reported of itself; null where it has reported nothing. */
  readonly state: MemberState | null;
}

export interface MemberState {
  readonly reported_at: string;
  readonly version: string | null;
  /** Open leases of limits. */
  readonly leases: number | null;
  readonly redis_keys: UpOrAway;
  readonly redis_limits: UpOrAway;
  /** Whether the breaker to the key service lets questions through. */
  readonly key_service: UpOrAway;
  /** What the gate calls the configuration that it has in force. */
  readonly configuration: string | null;
}

export interface TrafficQuery {
  /** How far back from now: 60 to 86400; 900. */
  readonly seconds?: number;
}

/** Rates and counts of all gates together. Series have one number for each of `at`; null: nobody reported then. */
export interface TrafficAnswer {
  /** False: no gate has reported numbers in this time. Every list is then empty. */
  readonly available: boolean;
  readonly step_ms: number;
  readonly at: readonly string[];
  /** Requests by outcome: `allowed`, `refused`, `failed`. */
  readonly outcomes: readonly Series[];
  /** Refusals by reason. */
  readonly reasons: readonly Series[];
  /** `p50` and `p99` of what the gate adds, in milliseconds. */
  readonly added_ms: readonly Series[];
  /** Lookups by the layer that answered: `memory`, `redis`, `key_service`, `keys_file`. */
  readonly layers: readonly Series[];
  /** The owners that use most of a limit, most first. */
  readonly owners: readonly LimitUse[];
  readonly now: string;
}

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export interface LimitUse {
  readonly owner_id: string;
  readonly limit: string;
  /** Of the quota, in the window that ends now; over all gates. */
  readonly used: number;
  readonly quota: number;
}

/** Limits that count and refuse nobody, beside those in force. */
export interface WhatIfAnswer {
  /** False: no gate has a shadow limit, or none has reported. */
  readonly available: boolean;
  readonly step_ms: number;
  readonly at: readonly string[];
  /** For each shadow limit: what was refused in truth, and what it would have refused. */
  readonly limits: readonly {
    readonly name: string;
    readonly refused: readonly (number | null)[];
    readonly would_refuse: readonly (number | null)[];
  }[];
  readonly now: string;
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
