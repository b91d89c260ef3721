import { formatStatedLimit } from '../core/limit.ts';
import type { Answer } from './answers.ts';
import { reading, type Call, type CallRequest } from './call.ts';
import { instantText, notYetCertain } from './contract-caller.ts';
import { contractKeyCalls } from './contract-keys.ts';
import { plexeRefusal } from './contract-refusals.ts';
import { FieldValues, type FieldError } from './field-values.ts';
import type { KeyView } from './key-view.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import { readPlexeKeyBody, readPlexeListQuery, readPlexePatchBody } from './requests/contracts.ts';
import { FIXED } from './requests/reader.ts';
import { KEY_STATUSES } from './store/store.ts';
import { lastHours } from './usage-ranges.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Plexe's published reference: ten keys an hour. */
const CREATION = { quota: 10, windowMs: HOUR_MS };
const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
const MAX_OFFSET = 1_000_000_000;
const MAX_EXPIRATION_DAYS = 3650;

/** The key management of Plexe, behind a gate. */
export function plexeCalls(service: KeyService, log: KeyServiceLog): readonly Call[] {
  const contract = { service, refusal: plexeRefusal };
  const keys = contractKeyCalls(contract, '/auth/api-keys', {
    create: (request, caller) => create(service, log, request, caller),
    list: (request, caller) => list(service, request, caller),
    show: (key) => show(service, key),
    patch: (request) => patch(service, log, request),
    revoke: (request) => revoke(service, log, request),
  });
  return keys;
}

/** A new key has the limits and MCP servers of the key that makes it: nobody hands on more than they have. */
function create(
  service: KeyService,
  log: KeyServiceLog,
  { body, by }: CallRequest,
  { record }: KeyView,
): Promise<Answer> {
  const answer = async (read: { name: string; permission_level: string; expiration_days?: Days }) => {
    const values = new FieldValues();
    const draft = {
      owner: record.owner.id,
      name: read.name,
      profile: 'plexe',
      permission: read.permission_level,
      expiresAt: expiry(values, read.expiration_days, service.history.now()),
      limits: record.limits.map(formatStatedLimit),
      mcps: record.mcps,
    };
    if (values.errors.length > 0) return invalid(values.errors);
    const outcome = await service.createKey(draft, by, CREATION);
    if (outcome.kind === 'invalid') return invalid(outcome.errors);
    if (outcome.kind === 'throttled') return throttled(outcome.retryAfterMs);
    if (outcome.kind === 'unknown_owner') return plexeRefusal({ status: 404, detail: 'Account not found' });
    const { record: made, createdBy } = outcome.view;
    log.info({ keyId: made.keyId, ownerId: made.owner.id }, 'key created');
    return {
      status: 200,
      body: {
        key_id: made.keyId,
        name: made.name,
        key: outcome.key.reveal(),
        permission_level: made.permission,
        created_at: instantText(made.createdAt),
        expires_at: instantText(made.expiresAt),
        created_by: createdBy,
      },
    };
  };
  return reading(readPlexeKeyBody, body, answer, plexeRefusal);
}

type Days = number | null | undefined;

/** Null takes the end away; undefined says nothing of it. */
function expiry(values: FieldValues, days: Days, now: number): string | null | undefined {
  if (days === undefined || days === null) return days;
  const whole = values.wholeNumber('expiration_days', days, 1, MAX_EXPIRATION_DAYS);
  return values.errors.length > 0 ? null : instantText(now + whole * DAY_MS);
}

function throttled(retryAfterMs: number): Answer {
  const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
  const detail = `An account creates at most ${CREATION.quota} keys in an hour`;
  return plexeRefusal({ status: 429, detail, headers: { 'retry-after': String(seconds) } });
}

