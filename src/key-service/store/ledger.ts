import type { Report } from '../../core/wire.ts';

/**
 * What happened: usage and audit, and how gates stand. Nothing here is a numbered change. Each call is one transaction; those that write
 * also let a bounded number of rows go whose time is over.
 */
export interface Ledger {
  /**
   * Takes a report once: an answer of false means that this number of this member was taken before. Numbers may come
   * late and with gaps. Counts, the keys' last use, the rows of refusals and gauges stand or fall together.
   */
  takeReport(report: Report, at: number): Promise<boolean>;
  /** The latest gauges of each member that has reported some since then, in the order of their names. */
  gauges(since: number): Promise<readonly KeptGauges[]>;
  /** Sums of the requests of a key, or of all keys of an owner, in ascending order of the group. */
  usage(of: UsageSubject, range: TimeRange, by: UsageGroup): Promise<readonly UsageSum[]>;
  recordAudit(row: NewAuditRow): Promise<void>;
  /** The newest first; `after` is the last row of the page before. */
  listAudit(filter: AuditFilter, page: AuditPage): Promise<readonly AuditRow[]>;
}

/** How long an hour's counts are kept, a row of the audit, and what has been taken from a member that is gone. */
export const USAGE_KEPT_MS = 400 * 86_400_000;
export const AUDIT_KEPT_MS = 90 * 86_400_000;
export const MEMBERS_KEPT_MS = 90 * 86_400_000;
/** Beyond so many rows of audit the oldest go, whatever their age. */
export const AUDIT_ROWS_KEPT = 1_000_000;

/** How long the gauges of a member are kept that reports no more, and of how many members. */
export const GAUGES_KEPT_MS = 15 * 60_000;
export const GAUGES_ROWS_KEPT = 1000;

/** The newest that a member has reported, as they travelled. */
export interface KeptGauges {
  readonly member: string;
  /** When they were taken, by the key service's clock. */
  readonly reportedAt: number;
  readonly gauges: unknown;
}

export type UsageSubject = { readonly keyId: string } | { readonly ownerId: string };

/** From the first instant up to, not including, the second. Hours count by their start. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** `hour` and `day` name the group by the epoch milliseconds of its start. */
export type UsageGroup = 'hour' | 'day' | 'route' | 'status_class';

export interface UsageSum {
  readonly group: string;
  readonly requests: number;
  /** Those the upstream answered with 4xx or 5xx. */
  readonly errors: number;
}

export const AUDIT_ACTIONS = [
  'owner.put',
  'key.create',
  'key.patch',
  'key.revoke',
  'key.rotate',
  'key.import',
  'operator.create',
  'operator.patch',
  'operator.link',
  'operator.enrol',
  'operator.sign_in',
  'operator.sign_out',
  'operator.confirm',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/**
 * Who acts, and by which request. Without a key and an operator it is the holder of the admin token or, without a
 * request either, the program itself. Texts of the client are masked and cut before they come here.
 */
export interface Actor {
  readonly keyId: string | null;
  readonly ownerId: string | null;
  /** The email of who acts in the console. */
  readonly operator: string | null;
  readonly requestId: string | null;
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly method: string | null;
  readonly path: string | null;
}

/** What the store needs to know to write down a change it makes. */
export interface AuditDraft extends Actor {
  readonly action: AuditAction;
}

export const AUDIT_KINDS = ['management', 'refusal', 'suppressed'] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

export interface NewAuditRow extends Actor {
  readonly at: number;
  readonly kind: AuditKind;
  /** Of a management call. */
  readonly action: AuditAction | null;
  /** Why a gate refused a request; null for a management call. */
  readonly reason: string | null;
  /** What became of a management call: `done`, `repeated`, or why it was refused. */
  readonly outcome: string | null;
  /** What a management call was about, where the store has it. */
  readonly subjectKeyId: string | null;
  readonly subjectOwnerId: string | null;
  /** The email of the operator it was about. */
  readonly subjectOperator: string | null;
  readonly route: string | null;
  /** How many requests or keys the row stands for. */
  readonly count: number;
  /** The first of several; `at` is the last. */
  readonly firstAt: number;
}

export interface AuditRow extends NewAuditRow {
  /** Rises from row to row. */
  readonly id: number;
}

/** Null fields filter nothing. `keyId` and `ownerId` are those who acted or were acted on. */
export interface AuditFilter {
  readonly kind: AuditKind | null;
  readonly action: string | null;
  readonly reason: string | null;
  readonly requestId: string | null;
  readonly keyId: string | null;
  readonly ownerId: string | null;
  /** The email of an operator who acted or was acted on. */
  readonly operator: string | null;
  readonly address: string | null;
  readonly from: number | null;
  readonly to: number | null;
}

export interface AuditPage {
  readonly limit: number;
  readonly after: { readonly at: number; readonly id: number } | null;
}
