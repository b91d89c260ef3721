import type { StatedLimit } from './limit.ts';
import type { Profile } from './profile.ts';

export const PERMISSIONS = ['read_only', 'read_write'] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Who is billed: an account (Plexe), a workspace (Plextera), an organization (PlexMCP). Tier and limits are theirs. */
export interface Owner {
  readonly id: string;
  readonly profile: Profile;
  readonly tier: string;
  readonly enabled: boolean;
  readonly workspace: string | null;
  /** Limits that replace the tier's; null where the tier's hold. */
  readonly limits: readonly StatedLimit[] | null;
}

/** What a gate knows of a key. It holds no secret and no digest. Instants are epoch milliseconds. */
export interface KeyRecord {
  readonly keyId: string;
  readonly name: string;
  readonly profile: Profile;
  readonly owner: Owner;
  readonly permission: Permission;
  /** The key's own limits, beside the owner's; empty where it has none. */
  readonly limits: readonly StatedLimit[];
  /** The MCP servers the key may reach: all of them, or these ids. */
  readonly mcps: '*' | readonly string[];
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** When a rotation replaced the key; it goes on until `expiresAt`, and its callers are told. */
  readonly deprecatedAt: number | null;
}

export type Standing = 'active' | 'revoked' | 'expired' | 'owner_disabled';

/**
 * Judged on every request, also on cached records. A key both revoked and expired is `revoked`;
 * a key expires at the very millisecond of `expiresAt`.
 */
export function standingOf(key: KeyRecord, now: number): Standing {
  if (key.revokedAt !== null) return 'revoked';
  if (key.expiresAt !== null && now >= key.expiresAt) return 'expired';
  if (!key.owner.enabled) return 'owner_disabled';
  return 'active';
}
