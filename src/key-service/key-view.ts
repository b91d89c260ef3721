import { recordToJson, type RecordJson } from '../core/wire-json.ts';
import type { KeyStatus, StoredKey } from './store/store.ts';

/** A key as people see it. */
export interface KeyView extends StoredKey {
  /** Of the key itself: a disabled owner's key is still `active`, and works again when the owner does. */
  readonly status: KeyStatus;
}

export interface KeyJson extends RecordJson {
  status: KeyStatus;
  key_prefix: string | null;
  key_suffix: string | null;
  created_by: string;
  replaced_by: string | null;
  last_used_at: string | null;
}

export function viewOf(key: StoredKey, now: number): KeyView {
  const { revokedAt, expiresAt } = key.record;
  if (revokedAt !== null) return { ...key, status: 'revoked' };
  return { ...key, status: expiresAt !== null && now >= expiresAt ? 'expired' : 'active' };
}

export function keyToJson(key: KeyView): KeyJson {
  return {
    ...recordToJson(key.record),
    status: key.status,
    key_prefix: key.shownPrefix,
    key_suffix: key.shownSuffix,
    created_by: key.createdBy,
    replaced_by: key.replacedBy,
    last_used_at: key.lastUsedAt === null ? null : new Date(key.lastUsedAt).toISOString(),
  };
}
