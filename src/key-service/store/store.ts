import type { KeyRecord, Owner, Permission } from '../../core/key.ts';
import type { StatedLimit } from '../../core/limit.ts';
import type { Profile } from '../../core/profile.ts';
import type { Fleet } from './fleet.ts';
import type { AuditDraft, Ledger } from './ledger.ts';
import type { Operators } from './operators.ts';

/**
 * Where owners and keys are kept. Every call is one transaction. A call that changes a key or owner takes the next
 * number of the head inside that transaction, so numbers follow commit order without gaps, and a call that changes
 * nothing takes none. Calls reject only when the store cannot do its work; what callers must expect is in the answer.
 * Where a call that changes is given an `audit`, the row about what it did is written in its transaction; a call that
 * changed nothing because it was refused writes none.
 *
 * Implementations MUST answer a read from one committed state: never from inside another call's transaction.
 */
export interface KeyStore extends Ledger, Fleet {
  /** Who may act in the console. */
  readonly operators: Operators;
  /**
   * The key kept under one of `hashes`, with the head of the same snapshot. All hashes are looked up in that one
   * snapshot, so a key that moves between two of them is not missed.
   */
  resolve(hashes: readonly string[]): Promise<FoundKey>;
  /** Makes the owner or replaces all of it; answers the number of the change. */
  putOwner(owner: Owner, at: number, audit?: AuditDraft | null): Promise<number>;
  showOwner(id: string): Promise<Owner | null>;
  /** In the order of their ids; those alone whose id begins with `start`. */
  listOwners(
    page: Page,
    start?: string,
  ): Promise<{ readonly owners: readonly Owner[]; readonly total: number }>;
  /** All of the keys or none. They take numbers in the order given. */
  insertKeys(keys: readonly NewKey[], at: number, options?: InsertOptions): Promise<InsertOutcome>;
  showKey(keyId: string): Promise<StoredKey | null>;
  /** Active keys first, then the newest first. */
  listKeys(
    filter: KeyFilter,
    page: Page,
  ): Promise<{ readonly keys: readonly StoredKey[]; readonly total: number }>;
  patchKey(keyId: string, patch: StoredPatch, at: number, audit?: AuditDraft | null): Promise<PatchOutcome>;
  /** A key revoked before keeps its instant and its number. */
  revokeKey(keyId: string, at: number, options?: RevokeOptions): Promise<RevokeOutcome>;
  /**
   * Puts a new key beside an active one and gives that one an end, both or neither. The new key takes the first
   * number, the old one the second. `replacement` makes the new key and the end from the old key as it stands in the
   * transaction.
   */
  rotateKey(
    keyId: string,
    replacement: (old: StoredKey) => Replacement,
    at: number,
    audit?: AuditDraft | null,
  ): Promise<RotateOutcome>;
  /** Keeps the key's digest under another pepper, if it is still kept under `from`. No change: gates see the same record. */
  rehashKey(keyId: string, from: string, to: DigestHash): Promise<void>;
  /** The changes of the last 15 minutes at least, in order. */
  keptChanges(): Promise<readonly KeptChange[]>;
  /** The number of the newest change; 0 before the first. */
  head(): Promise<number>;
  pepperProofs(): Promise<readonly PepperProof[]>;
  keepPepperProof(proof: PepperProof): Promise<void>;
  /** The ids of all peppers that something in the store needs to be found or read. */
  peppersInUse(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** How long a change is kept: longer than any gate may go without news. */
export const CHANGES_KEPT_MS = 15 * 60_000;

export interface Page {
  readonly limit: number;
  readonly offset: number;
}

/** What the store keeps of a digest: HMAC-SHA256 under a pepper, in hex, and the pepper's id. */
export interface DigestHash {
  readonly pepperId: string;
  readonly hash: string;
}

/** Tells two peppers of one id apart without holding either. */
export interface PepperProof {
  readonly pepperId: string;
  readonly proof: string;
}

export interface StoredKey {
  readonly record: KeyRecord;
  readonly description: string | null;
  readonly createdBy: string;
  /** The key a rotation put in its place. */
  readonly replacedBy: string | null;
  readonly lastUsedAt: number | null;
  /** Requests counted since the key was made. */
  readonly requestCount: number;
  /** The ends of the key, for people to tell keys apart; null where the key itself was never seen (imports). */
  readonly shownPrefix: string | null;
  readonly shownSuffix: string | null;
  /** The number of the key's newest change; of a revoked key, of its revocation. */
  readonly changeNumber: number;
}

export interface FoundKey {
  readonly key: StoredKey | null;
  /** Which of the hashes asked for it is kept under. */
  readonly hash: string | null;
  readonly asOf: number;
}

export interface NewKey {
  readonly keyId: string;
  readonly ownerId: string;
  readonly name: string;
  readonly description: string | null;
  readonly profile: Profile;
  readonly permission: Permission;
  readonly limits: readonly StatedLimit[];
  readonly mcps: '*' | readonly string[];
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly shownPrefix: string | null;
  readonly shownSuffix: string | null;
  readonly digest: DigestHash;
  /** The same digest under the peppers not current: a key kept under one of them is the same key. */
  readonly olderHashes: readonly string[];
  /**
   * The digest encrypted under the pepper of `digest`, for `changes`. A gate that joins later must be told which
   * digest a new key has, so that its "no such key" dies, and an HMAC cannot be turned back into it. Kept in clear it
   * would stand beside its HMAC in every backup and undo the pepper, which matters for imported keys of weak makers.
   */
  readonly sealedDigest: string;
}

export interface InsertOptions {
  readonly audit?: AuditDraft | null | undefined;
  readonly throttle?: CreationThrottle | null | undefined;
}

/** At most `quota` keys made by keys of the owner within any `windowMs`; those of the admin API do not count. */
export interface CreationThrottle {
  readonly ownerId: string;
  readonly quota: number;
  readonly windowMs: number;
}

/** `created_by` of keys that no key has made, beside the emails of operators. No key has such an id, or one with an @. */
export const MADE_BY_NO_KEY = ['admin', 'import'] as const;

export type InsertOutcome =
  | { readonly kind: 'inserted'; readonly firstNumber: number }
  /** `retryAt` is the first instant at which a key may be made. */
  | { readonly kind: 'throttled'; readonly retryAt: number }
  | { readonly kind: 'unknown_owner'; readonly index: number }
  | { readonly kind: 'taken'; readonly index: number; readonly what: 'digest' | 'key_id' };

/** What is undefined stays as it is. */
export interface StoredPatch {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly expiresAt?: number | null | undefined;
  readonly limits?: readonly StatedLimit[] | undefined;
  readonly mcps?: '*' | readonly string[] | undefined;
}

export type PatchOutcome =
  | { readonly kind: 'patched'; readonly key: StoredKey }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'unknown_key' };

export interface RevokeOptions {
  readonly audit?: AuditDraft | null | undefined;
  /** Refuses to end an active key where its owner has no other. */
  readonly keepLast?: boolean | undefined;
}

export type RevokeOutcome =
  /** `first` is false where the key was revoked before. */
  | { readonly kind: 'revoked'; readonly key: StoredKey; readonly revokedAt: number; readonly first: boolean }
  | { readonly kind: 'last_key' }
  | { readonly kind: 'unknown_key' };

export interface Replacement {
  readonly key: NewKey;
  readonly oldExpiresAt: number;
}

export type RotateOutcome =
  | {
      readonly kind: 'rotated';
      readonly key: StoredKey;
      readonly old: StoredKey;
      readonly firstNumber: number;
    }
  /** Only an active key that has not been replaced yet has a place for another. */
  | { readonly kind: 'revoked' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'replaced'; readonly by: string }
  | { readonly kind: 'unknown_key' };

export const KEY_STATUSES = ['active', 'revoked', 'expired'] as const;
export type KeyStatus = (typeof KEY_STATUSES)[number];

/** Null fields filter nothing. `now` decides what has expired. */
export interface KeyFilter {
  readonly ownerId: string | null;
  readonly profile: Profile | null;
  readonly status: KeyStatus | null;
  readonly workspace: string | null;
  /** Text the name must contain; ASCII letters in any case. */
  readonly name: string | null;
  readonly now: number;
}

/** A change of a key has `keyId`, and its digest too if the key is new; a change of an owner has `ownerId`. */
export interface KeptChange {
  readonly number: number;
  readonly at: number;
  readonly keyId: string | null;
  readonly ownerId: string | null;
  readonly sealedDigest: { readonly pepperId: string; readonly text: string } | null;
}
