import {
  auditQuery,
  importBody,
  keyBody,
  keyListQuery,
  ownerBody,
  pageQuery,
  patchBody,
  rotationBody,
  usageQuery,
} from '../requests/admin.ts';
import { jsonSchemaOf } from '../requests/json-schema.ts';
import { component, INVALID, ok, refused, type Operations } from './operation.ts';
import { listOf, object, orNull, ref, text, wholeNumber } from './schema.ts';

const OWNER_ID = 'The id of the owner.';
const KEY_ID = 'The public id of the key.';
const NO_OWNER = refused('No owner has this id.');
const NO_KEY = refused('No key has this id.');

const REVOKE = `
Answers 200 when no gate accepts the key in a request that begins from then on, not even a gate that cannot be reached:
\`acked\` have confirmed it, \`fenced\` are silent for so long that they use nothing they knew any more. Where that takes
long, it answers 202 with the moment at which it is certain. May be repeated: it waits for the first revocation again.`;

const OWNERS: Operations = {
  'PUT /admin/v1/owners/:id': {
    id: 'putOwner',
    tag: 'owners',
    summary: 'Makes or replaces an owner',
    description: 'All of the owner is replaced: what is left out gets its default.',
    path: OWNER_ID,
    body: jsonSchemaOf(ownerBody),
    example: { profile: 'standard', tier: 'default', limits: ['100/minute'] },
    answers: { 200: component('Owner'), 422: INVALID },
  },
  'GET /admin/v1/owners/:id': {
    id: 'showOwner',
    tag: 'owners',
    summary: 'One owner',
    path: OWNER_ID,
    answers: { 200: component('Owner', 'The owner.'), 404: NO_OWNER },
  },
  'GET /admin/v1/owners': {
    id: 'listOwners',
    tag: 'owners',
    summary: 'Owners, by id',
    query: jsonSchemaOf(pageQuery),
    answers: {
      200: ok(object({ owners: listOf(ref('Owner')), pagination: ref('Pagination') }), 'A page.'),
      422: INVALID,
    },
  },
};

const KEYS: Operations = {
  'POST /admin/v1/keys': {
    id: 'createKey',
    tag: 'keys',
    summary: 'Makes a key and shows it, this once',
    body: jsonSchemaOf(keyBody),
    example: { owner: 'acme', name: 'ci', profile: 'standard', permission: 'read_only' },
    answers: { 201: component('NewKey', 'The key.'), 422: INVALID },
  },
  'GET /admin/v1/keys': {
    id: 'listKeys',
    tag: 'keys',
    summary: 'Keys, the newest first; never a key itself or a digest',
    query: jsonSchemaOf(keyListQuery),
    answers: {
      200: ok(object({ keys: listOf(ref('Key')), pagination: ref('Pagination') }), 'A page.'),
      422: INVALID,
    },
  },
  'GET /admin/v1/keys/:id': {
    id: 'showKey',
    tag: 'keys',
    summary: 'One key',
    path: KEY_ID,
    answers: { 200: component('Key', 'The key.'), 404: NO_KEY },
  },
  'PATCH /admin/v1/keys/:id': {
    id: 'patchKey',
    tag: 'keys',
    summary: 'Changes name, end, limits or MCP servers',
    path: KEY_ID,
    body: jsonSchemaOf(patchBody),
    example: { expires_at: '2030-01-31T12:00:00Z' },
    answers: {
      200: component('Key'),
      404: NO_KEY,
      409: refused('A revoked key does not change.'),
      422: INVALID,
    },
  },
  'DELETE /admin/v1/keys/:id': {
    id: 'revokeKey',
    tag: 'keys',
    summary: 'Ends a key for good',
    description: REVOKE,
    path: KEY_ID,
    answers: {
      200: component(
        'Revocation',
        'No request that begins from now on is accepted with the key, by any gate.',
      ),
      202: component(
        'UncertainRevocation',
        'The key is revoked, and not every gate is known to know of it yet.',
      ),
      404: NO_KEY,
    },
  },
  'POST /admin/v1/keys/:id/rotate': {
    id: 'rotateKey',
    tag: 'keys',
    summary: 'Replaces a key by a new one on the same terms',
    path: KEY_ID,
    body: jsonSchemaOf(rotationBody),
    example: { overlap: '1h' },
    answers: {
      201: component('Rotation', 'The new key, and when the old one ends.'),
      404: NO_KEY,
      409: refused('The key is revoked, has expired, or was rotated before.'),
      422: INVALID,
    },
  },
  'POST /admin/v1/keys/import': {
    id: 'importKeys',
    tag: 'keys',
    summary: 'Takes over keys made elsewhere, by their digests: all of the list or none',
    body: jsonSchemaOf(importBody),
    answers: {
      201: ok(object({ imported: wholeNumber('How many.', 1) }), 'All are here.'),
      409: refused('A key of the list is already here; none was imported.'),
      422: INVALID,
    },
  },
};

const HISTORY: Operations = {
  'GET /admin/v1/audit': {
    id: 'audit',
    tag: 'history',
    summary: 'Management calls and refused authentications, the newest first',
    query: jsonSchemaOf(auditQuery),
    answers: {
      200: ok(
        object({
          audit: listOf(ref('AuditRow')),
          next_cursor: orNull(text('For the next page; null: this is the last.')),
        }),
        'A page.',
      ),
      422: INVALID,
    },
  },
  'GET /admin/v1/members': {
    id: 'members',
    tag: 'history',
    summary: 'The gates, and how far behind each of them is',
    answers: { 200: component('Fleet', 'The fleet.') },
  },
  'GET /admin/v1/usage': {
    id: 'usage',
    tag: 'history',
    summary: 'Requests of a key, or of all keys of an owner',
    query: jsonSchemaOf(usageQuery),
    answers: { 200: component('Usage', 'The counts.'), 422: INVALID },
  },
};

export const ADMIN_OPERATIONS: Operations = { ...OWNERS, ...KEYS, ...HISTORY };
