import { invalid, pageJson, problem, type Answer } from '../answers.ts';
import { reading } from '../call.ts';
import { keyToJson, type KeyView } from '../key-view.ts';
import type { KeyService } from '../keys.ts';
import type { KeyServiceLog } from '../log.ts';
import { readRotationBody } from '../requests/admin.ts';
import { readKeyQuery, readNewKey } from '../requests/console.ts';
import type { Answers } from './call.ts';
import { createForOwner } from './creation.ts';
import { Revocations, type RevocationStanding } from './revocations.ts';
import type { CreatedKey, KeyRow, Pagination, RotatedKey } from './wire.ts';

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
  const revocations = new Revocations(service, log);
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
      answer: async ({ id, by }) => revocationAnswer(await revocations.start(id, by), 202),
    },
    'GET /console/api/keys/:id/revocation': {
      answer: async ({ id }) => revocationAnswer(await revocations.standing(id), 200),
    },
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

function revocationAnswer(standing: RevocationStanding, status: number): Answer {
  if (standing.kind === 'unknown_key') return NO_SUCH_KEY;
  if (standing.kind === 'not_revoked') return problem(409, 'The key is not revoked.');
  return { status, body: standing.revocation };
}
