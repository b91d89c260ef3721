import { formatStatedLimit } from '../core/limit.ts';
import type { Answer } from './answers.ts';
import { reading, type Call, type CallRequest } from './call.ts';
import { instantText, notYetCertain } from './contract-caller.ts';
import { contractKeyCalls } from './contract-keys.ts';
import { plexmcpRefusal } from './contract-refusals.ts';
import { parseInstant } from '../core/instant.ts';
import { FieldValues, type FieldError } from './field-values.ts';
import type { KeyView } from './key-view.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import { plexmcpPage, plexmcpPageJson } from './plexmcp-pages.ts';
import { plexmcpUsageCalls } from './plexmcp-usage-calls.ts';
import { readPlexmcpKeyBody, readPlexmcpListQuery, readPlexmcpPatchBody } from './requests/contracts.ts';
import { FIXED } from './requests/reader.ts';
import { KEY_STATUSES } from './store/store.ts';
import { periodOf } from './usage-ranges.ts';

/** The key management and the usage of PlexMCP, behind a gate. */
export function plexmcpCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  const contract = { service, refusal: plexmcpRefusal };
  const keys = contractKeyCalls(contract, '/v1/api-keys', {
    create: (request, caller) => create(service, log, request, caller),
    list: (request, caller) => list(service, request, caller),
    show: (key) => show(service, key),
    patch: (request) => patch(service, log, request),
    revoke: (request) => revoke(service, log, request),
  });
  return [...keys, ...plexmcpUsageCalls(contract)];
}

interface KeyBody {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly expires_at?: string | null | undefined;
  readonly permissions?: { readonly mcps?: Mcps | undefined } | null | undefined;
}

type Mcps = string | readonly string[];

/** A new key reaches no MCP server that the key which makes it does not reach, and has its limits. */
function create(
  service: KeyService,
  log: KeyServiceLog,
  { body, by }: CallRequest,
  { record }: KeyView,
): Promise<Answer> {
  const answer = async ({ name, description, expires_at, permissions }: KeyBody) => {
    const mcps = permissions?.mcps ?? record.mcps;
    if (!withinReach(mcps, record.mcps)) {
      return plexmcpRefusal({ status: 403, detail: 'API key does not have permission for these MCPs' });
    }
    const outcome = await service.createKey(
      {
        owner: record.owner.id,
        name,
        description,
        profile: 'plexmcp',
        permission: 'read_write',
        expiresAt: typeof expires_at === 'string' ? endOfDay(expires_at) : expires_at,
        limits: record.limits.map(formatStatedLimit),
        mcps,
      },
      by,
    );
    if (outcome.kind === 'invalid') return invalid(outcome.errors);
    if (outcome.kind !== 'created') return plexmcpRefusal({ status: 404, detail: 'Organization not found' });
    const { record: made, shownPrefix, status } = outcome.view;
    log.info({ keyId: made.keyId, ownerId: made.owner.id }, 'key created');
    return success(201, {
      id: made.keyId,
      name: made.name,
      key: outcome.key.reveal(),
      prefix: shownPrefix,
      status,
      created_at: instantText(made.createdAt),
      expires_at: instantText(made.expiresAt),
      permissions: { mcps: made.mcps },
    });
  };
  return reading(readPlexmcpKeyBody, body, answer, plexmcpRefusal);
}

function withinReach(wanted: Mcps, reach: '*' | readonly string[]): boolean {
  if (reach === '*') return true;
  return typeof wanted !== 'string' && wanted.every((id) => reach.includes(id));
}

/** A day alone lasts until its end, as it does at PlexMCP. */
function endOfDay(text: string): string {
  const lastSecond = `${text}T23:59:59Z`;
  return parseInstant(lastSecond) === null ? text : lastSecond;
}

