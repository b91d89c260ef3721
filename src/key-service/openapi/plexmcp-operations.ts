import {
  plexmcpHistoryQuery,
  plexmcpKeyBody,
  plexmcpListQuery,
  plexmcpPatchBody,
  plexmcpUsageQuery,
} from '../requests/contracts.ts';
import { jsonSchemaOf, type JsonSchema } from '../requests/json-schema.ts';
import { KEY_STATUSES } from '../store/store.ts';
import { PERIODS } from '../usage-ranges.ts';
import { FORBIDDEN, NO_KEY, OWN_KEY, UNSURE } from './contract-words.ts';
import { INVALID, ok, refused, type Operations } from './operation.ts';
import { flag, instant, listOf, object, oneOf, orNull, text, wholeNumber } from './schema.ts';

const plexmcpKey = {
  id: text('The public id.'),
  name: text('What people call it.'),
  description: orNull(text('As it was given.')),
  prefix: orNull(text('How the key begins; null of imported keys.')),
  status: oneOf(KEY_STATUSES),
  created_at: instant('When it was made.'),
  last_used: orNull(instant('As reported by gates.')),
  expires_at: orNull(instant('When it ends.')),
  permissions: object({ mcps: { anyOf: [{ const: '*' }, listOf({ type: 'string' })] } }),
};
const shortUsage = {
  total_requests: wholeNumber('Since it was made.'),
  requests_today: wholeNumber('Of the UTC day.'),
};
const plexmcpPage = object({
  page: wholeNumber('From 1.', 1),
  per_page: wholeNumber('As asked for.', 1),
  total: wholeNumber('How many there are.'),
  total_pages: wholeNumber('How many pages.'),
});

export const PLEXMCP_COMPONENTS: Readonly<Record<string, JsonSchema>> = {
  PlexmcpError: object({
    success: { const: false },
    error: object({
      code: text('A word for programs.'),
      message: text('For people.'),
      details: {
        type: 'object',
        description: 'By field, what is wrong.',
        additionalProperties: { type: 'string' },
      },
    }),
  }),
};

/** PlexMCP's envelope. */
function success(data: JsonSchema, more: Readonly<Record<string, JsonSchema>> = {}): JsonSchema {
  return object({ success: { const: true }, data, ...more });
}

const PLEXMCP_KEYS: Operations = {
  'POST /v1/api-keys': {
    id: 'plexmcpCreateKey',
    tag: 'plexmcp',
    summary: 'Makes a key and shows it, this once',
    description:
      "The new key has the limits of the caller's, and reaches no MCP server that the caller's does not.",
    body: jsonSchemaOf(plexmcpKeyBody),
    example: { name: 'ci', permissions: { mcps: ['mcp_123'] } },
    answers: {
      201: ok(
        success(
          object({
            id: plexmcpKey.id,
            name: plexmcpKey.name,
            key: text('The key itself.'),
            prefix: plexmcpKey.prefix,
            status: plexmcpKey.status,
            created_at: plexmcpKey.created_at,
            expires_at: plexmcpKey.expires_at,
            permissions: plexmcpKey.permissions,
          }),
        ),
        'The key.',
      ),
      403: refused("The caller's key may only read, or does not reach all of these MCP servers."),
      404: refused('The owner is gone.'),
      422: INVALID,
    },
  },
  'GET /v1/api-keys': {
    id: 'plexmcpListKeys',
    tag: 'plexmcp',
    summary: 'The keys of the owner',
    query: jsonSchemaOf(plexmcpListQuery),
    answers: {
      200: ok(
        success(listOf(object({ ...plexmcpKey, usage: object(shortUsage) })), { pagination: plexmcpPage }),
        'A page.',
      ),
      422: INVALID,
    },
  },
  'GET /v1/api-keys/:id': {
    id: 'plexmcpShowKey',
    tag: 'plexmcp',
    summary: 'One key, and how much it was used',
    path: OWN_KEY,
    answers: {
      200: ok(
        success(
          object({
            ...plexmcpKey,
            created_by: object({ id: text('The id of a key, or a word.'), email: { type: 'null' } }),
            usage: object({
              ...shortUsage,
              requests_this_week: wholeNumber('Since Monday, in UTC.'),
              requests_this_month: wholeNumber('Of the month, in UTC.'),
            }),
          }),
        ),
        'The key.',
      ),
      404: NO_KEY,
    },
  },
  'PATCH /v1/api-keys/:id': {
    id: 'plexmcpPatchKey',
    tag: 'plexmcp',
    summary: 'Changes name or description',
    path: OWN_KEY,
    body: jsonSchemaOf(plexmcpPatchBody),
    example: { name: 'nightly' },
    answers: {
      200: ok(
        success(
          object({
            id: plexmcpKey.id,
            name: plexmcpKey.name,
            description: plexmcpKey.description,
            updated_at: instant('Now.'),
          }),
        ),
      ),
      403: FORBIDDEN,
      404: NO_KEY,
      409: refused('A revoked key does not change.'),
      422: INVALID,
    },
  },
  'DELETE /v1/api-keys/:id': {
    id: 'plexmcpRevokeKey',
    tag: 'plexmcp',
    summary: 'Ends a key for good; may be repeated',
    path: OWN_KEY,
    answers: {
      200: ok(
        success(
          object({
            id: plexmcpKey.id,
            status: oneOf(['revoked']),
            revoked_at: instant('When first revoked.'),
          }),
        ),
        'No request that begins from now on is accepted with the key.',
      ),
      403: refused("The caller's key may only read, or this is the last active key of the owner."),
      404: NO_KEY,
      503: UNSURE,
    },
  },
};

