import type { Clock } from '../core/clock.ts';
import type { Members } from './fleet/members.ts';
import type { Propagation } from './fleet/reach.ts';
import type { KeyStore } from './store/store.ts';

export type RevocationOutcome =
  | {
      readonly kind: 'revoked';
      readonly keyId: string;
      readonly revokedAt: number;
      readonly propagation: Propagation;
      /** By the key service's time; null: it is certain. */
      readonly certainAt: number | null;
    }
  | { readonly kind: 'not_revoked' }
  | { readonly kind: 'unknown_key' };

/** Who asks has left already: the standing is told, and nothing is waited for. */
const LEFT = AbortSignal.abort();

/** How far the revocation of a key has got among the members there are now. Any process over the store may tell. */
export async function revocationOf(
  keyId: string,
  store: KeyStore,
  members: Members,
  clock: Clock,
): Promise<RevocationOutcome> {
  const key = await store.showKey(keyId);
  if (key === null) return { kind: 'unknown_key' };
  const { revokedAt } = key.record;
  if (revokedAt === null) return { kind: 'not_revoked' };
  const { propagation, leftMs } = await members.confirm(key.changeNumber, false, LEFT);
  const certainAt = leftMs > 0 ? clock.now() + leftMs : null;
  return { kind: 'revoked', keyId, revokedAt, propagation, certainAt };
}
