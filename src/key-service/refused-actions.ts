import type { Answer } from './answers.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import type { Actor, AuditAction } from './store/ledger.ts';

export interface Action {
  readonly service: KeyService;
  readonly log: KeyServiceLog;
  /** None where the call changes nothing in any case. */
  readonly action: AuditAction | undefined;
  readonly id: string;
  readonly by: Actor;
}

const OUTCOMES: Readonly<Record<number, string>> = {
  400: 'malformed',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'unknown',
  409: 'conflict',
  413: 'malformed',
  410: 'gone',
  415: 'malformed',
  421: 'forbidden',
  422: 'invalid',
  429: 'throttled',
};

/**
 * Writes down an action that was refused. Those that changed something the store has written down with the change. A
 * store that cannot take the row does not keep the caller from the answer.
 */
export async function auditRefusal(
  { service, log, action, id, by }: Action,
  { status, changed }: Answer,
): Promise<void> {
  if (action === undefined || status < 400 || changed === true) return;
  try {
    if (status === 401) {
      await service.history.refusedNobody(by, action);
      return;
    }
    const subject = await subjectOf(service, action, id);
    await service.history.refused(by, { action, outcome: OUTCOMES[status] ?? 'failed', ...subject });
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'unknown error';
    log.error({ detail }, 'a refused action could not be written down');
  }
}

/** What the action was about, if it is there. What is not there is not named: it might be a key. */
async function subjectOf(
  service: KeyService,
  action: AuditAction,
  id: string,
): Promise<{ subjectKeyId: string | null; subjectOwnerId: string | null }> {
  if (action === 'owner.put') {
    const owner = await service.showOwner(id);
    return { subjectKeyId: null, subjectOwnerId: owner?.id ?? null };
  }
  if (action.startsWith('operator.')) return { subjectKeyId: null, subjectOwnerId: null };
  const key = id === '' ? null : await service.showKey(id);
  return { subjectKeyId: key?.record.keyId ?? null, subjectOwnerId: key?.record.owner.id ?? null };
}
