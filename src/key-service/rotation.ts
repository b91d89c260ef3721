import { makerOf } from './actor.ts';
import type { Mint, MintedKey } from './mint.ts';
import type { AuditDraft } from './store/ledger.ts';
import type { KeyStore, Replacement, RotateOutcome, StoredKey } from './store/store.ts';

export interface Rotation {
  readonly keyId: string;
  /** How long the old key goes on. */
  readonly overlapMs: number;
  readonly audit: AuditDraft;
  readonly now: number;
}

export type Rotated =
  | {
      readonly kind: 'rotated';
      readonly minted: MintedKey;
      readonly stored: StoredKey;
      readonly old: StoredKey;
      readonly firstNumber: number;
    }
  | Exclude<RotateOutcome, { kind: 'rotated' }>;

/** Puts a new key on the terms of an old one beside it, and gives the old one its end. */
export async function rotate(store: KeyStore, mint: Mint, rotation: Rotation): Promise<Rotated> {
  const { keyId, overlapMs, audit, now } = rotation;
  const made: MintedKey[] = [];
  const replacement = (old: StoredKey): Replacement => {
    const { owner, ...terms } = old.record;
    const minted = mint.create(
      { ...terms, ownerId: owner.id, description: old.description },
      makerOf(audit),
      now,
    );
    made.push(minted);
    // Plextera's documents promise that a deactivated key has no grace period.
    const end = now + (owner.profile === 'plextera' ? 0 : overlapMs);
    return { key: minted.stored, oldExpiresAt: Math.min(terms.expiresAt ?? end, end) };
  };
  const outcome = await store.rotateKey(keyId, replacement, now, audit);
  if (outcome.kind !== 'rotated') return outcome;
  const minted = made.at(-1);
  if (minted === undefined) throw new Error('a key was rotated without a new one');
  return {
    kind: 'rotated',
    minted,
    stored: outcome.key,
    old: outcome.old,
    firstNumber: outcome.firstNumber,
  };
}
