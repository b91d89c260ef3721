import { instantText } from '../../core/instant.ts';
import { invalid, pageJson, problem, type Answer } from '../answers.ts';
import { reading } from '../call.ts';
import { keyToJson, type KeyView } from '../key-view.ts';
import type { KeyService } from '../keys.ts';
import type { KeyServiceLog } from '../log.ts';
import { readRotationBody } from '../requests/admin.ts';
import { readKeyQuery, readNewKey } from '../requests/console.ts';
import type { Actor } from '../store/ledger.ts';
import type { Answers } from './call.ts';
import { createForOwner } from './creation.ts';
import type { CreatedKey, KeyRow, Pagination, Revocation, RotatedKey } from './wire.ts';

type KeyCallName =
  | 'GET /console/api/keys'
  | 'POST /console/api/keys'
  | 'GET /console/api/keys/:id'
  | 'POST /console/api/keys/:id/rotate'
  | 'POST /console/api/keys/:id/revoke'
  | 'GET /console/api/keys/:id/revocation';

const NO_SUCH_KEY = problem(404, 'No key has this id.');
const PAGE_MOST = 100;

export function keyCalls(service: KeyService, log: KeyServiceLog): Answers<KeyCallName> {
  return {
    'GET /console/api/keys': {
      answer: ({ query }) =>
        reading(readKeyQuery, query, async ({ search = '', ...wanted }) => {
          const found = search === '' ? null : await service.showKey(search);
          if (found !== null) return pageOf([rowOf(found)], pageJson({ limit: 1, offset: 0 }, 1, 1));
          const limit = Math.min(wanted.limit ?? 50, PAGE_MOST);
          const name = search === '' ? {} : { name: search };
          const outcome = await service.listKeys({ ...wanted, ...name, limit });
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          const keys = outcome.keys.map(rowOf);
          return pageOf(keys, pageJson(outcome.page, outcome.total, keys.length));
        }),
    },
    'POST /console/api/keys': {
      action: 'key.create',
      answer: ({ body, by }) =>
        reading(readNewKey, body, async (draft) => {
          const outcome = await createForOwner(service, draft, by);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          log.info({ keyId: outcome.view.record.keyId, ownerId: draft.owner }, 'key created');
          const made: CreatedKey = { key: outcome.key.reveal(), row: rowOf(outcome.view) };
          return { status: 201, body: made };
        }),
    },
    'GET /console/api/keys/:id': {
      answer: async ({ id }) => {
        const view = await service.showKey(id);
        return view === null ? NO_SUCH_KEY : { status: 200, body: rowOf(view) };
      },
    },
    'POST /console/api/keys/:id/rotate': {
      action: 'key.rotate',
      answer: ({ id, body, by }) =>
        reading(readRotationBody, body, async (draft) => {
          const outcome = await service.rotateKey(id, draft, by);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          if (outcome.kind === 'unknown_key') return NO_SUCH_KEY;
          if (outcome.kind !== 'rotated') return problem(409, NOT_ROTATED[outcome.kind]);
          log.info({ keyId: id }, 'key rotated');
          const { key, view, old } = outcome;
          const made: RotatedKey = { key: key.reveal(), row: rowOf(view), old: rowOf(old) };
          return { status: 201, body: made };
        }),
    },
    'POST /console/api/keys/:id/revoke': {
      action: 'key.revoke',
      answer: ({ id, by }) => revoke(service, log, id, by),
    },
    'GET /console/api/keys/:id/revocation': { answer: ({ id }) => revocation(service, id, 200) },
  };
}

const NOT_ROTATED = {
  revoked: 'The key is revoked; make a new one.',
  expired: 'The key has expired; make a new one.',
  replaced: 'The key has been rotated before; rotate the one that replaced it.',
} as const;

function pageOf(keys: readonly KeyRow[], pagination: object): Answer {
  return { status: 200, body: { keys, pagination: pagination as Pagination } };
}

export function rowOf(view: KeyView): KeyRow {
  return { ...keyToJson(view), request_count: view.requestCount };
}

/** Answers when the store has it. Whoever asks can then follow it; the wait for the gates goes on meanwhile. */
async function revoke(service: KeyService, log: KeyServiceLog, id: string, by: Actor): Promise<Answer> {
  const isThere = await new Promise<boolean>((resolve, reject) => {
    service.revokeKey(id, by, { stored: () => resolve(true) }).then(
      ({ kind }) => {
        if (kind === 'revoked') log.info({ keyId: id }, 'key revoked');
        else if (kind === 'uncertain') log.warn({ keyId: id }, 'key revoked, not confirmed by every gate');
        else resolve(false);
      },
      (error: unknown) => {
        const detail = error instanceof Error ? error.message : 'unknown error';
        log.error({ keyId: id, detail }, 'a revocation was not confirmed');
        reject(error instanceof Error ? error : new Error(detail));
      },
    );
  });
  return isThere ? revocation(service, id, 202) : NO_SUCH_KEY;
}

async function revocation(service: KeyService, id: string, status: number): Promise<Answer> {
  const outcome = await service.revocation(id);
  if (outcome.kind === 'unknown_key') return NO_SUCH_KEY;
  if (outcome.kind === 'not_revoked') return problem(409, 'The key is not revoked.');
  const { revokedAt, certainAt, propagation } = outcome;
  const body: Revocation = {
    key_id: id,
    revoked_at: instantText(revokedAt),
    state: certainAt === null ? 'certain' : 'spreading',
    certain_at: certainAt === null ? null : instantText(certainAt),
    members: propagation.members,
    acked: propagation.acked,
    fenced: propagation.fenced,
    fenced_members: propagation.fencedMembers,
    waiting_members: propagation.waitingMembers,
  };
  return { status, body };
}
