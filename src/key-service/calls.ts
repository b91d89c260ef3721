import { recordToJson } from '../core/wire.ts';
import { parseDigest } from '../core/secret.ts';
import { invalid, malformed, pageJson, problem, type Answer } from './answers.ts';
import { keyToJson, ownerToJson } from './key-view.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import {
  readImportBody,
  readKeyBody,
  readKeyListQuery,
  readOwnerBody,
  readPageQuery,
  readPatchBody,
  readResolveBody,
  type RequestReader,
} from './requests.ts';

export interface CallRequest {
  readonly id: string;
  readonly query: unknown;
  readonly body: unknown;
  /** Aborted when the caller has left. */
  readonly signal: AbortSignal;
}

/** Which token opens a call; `anyone` needs none. */
export type Door = 'admin' | 'service' | 'anyone';

export interface Call {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** `:id` stands for one segment. */
  readonly path: string;
  readonly door: Door;
  readonly bodyLimit?: number;
  readonly answer: (request: CallRequest) => Promise<Answer>;
}

const IMPORT_BODY_BYTES = 16 * 1024 * 1024;

/** Everything the key service answers over HTTP. */
export function calls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [
    ...ownerCalls(service, log),
    ...keyCalls(service, log),
    importCall(service, log),
    ...gateCalls(service, log),
  ];
}

function ownerCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [
    {
      method: 'PUT',
      path: '/admin/v1/owners/:id',
      door: 'admin',
      answer: ({ id, body }) =>
        reading(readOwnerBody, body, async (draft) => {
          const outcome = await service.putOwner(id, draft);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          log.info({ ownerId: id }, 'owner put');
          return { status: 200, body: ownerToJson(outcome.owner) };
        }),
    },
    {
      method: 'GET',
      path: '/admin/v1/owners/:id',
      door: 'admin',
      answer: async ({ id }) => {
        const owner = await service.showOwner(id);
        return owner === null
          ? problem(404, 'No owner has this id.')
          : { status: 200, body: ownerToJson(owner) };
      },
    },
    {
      method: 'GET',
      path: '/admin/v1/owners',
      door: 'admin',
      answer: ({ query }) =>
        reading(readPageQuery, query, async (page) => {
          const outcome = await service.listOwners(page);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          const owners = outcome.owners.map(ownerToJson);
          return {
            status: 200,
            body: { owners, pagination: pageJson(outcome.page, outcome.total, owners.length) },
          };
        }),
    },
  ];
}

function keyCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [...keyOrders(service, log), ...keyQuestions(service)];
}

function keyOrders(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [
    {
      method: 'POST',
      path: '/admin/v1/keys',
      door: 'admin',
      answer: ({ body }) =>
        reading(readKeyBody, body, async (draft) => {
          const outcome = await service.createKey(draft);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          if (outcome.kind === 'unknown_owner') return invalid([{ field: 'owner', message: NO_SUCH_OWNER }]);
          const { keyId, owner } = outcome.view.record;
          log.info({ keyId, ownerId: owner.id }, 'key created');
          const { key_id, ...record } = keyToJson(outcome.view);
          return { status: 201, body: { key_id, key: outcome.key.reveal(), ...record } };
        }),
    },
    {
      method: 'PATCH',
      path: '/admin/v1/keys/:id',
      door: 'admin',
      answer: ({ id, body }) =>
        reading(readPatchBody, body, async (patch) => {
          const outcome = await service.patchKey(id, patch);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          if (outcome.kind === 'unknown_key') return NO_SUCH_KEY;
          if (outcome.kind === 'revoked')
            return problem(409, 'The key is revoked, and a revoked key does not change.');
          log.info({ keyId: id }, 'key changed');
          return { status: 200, body: keyToJson(outcome.view) };
        }),
    },
    {
      method: 'DELETE',
      path: '/admin/v1/keys/:id',
      door: 'admin',
      answer: ({ id }) => revoke(service, log, id),
    },
  ];
}

