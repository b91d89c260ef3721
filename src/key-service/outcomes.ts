import type { Owner } from '../core/key.ts';
import type { Secret } from '../core/secret.ts';
import type { Invalid } from './drafts.ts';
import type { Propagation } from './fleet/reach.ts';
import type { KeyView } from './key-view.ts';
import type { Page } from './store/store.ts';

export type PutOwnerOutcome = { readonly kind: 'put'; readonly owner: Owner } | Invalid;

export type ListOwnersOutcome =
  | {
      readonly kind: 'listed';
      readonly owners: readonly Owner[];
      readonly total: number;
      readonly page: Page;
    }
  | Invalid;

/** `key` is to be shown once; nobody can ask for it again. */
export type CreateKeyOutcome =
  | { readonly kind: 'created'; readonly key: Secret; readonly view: KeyView }
  | { readonly kind: 'unknown_owner' }
  /** Keys of the owner have made as many as they may; the first instant at which they may make another. */
  | { readonly kind: 'throttled'; readonly retryAfterMs: number }
  | Invalid;

export type ListKeysOutcome =
  | {
      readonly kind: 'listed';
      readonly keys: readonly KeyView[];
      readonly total: number;
      readonly page: Page;
    }
  | Invalid;

export type PatchKeyOutcome =
  | { readonly kind: 'patched'; readonly view: KeyView }
  | { readonly kind: 'unknown_key' }
  | { readonly kind: 'revoked' }
  | Invalid;

/**
 * `revoked`: no gate accepts the key in a request that begins from now on. `uncertain`: it is revoked in the store, and
 * not every gate is known to have heard of it; at `certainAt`, by the key service's time, it is certain all the same.
 */
export type RevokeKeyOutcome =
  | {
      readonly kind: 'revoked';
      readonly keyId: string;
      readonly revokedAt: number;
      readonly propagation: Propagation;
    }
  | {
      readonly kind: 'uncertain';
      readonly keyId: string;
      readonly revokedAt: number;
      readonly certainAt: number;
      readonly propagation: Propagation;
    }
  | { readonly kind: 'last_key' }
  | { readonly kind: 'unknown_key' };

/** `key` is to be shown once. `old` ends at its `expiresAt`. */
export type RotateKeyOutcome =
  | { readonly kind: 'rotated'; readonly key: Secret; readonly view: KeyView; readonly old: KeyView }
  | { readonly kind: 'revoked' | 'expired' | 'unknown_key' }
  | { readonly kind: 'replaced'; readonly by: string }
  | Invalid;

/** `index` is that of the first key at fault; none of the keys was imported. */
export type ImportKeysOutcome =
  | { readonly kind: 'imported'; readonly imported: number }
  | { readonly kind: 'unknown_owner'; readonly index: number }
  | { readonly kind: 'taken'; readonly index: number; readonly what: 'digest' | 'key_id' }
  | Invalid;
