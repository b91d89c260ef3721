import {
  flag,
  instant,
  listOf,
  objectOf,
  oneOf,
  orNull,
  textLike,
  textUpTo,
  UnusableField,
  wholeNumber,
  type JsonReader,
} from './json-fields.ts';
import { gaugesToJson } from './gauges.ts';
import { instantText } from './instant.ts';
import { PERMISSIONS, type KeyRecord, type Owner } from './key.ts';
import { formatStatedLimit, parseStatedLimit, STATED_LIMIT_FORM, type StatedLimit } from './limit.ts';
import { PROFILES } from './profile.ts';
import { parseDigest, type Digest } from './secret.ts';
import type {
  Change,
  Grant,
  RefusedRequest,
  Renewal,
  Report,
  Resolution,
  SuppressedRefusals,
  UsageDelta,
} from './wire.ts';

/*
 * What gate and key service say to each other, as JSON: snake_case, instants by RFC 3339 in UTC, durations as whole
 * milliseconds, limits as their configuration text. A gate may be asked to use a key service of somebody else's, so
 * what is read here is read strictly and with bounds; fields that are not known are ignored.
 */

/** A grant tells at most so many changes; a member that needs more asks again. */
export const CHANGES_IN_A_GRANT = 10_000;
const LIMITS_MAX = 8;
const MCPS_MAX = 256;
/** A shorter fence would have its members do nothing but renew. */
const FENCE_LEAST_MS = 100;
const FENCE_MOST_MS = 3_600_000;

// Ids stand in header lines and names of Redis, where others have to escape them.
const id = textLike(/^[^\p{Cc}\p{Cs}]{1,128}$/u, '1 to 128 characters, none of them a control character');
const label = textLike(/^[\x21-\x7e]{1,128}$/, '1 to 128 visible ASCII characters');
const name = textUpTo(256);

const limit: JsonReader<StatedLimit> = (value, field) => {
  const read = typeof value === 'string' ? parseStatedLimit(value) : null;
  if (read === null) throw new UnusableField(field, `must be ${STATED_LIMIT_FORM}`);
  return read;
};
const limits = listOf(limit, LIMITS_MAX);

const digest: JsonReader<Digest> = (value, field) => {
  const read = typeof value === 'string' ? parseDigest(value) : null;
  if (read === null) throw new UnusableField(field, 'must be 64 lower-case hex digits');
  return read;
};

const mcpIds = listOf(id, MCPS_MAX);
const mcps: JsonReader<KeyRecord['mcps']> = (value, field) => (value === '*' ? '*' : mcpIds(value, field));

const owner = objectOf<Owner>({
  id: ['id', id],
  profile: ['profile', oneOf(PROFILES)],
  tier: ['tier', id],
  enabled: ['enabled', flag],
  workspace: ['workspace', orNull(id)],
  limits: ['limits', orNull(limits)],
});

const record = objectOf<KeyRecord>({
  keyId: ['key_id', id],
  name: ['name', name],
  profile: ['profile', oneOf(PROFILES)],
  owner: ['owner', owner],
  permission: ['permission', oneOf(PERMISSIONS)],
  limits: ['limits', limits],
  mcps: ['mcps', mcps],
  createdAt: ['created_at', instant],
  expiresAt: ['expires_at', orNull(instant)],
  revokedAt: ['revoked_at', orNull(instant)],
  deprecatedAt: ['deprecated_at', orNull(instant)],
});

const anyChange = objectOf<Change>({
  number: ['number', wholeNumber(1)],
  keyId: ['key_id', orNull(id)],
  ownerId: ['owner_id', orNull(id)],
  digest: ['digest', orNull(digest)],
});

const change: JsonReader<Change> = (value, field) => {
  const read = anyChange(value, field);
  if (read.keyId === null && read.ownerId === null && read.digest === null) {
    throw new UnusableField(field, 'must name a key, an owner or a digest');
  }
  return read;
};

const asOf = wholeNumber(0);
const found = objectOf<Resolution>({ record: ['record', record], asOf: ['as_of', asOf] });
const unknown = objectOf<Omit<Resolution, 'record'>>({ asOf: ['as_of', asOf] });

const grant = objectOf<Grant>({
  epoch: ['epoch', label],
  head: ['head', wholeNumber(0)],
  changes: ['changes', listOf(change, CHANGES_IN_A_GRANT)],
  fenceMs: ['fence', wholeNumber(0, FENCE_MOST_MS)],
  now: ['now', instant],
  redisRun: ['redis_run', orNull(label)],
});

