import { instantText } from '../../core/instant.ts';
import type { Standing } from '../fleet/reach.ts';
import type { KeyService } from '../keys.ts';
import type { KeyServiceLog } from '../log.ts';
import type { Actor } from '../store/ledger.ts';
import type { Revocation } from './wire.ts';

export type RevocationStanding =
  | { readonly kind: 'revoked'; readonly revocation: Revocation }
  | { readonly kind: 'not_revoked' }
  | { readonly kind: 'unknown_key' };

/** How many are remembered after they are over, so that it can be told who was fenced. */
const REMEMBERED = 1000;

/**
 * Revocations that are followed. What this process has begun it tells as it waits for the gates; of any other it looks
 * how the gates that are there now stand.
 */
export class Revocations {
  readonly #service: KeyService;
  readonly #log: KeyServiceLog;
  readonly #latest = new Map<string, Standing>();

  constructor(service: KeyService, log: KeyServiceLog) {
    this.#service = service;
    this.#log = log;
  }

  /** Answers when the store has it; the wait for the gates goes on meanwhile. Rejects where the store has not. */
  async start(keyId: string, by: Actor): Promise<RevocationStanding> {
    await new Promise<void>((resolve, reject) => {
      const watch = (standing: Standing): void => {
        this.#remember(keyId, standing);
        resolve();
      };
      this.#revoke(keyId, by, watch).then(resolve, reject);
    });
    return this.standing(keyId);
  }

  async standing(keyId: string): Promise<RevocationStanding> {
    const latest = this.#latest.get(keyId);
    if (latest === undefined) return this.#looked(keyId);
    const view = await this.#service.showKey(keyId);
    const revokedAt = view?.record.revokedAt ?? null;
    if (revokedAt === null) return this.#looked(keyId);
    const { propagation, leftMs } = latest;
    const certainAt = leftMs > 0 ? this.#service.history.now() + leftMs : null;
    return revoked({ keyId, revokedAt, propagation, certainAt });
  }

  async #looked(keyId: string): Promise<RevocationStanding> {
    const outcome = await this.#service.revocation(keyId);
    return outcome.kind === 'revoked' ? revoked(outcome) : outcome;
  }

  async #revoke(keyId: string, by: Actor, watch: (standing: Standing) => void): Promise<void> {
    try {
      const { kind } = await this.#service.revokeKey(keyId, by, { watch });
      if (kind === 'revoked') this.#log.info({ keyId }, 'key revoked');
      // From here on nobody waits: what it comes to is looked up.
      else this.#latest.delete(keyId);
      if (kind === 'uncertain') this.#log.warn({ keyId }, 'key revoked, not confirmed by every gate');
    } catch (error) {
      this.#latest.delete(keyId);
      const detail = error instanceof Error ? error.message : 'unknown error';
      this.#log.error({ keyId, detail }, 'a revocation was not confirmed');
      throw error;
    }
  }

  #remember(keyId: string, standing: Standing): void {
    this.#latest.delete(keyId);
    this.#latest.set(keyId, standing);
    const [oldest] = this.#latest.keys();
    if (this.#latest.size > REMEMBERED && oldest !== undefined) this.#latest.delete(oldest);
  }
}

function revoked({
  keyId,
  revokedAt,
  propagation,
  certainAt,
}: {
  readonly keyId: string;
  readonly revokedAt: number;
  readonly propagation: Standing['propagation'];
  readonly certainAt: number | null;
}): RevocationStanding {
  const { members, acked, fenced, fencedMembers, waitingMembers } = propagation;
  const revocation: Revocation = {
    key_id: keyId,
    revoked_at: instantText(revokedAt),
    state: certainAt === null ? 'certain' : 'spreading',
    certain_at: certainAt === null ? null : instantText(certainAt),
    members,
    acked,
    fenced,
    fenced_members: fencedMembers,
    waiting_members: waitingMembers,
  };
  return { kind: 'revoked', revocation };
}
