/** The tables as SQL has them: instants and booleans are integers, lists are JSON text. */
export interface StoreSchema {
  owners: OwnersTable;
  keys: KeysTable;
  head: HeadTable;
  changes: ChangesTable;
  peppers: PeppersTable;
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
  last_used_at: number | null;
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