export interface OwnerJson {
  id: string;
  profile: Owner['profile'];
  tier: string;
  enabled: boolean;
  workspace: string | null;
  limits: string[] | null;
}

export interface RecordJson {
  key_id: string;
  name: string;
  profile: Owner['profile'];
  owner: OwnerJson;
  permission: KeyRecord['permission'];
  limits: string[];
  mcps: '*' | string[];
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  deprecated_at: string | null;
}

export function recordToJson(key: KeyRecord): RecordJson {
  return {
    key_id: key.keyId,
    name: key.name,
    profile: key.profile,
    owner: ownerToJson(key.owner),
    permission: key.permission,
    limits: key.limits.map(formatStatedLimit),
    mcps: key.mcps === '*' ? '*' : [...key.mcps],
    created_at: instantText(key.createdAt),
    expires_at: instantOrNull(key.expiresAt),
    revoked_at: instantOrNull(key.revokedAt),
    deprecated_at: instantOrNull(key.deprecatedAt),
  };
}

export function ownerToJson(billed: Owner): OwnerJson {
  return { ...billed, limits: billed.limits?.map(formatStatedLimit) ?? null };
}

/** Throws `UnusableField`. */
export function recordFromJson(json: unknown): KeyRecord {
  return record(json, 'record');
}

/** The two answers to the question what a digest stands for: 200 with the record, 404 without. */
export function resolutionToJson({ record: key, asOf: as_of }: Resolution): object {
  return key === null ? { as_of } : { record: recordToJson(key), as_of };
}

/** Throws `UnusableField`. */
export function foundFromJson(json: unknown): Resolution {
  return found(json, '');
}

/** Throws `UnusableField`: whatever else is not there, it is not known to be no key. */
export function unknownFromJson(json: unknown): Resolution {
  return { record: null, ...unknown(json, '') };
}

export function renewalToJson({ epoch, applied, staleIfErrorMs, leaving }: Renewal): object {
  return { epoch, applied, stale_if_error: staleIfErrorMs, ...(leaving ? { leaving } : {}) };
}

export function grantToJson({ epoch, head, changes, fenceMs, now, redisRun }: Grant): object {
  return {
    epoch,
    head,
    changes: changes.map((one) => ({
      number: one.number,
      key_id: one.keyId,
      owner_id: one.ownerId,
      digest: one.digest,
    })),
    fence: fenceMs,
    now: instantText(now),
    redis_run: redisRun,
  };
}

/**
 * Throws `UnusableField`. The numbers of the changes rise and none is beyond the head; only a member that leaves is
 * granted nothing.
 */
export function grantFromJson(json: unknown, { leaving }: Pick<Renewal, 'leaving'>): Grant {
  const read = grant(json, '');
  if (read.fenceMs < FENCE_LEAST_MS && !leaving) {
    throw new UnusableField('fence', `must be a whole number from ${FENCE_LEAST_MS} to ${FENCE_MOST_MS}`);
  }
  let before = 0;
  for (const [i, { number }] of read.changes.entries()) {
    if (number <= before)
      throw new UnusableField(`changes[${i}].number`, 'must be larger than the one before');
    before = number;
  }
  if (before > read.head) throw new UnusableField('head', 'must not be smaller than the number of a change');
  return read;
}

export function reportToJson({ member, sequence, usage, refusals, suppressed, gauges }: Report): object {
  return {
    member,
    sequence,
    usage: usage.map(usageToJson),
    refusals: refusals.map(refusalToJson),
    suppressed: suppressed.map(suppressedToJson),
    ...(gauges === undefined ? {} : { gauges: gaugesToJson(gauges) }),
  };
}

function usageToJson({ keyId, route, statusClass, hourAt, count, lastAt }: UsageDelta): object {
  return {
    key_id: keyId,
    route,
    status_class: statusClass,
    hour_at: instantText(hourAt),
    count,
    last_at: instantText(lastAt),
  };
}

function refusalToJson({ at, requestId, keyId, ownerId, userAgent, ...rest }: RefusedRequest): object {
  return {
    at: instantText(at),
    request_id: requestId,
    key_id: keyId,
    owner_id: ownerId,
    user_agent: userAgent,
    ...rest,
  };
}

function suppressedToJson({ firstAt, lastAt, ...rest }: SuppressedRefusals): object {
  return { ...rest, first_at: instantText(firstAt), last_at: instantText(lastAt) };
}

function instantOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : instantText(epochMs);
}
