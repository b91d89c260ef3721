import { standingOf } from '../core/key.ts';
import type { Answer, RefusalWriter } from './answers.ts';
import type { CallRequest } from './call.ts';
import type { KeyView } from './key-view.ts';
import type { KeyService } from './keys.ts';

export interface Contract {
  readonly service: KeyService;
  readonly refusal: RefusalWriter;
}

/**
 * Answers for the key that a gate vouches for. The gate has judged it a moment ago; it is looked at once more here,
 * because what a key may hand on to others is in its record.
 */
export async function asCaller(
  { service, refusal }: Contract,
  { by, identified }: CallRequest,
  need: 'read' | 'write',
  answer: (caller: KeyView) => Promise<Answer>,
): Promise<Answer> {
  const caller = by.keyId === null || !identified ? null : await service.showKey(by.keyId);
  if (caller === null || caller.record.owner.id !== by.ownerId) {
    return refusal({ status: 401, detail: 'Invalid or missing API key' });
  }
  const standing = standingOf(caller.record, service.history.now());
  if (standing === 'revoked')
    return refusal({ status: 401, code: 'revoked_key', detail: 'API key has been revoked' });
  if (standing === 'expired')
    return refusal({ status: 401, code: 'expired_key', detail: 'API key has expired' });
  if (need === 'write' && caller.record.permission !== 'read_write') {
    return refusal({ status: 403, detail: 'API key lacks required permissions for this operation' });
  }
  return answer(caller);
}

/** Answers for a key of the caller's owner; that another owner has a key of this id is nobody's business. */
export async function withOwnKey(
  { service, refusal }: Contract,
  keyId: string,
  caller: KeyView,
  answer: (key: KeyView) => Promise<Answer>,
): Promise<Answer> {
  const key = await service.showKey(keyId);
  return key === null || key.record.owner.id !== caller.record.owner.id
    ? refusal({ status: 404, detail: 'API key not found' })
    : answer(key);
}

/** A revocation is answered when it is certain; until then the same call is to be made again. */
export function notYetCertain(refusal: RefusalWriter, leftMs: number): Answer {
  const detail = 'The key is revoked, but not every gate has confirmed it yet; repeat the request';
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(leftMs / 1000))) };
  return { ...refusal({ status: 503, detail, headers }), changed: true };
}

export function instantText(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
