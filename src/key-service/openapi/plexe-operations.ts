import { PERMISSIONS } from '../../core/key.ts';
import { plexeKeyBody, plexeListQuery, plexePatchBody } from '../requests/contracts.ts';
import { jsonSchemaOf, type JsonSchema } from '../requests/json-schema.ts';
import { KEY_STATUSES } from '../store/store.ts';
import { FORBIDDEN, NO_KEY, OWN_KEY, UNSURE } from './contract-words.ts';
import { INVALID, later, ok, refused, type Operations } from './operation.ts';
import { instant, listOf, object, oneOf, orNull, ref, text, wholeNumber } from './schema.ts';

const plexeKey = {
  key_id: text('The public id.'),
  name: text('What people call it.'),
  key_prefix: orNull(text('How the key begins; null of imported keys.')),
  key_suffix: orNull(text('How the key ends; null of imported keys.')),
  permission_level: oneOf(PERMISSIONS),
  created_at: instant('When it was made.'),
  expires_at: orNull(instant('When it ends.')),
  last_used_at: orNull(instant('As reported by gates.')),
  status: oneOf(KEY_STATUSES),
  created_by: text('The id of the key that made it, or a word: admin, import.'),
};
const last = (days: string): JsonSchema => wholeNumber(`Requests of the last ${days}.`);

export const PLEXE_COMPONENTS: Readonly<Record<string, JsonSchema>> = {
  PlexeKey: object(plexeKey),
  PlexeError: object({
    error: object({
      code: text('A word for programs.'),
      message: text('For people.'),
      status: wholeNumber('The status.', 400),
    }),
  }),
};

export const PLEXE_OPERATIONS: Operations = {
  'POST /auth/api-keys': {
    id: 'plexeCreateKey',
    tag: 'plexe',
    summary: 'Makes a key and shows it, this once',
    description: "The new key has the limits and MCP servers of the caller's.",
    body: jsonSchemaOf(plexeKeyBody),
    example: { name: 'ci', permission_level: 'read_only', expiration_days: 90 },
    answers: {
      200: ok(
        object({
          key_id: plexeKey.key_id,
          name: plexeKey.name,
          key: text('The key itself.'),
          permission_level: plexeKey.permission_level,
          created_at: plexeKey.created_at,
          expires_at: plexeKey.expires_at,
          created_by: plexeKey.created_by,
        }),
        'The key.',
      ),
      403: FORBIDDEN,
      404: refused('The owner is gone.'),
      422: INVALID,
      429: later("An owner's keys make at most ten keys in an hour."),
    },
  },
  'GET /auth/api-keys': {
    id: 'plexeListKeys',
    tag: 'plexe',
    summary: 'The keys of the owner',
    query: jsonSchemaOf(plexeListQuery),
    answers: {
      200: ok(object({ keys: listOf(ref('PlexeKey')), pagination: ref('Pagination') }), 'A page.'),
      422: INVALID,
    },
  },
  'GET /auth/api-keys/:id': {
    id: 'plexeShowKey',
    tag: 'plexe',
    summary: 'One key, and how much it was used',
    path: OWN_KEY,
    answers: {
      200: ok(
        object({
          ...plexeKey,
          usage_stats: object({
            requests_last_24h: last('24 hours'),
            requests_last_7d: last('7 days'),
            requests_last_30d: last('30 days'),
          }),
        }),
        'The key.',
      ),
      404: NO_KEY,
    },
  },
  'PATCH /auth/api-keys/:id': {
    id: 'plexePatchKey',
    tag: 'plexe',
    summary: 'Changes name or end',
    path: OWN_KEY,
    body: jsonSchemaOf(plexePatchBody),
    example: { expiration_days: 180 },
    answers: {
      200: ok(ref('PlexeKey')),
      403: FORBIDDEN,
      404: NO_KEY,
      409: refused('A revoked key does not change.'),
      422: INVALID,
    },
  },
  'DELETE /auth/api-keys/:id': {
    id: 'plexeRevokeKey',
    tag: 'plexe',
    summary: 'Ends a key for good; may be repeated',
    path: OWN_KEY,
    answers: {
      200: ok(
        object({
          key_id: text('The public id.'),
          status: oneOf(['revoked']),
          revoked_at: instant('When first revoked.'),
        }),
        'No request that begins from now on is accepted with the key.',
      ),
      403: FORBIDDEN,
      404: NO_KEY,
      503: UNSURE,
    },
  },
};
