import type { KeyRecord, Owner, Permission } from '../../core/key.ts';
import { formatStatedLimit, parseStatedLimit, type StatedLimit } from '../../core/limit.ts';
import type { Profile } from '../../core/profile.ts';
import type { ChangesTable, KeysTable, OwnersTable } from './schema.ts';
import type { KeptChange, NewKey, StoredKey } from './store.ts';

/** A key with its owner, as the joins read it. */
export type KeyRow = Omit<KeysTable, 'digest_hash' | 'pepper_id'> & OwnerColumns;

interface OwnerColumns {
  owner_profile: string;
  owner_tier: string;
  owner_enabled: number;
  owner_workspace: string | null;
  owner_limits: string | null;
}

export const KEY_COLUMNS = [
  'keys.key_id',
  'keys.owner_id',
  'keys.name',
  'keys.profile',
  'keys.permission',
  'keys.limits',
  'keys.mcps',
  'keys.created_by',
  'keys.created_at',
  'keys.expires_at',
  'keys.revoked_at',
  'keys.deprecated_at',
  'keys.replaced_by',
  'keys.description',
  'keys.last_used_at',
  'keys.request_count',
  'keys.shown_prefix',
  'keys.shown_suffix',
  'keys.change_number',
  'owners.profile as owner_profile',
  'owners.tier as owner_tier',
  'owners.enabled as owner_enabled',
  'owners.workspace as owner_workspace',
  'owners.limits as owner_limits',
] as const;

export function keyFromRow(row: KeyRow): StoredKey {
  const record: KeyRecord = {
    keyId: row.key_id,
    name: row.name,
    profile: row.profile as Profile,
    owner: {
      id: row.owner_id,
      profile: row.owner_profile as Profile,
      tier: row.owner_tier,
      enabled: row.owner_enabled !== 0,
      workspace: row.owner_workspace,
      limits: row.owner_limits === null ? null : limitsFromText(row.owner_limits),
    },
    permission: row.permission as Permission,
    limits: limitsFromText(row.limits),
    mcps: JSON.parse(row.mcps) as '*' | string[],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    deprecatedAt: row.deprecated_at,
  };
  return {
    record,
    description: row.description,
    createdBy: row.created_by,
    replacedBy: row.replaced_by,
    lastUsedAt: row.last_used_at,
    requestCount: row.request_count,
    shownPrefix: row.shown_prefix,
    shownSuffix: row.shown_suffix,
    changeNumber: row.change_number,
  };
}

export function rowFromNewKey(key: NewKey, changeNumber: number): KeysTable {
  return {
    key_id: key.keyId,
    owner_id: key.ownerId,
    name: key.name,
    profile: key.profile,
    permission: key.permission,
    limits: limitsToText(key.limits),
    mcps: JSON.stringify(key.mcps),
    created_by: key.createdBy,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    deprecated_at: null,
    replaced_by: null,
    description: key.description,
    last_used_at: null,
    request_count: 0,
    shown_prefix: key.shownPrefix,
    shown_suffix: key.shownSuffix,
    pepper_id: key.digest.pepperId,
    digest_hash: key.digest.hash,
    change_number: changeNumber,
  };
}

export function ownerFromRow(row: OwnersTable): Owner {
  return {
    id: row.id,
    profile: row.profile as Profile,
    tier: row.tier,
    enabled: row.enabled !== 0,
    workspace: row.workspace,
    limits: row.limits === null ? null : limitsFromText(row.limits),
  };
}

export function rowFromOwner(owner: Owner): OwnersTable {
  return {
    id: owner.id,
    profile: owner.profile,
    tier: owner.tier,
    enabled: owner.enabled ? 1 : 0,
    workspace: owner.workspace,
    limits: owner.limits === null ? null : limitsToText(owner.limits),
  };
}

export function changeFromRow(row: ChangesTable): KeptChange {
  return {
    number: row.number,
    at: row.at,
    keyId: row.key_id,
    ownerId: row.owner_id,
    sealedDigest:
      row.sealed_digest === null || row.pepper_id === null
        ? null
        : { pepperId: row.pepper_id, text: row.sealed_digest },
  };
}

export function limitsToText(limits: readonly StatedLimit[]): string {
  return JSON.stringify(limits.map(formatStatedLimit));
}

function limitsFromText(text: string): StatedLimit[] {
  return (JSON.parse(text) as string[]).map((item) => {
    const limit = parseStatedLimit(item);
    if (limit === null) throw new RangeError('the store holds a limit that cannot be read');
    return limit;
  });
}
