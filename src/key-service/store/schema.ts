/** The tables as SQL has them: instants and booleans are integers, lists are JSON text. */
export interface StoreSchema {
  owners: OwnersTable;
  keys: KeysTable;
  head: HeadTable;
  changes: ChangesTable;
  peppers: PeppersTable;
  usage: UsageTable;
  reports: ReportsTable;
  gauges: GaugesTable;
  audit: AuditTable;
  members: MembersTable;
  operators: OperatorsTable;
  operator_links: OperatorLinksTable;
  sessions: SessionsTable;
  attempts: AttemptsTable;
}

export interface OwnersTable {
  id: string;
  profile: string;
  tier: string;
  enabled: number;
  workspace: string | null;
  limits: string | null;
}

export interface KeysTable {
  key_id: string;
  owner_id: string;
  name: string;
  profile: string;
  permission: string;
  limits: string;
  mcps: string;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  deprecated_at: number | null;
  replaced_by: string | null;
  description: string | null;
  last_used_at: number | null;
  request_count: number;
  shown_prefix: string | null;
  shown_suffix: string | null;
  pepper_id: string;
  digest_hash: string;
  change_number: number;
}

/** One row, whose `id` is 1. */
export interface HeadTable {
  id: number;
  number: number;
  epoch: string;
  redis_run: string | null;
  redis_naming: number;
  redis_settled: number;
}

export interface ChangesTable {
  number: number;
  at: number;
  key_id: string | null;
  owner_id: string | null;
  pepper_id: string | null;
  sealed_digest: string | null;
}

export interface PeppersTable {
  id: string;
  proof: string;
}

/** Requests of one key on one route with one class of status, within the UTC hour that starts at `hour_at`. */
export interface UsageTable {
  key_id: string;
  hour_at: number;
  route: string;
  status_class: string;
  count: number;
}

/** What has been taken from a member: all up to `last_sequence` but the numbers in `missing`, a JSON list. */
export interface ReportsTable {
  member: string;
  last_sequence: number;
  missing: string;
  reported_at: number;
}

/** The newest of a member, from its report `sequence`; `gauges` is JSON. */
export interface GaugesTable {
  member: string;
  sequence: number;
  reported_at: number;
  gauges: string;
}

export interface AuditTable {
  id: number;
  at: number;
  kind: string;
  action: string | null;
  reason: string | null;
  outcome: string | null;
  request_id: string | null;
  key_id: string | null;
  owner_id: string | null;
  subject_key_id: string | null;
  subject_owner_id: string | null;
  address: string | null;
  user_agent: string | null;
  method: string | null;
  path: string | null;
  route: string | null;
  count: number;
  first_at: number;
  operator: string | null;
  subject_operator: string | null;
}

export interface MembersTable {
  id: string;
  epoch: string;
  applied: number;
  stale_if_error_ms: number;
  renewals: number;
}

export interface OperatorsTable {
  id: string;
  email: string;
  role: string;
  password: string | null;
  totp: string | null;
  totp_pepper_id: string | null;
  totp_counter: number;
  enabled: number;
  created_at: number;
  last_sign_in_at: number | null;
}

export interface OperatorLinksTable {
  token_hash: string;
  operator_id: string | null;
  totp: string;
  totp_pepper_id: string;
  ends_at: number;
}

export interface SessionsTable {
  token_hash: string;
  operator_id: string;
  created_at: number;
  seen_at: number;
  confirmed_at: number;
}

export interface AttemptsTable {
  subject: string;
  count: number;
  first_at: number;
}