function list(service: KeyService, { query }: CallRequest, { record }: KeyView): Promise<Answer> {
  const answer = async (wanted: {
    limit?: number | undefined;
    offset?: number | undefined;
    status?: string | undefined;
  }) => {
    const values = new FieldValues();
    const limit = values.wholeNumber('limit', wanted.limit ?? DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE);
    const offset = values.wholeNumber('offset', wanted.offset ?? 0, 0, MAX_OFFSET);
    if (wanted.status !== undefined) values.oneOf('status', wanted.status, KEY_STATUSES);
    if (values.errors.length > 0) return invalid(values.errors);
    const outcome = await service.listKeys({ owner: record.owner.id, status: wanted.status, limit, offset });
    if (outcome.kind === 'invalid') return invalid(outcome.errors);
    const { keys, total } = outcome;
    const pagination = { total, limit, offset, has_more: offset + keys.length < total };
    return { status: 200, body: { keys: keys.map(keyJson), pagination } };
  };
  return reading(readPlexeListQuery, query, answer, plexeRefusal);
}

async function show({ history }: KeyService, key: KeyView): Promise<Answer> {
  const of = { keyId: key.record.keyId };
  const within = (hours: number) => history.requests(of, lastHours(hours, history.now()));
  const usage_stats = {
    requests_last_24h: await within(24),
    requests_last_7d: await within(7 * 24),
    requests_last_30d: await within(30 * 24),
  };
  return { status: 200, body: { ...keyJson(key), usage_stats } };
}

function patch(service: KeyService, log: KeyServiceLog, { id, body, by }: CallRequest): Promise<Answer> {
  const answer = async (read: {
    name?: string | undefined;
    permission_level?: unknown;
    expiration_days?: Days;
  }) => {
    if (read.permission_level !== undefined) return invalid([{ field: 'permission_level', message: FIXED }]);
    if (read.name === undefined && read.expiration_days === undefined) {
      return plexeRefusal({ status: 400, detail: 'Missing required field: name or expiration_days' });
    }
    const values = new FieldValues();
    const expiresAt = expiry(values, read.expiration_days, service.history.now());
    if (values.errors.length > 0) return invalid(values.errors);
    const outcome = await service.patchKey(id, { name: read.name, expiresAt }, by);
    if (outcome.kind === 'invalid') return invalid(outcome.errors);
    if (outcome.kind === 'unknown_key') return plexeRefusal({ status: 404, detail: 'API key not found' });
    if (outcome.kind === 'revoked')
      return plexeRefusal({ status: 409, detail: 'A revoked API key does not change' });
    log.info({ keyId: id }, 'key changed');
    return { status: 200, body: keyJson(outcome.view) };
  };
  return reading(readPlexePatchBody, body, answer, plexeRefusal);
}

async function revoke(
  service: KeyService,
  log: KeyServiceLog,
  { id, by, signal }: CallRequest,
): Promise<Answer> {
  const outcome = await service.revokeKey(id, by, { signal });
  if (outcome.kind === 'uncertain') {
    log.warn({ keyId: id }, 'key revoked, not confirmed by every gate');
    return notYetCertain(plexeRefusal, outcome.certainAt - service.history.now());
  }
  if (outcome.kind !== 'revoked') return plexeRefusal({ status: 404, detail: 'API key not found' });
  log.info({ keyId: id }, 'key revoked');
  const revoked_at = instantText(outcome.revokedAt);
  return { status: 200, body: { key_id: id, status: 'revoked', revoked_at } };
}

/** A key as Plexe lists it: its ends, never the key. */
function keyJson({ record, status, shownPrefix, shownSuffix, lastUsedAt, createdBy }: KeyView): object {
  return {
    key_id: record.keyId,
    name: record.name,
    key_prefix: shownPrefix,
    key_suffix: shownSuffix,
    permission_level: record.permission,
    created_at: instantText(record.createdAt),
    expires_at: instantText(record.expiresAt),
    last_used_at: instantText(lastUsedAt),
    status,
    created_by: createdBy,
  };
}

/** The key service's own names of fields, where Plexe has others. */
const PLEXE_NAMES: Readonly<Record<string, string>> = {
  permission: 'permission_level',
  expires_at: 'expiration_days',
};

function invalid(errors: readonly FieldError[]): Answer {
  const named = errors.map(({ field, message }) => ({ field: PLEXE_NAMES[field] ?? field, message }));
  return plexeRefusal({ status: 422, detail: 'Validation failed', errors: named });
}
