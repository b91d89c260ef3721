import type { Secret } from '../../core/secret.ts';
import { readKey, type Invalid, type KeyDraft } from '../drafts.ts';
import type { KeyView } from '../key-view.ts';
import type { KeyService } from '../keys.ts';
import type { Actor } from '../store/ledger.ts';

/** A key, and what its owner is to be where there is none by that id. */
export interface NewKeyDraft extends KeyDraft {
  readonly tier?: string | undefined;
  readonly workspace?: string | undefined;
}

export type NewKeyOutcome =
  { readonly kind: 'created'; readonly key: Secret; readonly view: KeyView } | Invalid;

/**
 * Makes a key for an owner, and the owner with it where nobody has the id. One that is there stays as it is: what is
 * said of it here must be so already.
 */
export async function createForOwner(
  service: KeyService,
  { tier, workspace, ...draft }: NewKeyDraft,
  by: Actor,
): Promise<NewKeyOutcome> {
  // All of it first, so that no owner is made for a key that cannot be.
  const read = readKey(draft, service.history.now());
  if (read.kind === 'invalid') return read;
  const owner = await service.showOwner(draft.owner);
  if (owner === null) {
    if (tier === undefined) return invalid('tier', 'is required for an owner that is not there yet');
    const terms = { profile: draft.profile, tier, workspace };
    const put = await service.putOwner(draft.owner, terms, by);
    if (put.kind === 'invalid') return put;
  } else if (tier !== undefined && tier !== owner.tier) {
    return invalid('tier', `must be left out or be that of the owner, who is there: ${owner.tier}`);
  } else if (workspace !== undefined && workspace !== owner.workspace) {
    return invalid('workspace', 'must be left out or be that of the owner, who is there');
  }
  const outcome = await service.createKey(draft, by);
  if (outcome.kind === 'unknown_owner') return invalid('owner', 'no owner has this id');
  if (outcome.kind === 'throttled') throw new Error('operators are not throttled');
  return outcome;
}

function invalid(field: string, message: string): Invalid {
  return { kind: 'invalid', errors: [{ field, message }] };
}