function keyQuestions(service: KeyService): readonly Call[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/keys',
      door: 'admin',
      answer: ({ query }) =>
        reading(readKeyListQuery, query, async (wanted) => {
          const outcome = await service.listKeys(wanted);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          const keys = outcome.keys.map(keyToJson);
          return {
            status: 200,
            body: { keys, pagination: pageJson(outcome.page, outcome.total, keys.length) },
          };
        }),
    },
    {
      method: 'GET',
      path: '/admin/v1/keys/:id',
      door: 'admin',
      answer: async ({ id }) => {
        const view = await service.showKey(id);
        return view === null ? NO_SUCH_KEY : { status: 200, body: keyToJson(view) };
      },
    },
  ];
}

const NO_SUCH_OWNER = 'no owner has this id';
const NO_SUCH_KEY = problem(404, 'No key has this id.');

/** 200 says that no gate accepts the key any more; while one has not confirmed, the answer is 503. */
async function revoke(service: KeyService, log: KeyServiceLog, id: string): Promise<Answer> {
  const outcome = await service.revokeKey(id);
  if (outcome.kind === 'unknown_key') return NO_SUCH_KEY;
  const { keyId, propagation } = outcome;
  const revoked_at = new Date(outcome.revokedAt).toISOString();
  if (propagation.acked + propagation.fenced < propagation.members) {
    log.warn({ keyId }, 'key revoked, not confirmed by every gate');
    const detail = 'The key is revoked, but not every gate has confirmed it. Repeat the call.';
    return problem(503, detail, { key_id: keyId, revoked_at, propagation }, { 'retry-after': '1' });
  }
  log.info({ keyId }, 'key revoked');
  return { status: 200, body: { key_id: keyId, status: 'revoked', revoked_at, propagation } };
}

function importCall(service: KeyService, log: KeyServiceLog): Call {
  return {
    method: 'POST',
    path: '/admin/v1/keys/import',
    door: 'admin',
    bodyLimit: IMPORT_BODY_BYTES,
    answer: ({ body }) =>
      reading(readImportBody, body, async (drafts) => {
        const outcome = await service.importKeys(drafts);
        if (outcome.kind === 'invalid') return invalid(outcome.errors);
        if (outcome.kind === 'unknown_owner') {
          return invalid([{ field: `keys[${outcome.index}].owner`, message: NO_SUCH_OWNER }]);
        }
        if (outcome.kind === 'taken') {
          const field = `keys[${outcome.index}].${outcome.what === 'digest' ? 'sha256' : 'key_id'}`;
          const errors = [{ field, message: 'is that of a key already here' }];
          return problem(409, 'A key of the list is already here; none was imported.', { errors });
        }
        log.info({ detail: `${outcome.imported} keys` }, 'keys imported');
        return { status: 201, body: { imported: outcome.imported } };
      }),
  };
}

function gateCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [
    {
      method: 'POST',
      path: '/v1/keys/resolve',
      door: 'service',
      answer: ({ body, signal }) =>
        reading(readResolveBody, body, async ({ digest: text }) => {
          const digest = parseDigest(text);
          if (digest === null)
            return invalid([{ field: 'digest', message: 'must be 64 lower-case hex digits' }]);
          const { record, asOf } = await service.resolve(digest, signal);
          return record === null
            ? { status: 404, body: { as_of: asOf } }
            : { status: 200, body: { record: recordToJson(record), as_of: asOf } };
        }),
    },
    {
      method: 'GET',
      path: '/livez',
      door: 'anyone',
      answer: async () => ({ status: 200, body: { status: 'ok' } }),
    },
    {
      method: 'GET',
      path: '/readyz',
      door: 'anyone',
      answer: async () => {
        try {
          await service.head();
          return { status: 200, body: { status: 'ok' } };
        } catch (error) {
          log.error(
            { detail: error instanceof Error ? error.message : 'unknown error' },
            'the store does not answer',
          );
          return problem(503, 'The store does not answer.', {}, { 'retry-after': '1' });
        }
      },
    },
  ];
}

async function reading<T>(
  read: RequestReader<T>,
  from: unknown,
  answer: (value: T) => Promise<Answer>,
): Promise<Answer> {
  const request = read(from);
  return request.kind === 'malformed' ? malformed(request.errors) : answer(request.value);
}