function list(service: KeyService, { query }: CallRequest, { record }: KeyView): Promise<Answer> {
  const answer = async (wanted: {
    status?: string | undefined;
    page?: number | undefined;
    perPage?: number | undefined;
  }) => {
    const values = new FieldValues();
    const page = plexmcpPage(values, wanted);
    if (wanted.status !== undefined) values.oneOf('status', wanted.status, KEY_STATUSES);
    if (values.errors.length > 0) return invalid(values.errors);
    const { limit, offset } = page;
    const outcome = await service.listKeys({ owner: record.owner.id, status: wanted.status, limit, offset });
    if (outcome.kind === 'invalid') return invalid(outcome.errors);
    const data = [];
    for (const key of outcome.keys) data.push({ ...keyJson(key), usage: await shortUsage(service, key) });
    const body = { success: true, data, pagination: plexmcpPageJson(page, outcome.total) };
    return { status: 200, body };
  };
  return reading(readPlexmcpListQuery, query, answer, plexmcpRefusal);
}

async function show(service: KeyService, key: KeyView): Promise<Answer> {
  const { history } = service;
  const of = { keyId: key.record.keyId };
  const usage = {
    ...(await shortUsage(service, key)),
    requests_this_week: await history.requests(of, periodOf('week', history.now())),
    requests_this_month: await history.requests(of, periodOf('month', history.now())),
  };
  return success(200, { ...keyJson(key), created_by: { id: key.createdBy, email: null }, usage });
}

async function shortUsage({ history }: KeyService, key: KeyView): Promise<object> {
  const today = periodOf('day', history.now());
  return {
    total_requests: key.requestCount,
    requests_today: await history.requests({ keyId: key.record.keyId }, today),
  };
}

interface PatchBody {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly expires_at?: unknown;
  readonly permissions?: unknown;
}

function patch(service: KeyService, log: KeyServiceLog, { id, body, by }: CallRequest): Promise<Answer> {
  const answer = async ({ name, description, ...rest }: PatchBody) => {
    const fixed = (['permissions', 'expires_at'] as const).filter((field) => rest[field] !== undefined);
    if (fixed.length > 0) return invalid(fixed.map((field) => ({ field, message: FIXED })));
    if (name === undefined && description === undefined) {
      return plexmcpRefusal({ status: 400, detail: 'Neither name nor description is given' });
    }
    const outcome = await service.patchKey(id, { name, description }, by);
    if (outcome.kind === 'invalid') return invalid(outcome.errors);
    if (outcome.kind === 'unknown_key') return plexmcpRefusal({ status: 404, detail: 'API key not found' });
    if (outcome.kind === 'revoked')
      return plexmcpRefusal({ status: 409, detail: 'A revoked API key does not change' });
    log.info({ keyId: id }, 'key changed');
    const { view } = outcome;
    return success(200, {
      id,
      name: view.record.name,
      description: view.description,
      updated_at: instantText(service.history.now()),
    });
  };
  return reading(readPlexmcpPatchBody, body, answer, plexmcpRefusal);
}

async function revoke(
  service: KeyService,
  log: KeyServiceLog,
  { id, by, signal }: CallRequest,
): Promise<Answer> {
  const outcome = await service.revokeKey(id, by, { keepLast: true, signal });
  if (outcome.kind === 'last_key') {
    return plexmcpRefusal({ status: 403, detail: 'Cannot revoke your only active key' });
  }
  if (outcome.kind === 'unknown_key') return plexmcpRefusal({ status: 404, detail: 'API key not found' });
  if (outcome.kind === 'uncertain') {
    log.warn({ keyId: id }, 'key revoked, not confirmed by every gate');
    return notYetCertain(plexmcpRefusal, outcome.certainAt - service.history.now());
  }
  log.info({ keyId: id }, 'key revoked');
  return success(200, { id, status: 'revoked', revoked_at: instantText(outcome.revokedAt) });
}

/** A key as PlexMCP lists it: its beginning, never the key. */
function keyJson({ record, status, description, shownPrefix, lastUsedAt }: KeyView): object {
  return {
    id: record.keyId,
    name: record.name,
    description,
    prefix: shownPrefix,
    status,
    created_at: instantText(record.createdAt),
    last_used: instantText(lastUsedAt),
    expires_at: instantText(record.expiresAt),
    permissions: { mcps: record.mcps },
  };
}

function success(status: number, data: object): Answer {
  return { status, body: { success: true, data } };
}

function invalid(errors: readonly FieldError[]): Answer {
  const named = errors.map(({ field, message }) => ({
    field: field.startsWith('mcps') ? `permissions.${field}` : field,
    message,
  }));
  return plexmcpRefusal({ status: 422, detail: 'Validation failed', errors: named });
}