const PLEXMCP_USAGE: Operations = {
  'GET /v1/api-keys/:id/usage': {
    id: 'plexmcpKeyUsage',
    tag: 'plexmcp',
    summary: 'Requests of one key',
    path: OWN_KEY,
    query: jsonSchemaOf(plexmcpUsageQuery),
    answers: {
      200: ok(
        success(
          object({
            key_id: text('The public id.'),
            period: oneOf([...PERIODS, 'custom']),
            total_requests: wholeNumber('Of the period.'),
            by_mcp: listOf({}, { maxItems: 0, description: 'Empty: nobody reads bodies on the way.' }),
            by_day: listOf(object({ date: text('A UTC day.'), requests: wholeNumber('Of the day.') })),
            by_status: object({ success: wholeNumber('Below 400.'), error: wholeNumber('4xx and 5xx.') }),
          }),
        ),
        'The counts.',
      ),
      404: NO_KEY,
      422: INVALID,
    },
  },
  'GET /v1/usage': {
    id: 'plexmcpUsage',
    tag: 'plexmcp',
    summary: 'Requests of the owner in the calendar month, in UTC',
    answers: {
      200: ok(
        success(
          object({
            org_id: text('The owner.'),
            tier: text('Its tier.'),
            period_start: instant('The start of the month.'),
            period_end: instant('Its end.'),
            requests_used: wholeNumber('Requests that an upstream answered.'),
            requests_limit: { type: 'null', description: 'No month has a limit.' },
            percentage_used: { const: 0 },
            is_over_limit: flag('False.'),
          }),
        ),
        'The counts.',
      ),
    },
  },
  'GET /v1/usage/history': {
    id: 'plexmcpUsageHistory',
    tag: 'plexmcp',
    summary: 'Requests of the owner by day or hour, the newest first',
    query: jsonSchemaOf(plexmcpHistoryQuery),
    answers: {
      200: ok(
        success(
          listOf(
            object({
              period_start: instant('Of the day or hour.'),
              requests: wholeNumber('Requests that an upstream answered.'),
              errors: wholeNumber('Those answered with 4xx or 5xx.'),
            }),
          ),
          { pagination: plexmcpPage },
        ),
        'A page.',
      ),
      422: INVALID,
    },
  },
};

export const PLEXMCP_OPERATIONS: Operations = { ...PLEXMCP_KEYS, ...PLEXMCP_USAGE };
