import { ownerToJson } from '../core/wire-json.ts';
import { invalid, pageJson, problem, type Answer } from './answers.ts';
import { reading, type Call, type CallRequest } from './call.ts';
import { gateCalls } from './gate-calls.ts';
import { historyCalls } from './history-calls.ts';
import type { Roster } from './console/roster.ts';
import type { RotationDraft } from './drafts.ts';
import type { Propagation } from './fleet/reach.ts';
import { keyToJson } from './key-view.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import { memberCalls } from './member-calls.ts';
import { operatorCalls } from './operator-calls.ts';
import { openApiDocument } from './openapi/document.ts';
import { plexeCalls } from './plexe-calls.ts';
import { plexmcpCalls } from './plexmcp-calls.ts';
import {
  readImportBody,
  readKeyBody,
  readKeyListQuery,
  readOwnerBody,
  readPageQuery,
  readPatchBody,
  readRotationBody,
} from './requests/admin.ts';
import type { Actor } from './store/ledger.ts';

const IMPORT_BODY_BYTES = 16 * 1024 * 1024;

/** Everything the key service answers over HTTP. */
export function calls(
  service: KeyService,
  log: KeyServiceLog,
  roster: Roster | null = null,
): readonly Call[] {
  const all: readonly Call[] = [
    ...ownerCalls(service, log),
    ...keyCalls(service, log),
    importCall(service, log),
    ...historyCalls(service),
    ...memberCalls(service),
    ...operatorCalls(roster),
    ...gateCalls(service, log),
    ...plexeCalls(service, log),
    ...plexmcpCalls(service, log),
    {
      method: 'GET',
      path: '/openapi.json',
      door: 'anyone',
      answer: async () => ({ status: 200, body: openApiDocument(all) }),
    },
  ];
  return all;
}

function ownerCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  return [
    {
      method: 'PUT',
      path: '/admin/v1/owners/:id',
      door: 'admin',
      action: 'owner.put',
      answer: ({ id, body, by }) =>
        reading(readOwnerBody, body, async (draft) => {
          const outcome = await service.putOwner(id, draft, by);
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
      action: 'key.create',
      answer: ({ body, by }) =>
        reading(readKeyBody, body, async (draft) => {
          const outcome = await service.createKey(draft, by);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          if (outcome.kind !== 'created') return invalid([{ field: 'owner', message: NO_SUCH_OWNER }]);
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
      action: 'key.patch',
      answer: ({ id, body, by }) =>
        reading(readPatchBody, body, async (patch) => {
          const outcome = await service.patchKey(id, patch, by);
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
      action: 'key.revoke',
      answer: (request) => revoke(service, log, request),
    },
    {
      method: 'POST',
      path: '/admin/v1/keys/:id/rotate',
      door: 'admin',
      action: 'key.rotate',
      answer: ({ id, body, by }) =>
        reading(readRotationBody, body, (draft) => rotate(service, log, id, draft, by)),
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

/** 200 says that no gate accepts the key any more; 202 says when that is certain, if a gate stays silent. */
async function revoke(
  service: KeyService,
  log: KeyServiceLog,
  { id, by, signal }: CallRequest,
): Promise<Answer> {
  const outcome = await service.revokeKey(id, by, { signal });
  if (outcome.kind !== 'revoked' && outcome.kind !== 'uncertain') return NO_SUCH_KEY;
  const { kind, keyId } = outcome;
  const key = { key_id: keyId, status: 'revoked', revoked_at: new Date(outcome.revokedAt).toISOString() };
  const propagation = propagationToJson(outcome.propagation);
  if (kind === 'revoked') {
    log.info({ keyId }, 'key revoked');
    return { status: 200, body: { ...key, propagation } };
  }
  log.warn({ keyId }, 'key revoked, not confirmed by every gate');
  const certain_at = new Date(outcome.certainAt).toISOString();
  const detail = `The key is revoked, but not every gate has confirmed it; it is certain at ${certain_at}. Repeat the call.`;
  return { status: 202, body: { ...key, certain_at, propagation, detail } };
}

function propagationToJson({ members, acked, fenced, fencedMembers }: Propagation): object {
  return { members, acked, fenced, fenced_members: fencedMembers };
}

const NOT_ROTATED = {
  revoked: 'The key is revoked; make a new one.',
  expired: 'The key has expired; make a new one.',
  replaced: 'The key has been rotated before; rotate the one that replaced it.',
} as const;

async function rotate(
  service: KeyService,
  log: KeyServiceLog,
  id: string,
  draft: RotationDraft,
  by: Actor,
): Promise<Answer> {
  const outcome = await service.rotateKey(id, draft, by);
  if (outcome.kind === 'invalid') return invalid(outcome.errors);
  if (outcome.kind === 'unknown_key') return NO_SUCH_KEY;
  if (outcome.kind !== 'rotated') {
    const more = outcome.kind === 'replaced' ? { replaced_by: outcome.by } : {};
    return problem(409, NOT_ROTATED[outcome.kind], more);
  }
  const { key_id, ...record } = keyToJson(outcome.view);
  log.info({ keyId: id, detail: `replaced by ${key_id}` }, 'key rotated');
  const old_expires_at = keyToJson(outcome.old).expires_at;
  return {
    status: 201,
    body: { key_id, key: outcome.key.reveal(), ...record, replaces: id, old_expires_at },
  };
}

function importCall(service: KeyService, log: KeyServiceLog): Call {
  return {
    method: 'POST',
    path: '/admin/v1/keys/import',
    door: 'admin',
    action: 'key.import',
    bodyLimit: IMPORT_BODY_BYTES,
    answer: ({ body, by }) =>
      reading(readImportBody, body, async (drafts) => {
        const outcome = await service.importKeys(drafts, by);
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
