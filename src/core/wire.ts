import type { KeyRecord, Owner } from './key.ts';
import { formatLimit, parseLimit, type Limit } from './limit.ts';
import type { Digest } from './secret.ts';

/**
 * What the two roles agree on. The gate asks a key service through `KeySource`; the reference key service offers
 * it in process, and the same answers travel as JSON over `POST /v1/keys/resolve`.
 */
export interface KeySource {
  /** Rejects when the question could not be answered; a rejection says nothing about the key. */
  resolve(digest: Digest, signal: AbortSignal): Promise<Resolution>;
}

/** `asOf` is the number of the newest change the answer has seen. */
export interface Resolution {
  readonly record: KeyRecord | null;
  readonly asOf: number;
}

/**
 * One change of a key or owner. Numbers follow commit order without gaps; an answer whose `asOf` is smaller than
 * the number of a change that touches its key, owner or digest is out of date.
 */
export interface Change {
  readonly number: number;
  readonly keyId: string | null;
  readonly ownerId: string | null;
  readonly digest: Digest | null;
}

/** Hears of every change, in order, before the call that made it returns. */
export type ChangeListener = (change: Change) => void;

/** The JSON form of a key record. Instants are RFC 3339 in UTC, limits their configuration text. */
export interface RecordJson {
  key_id: string;
  name: string;
  profile: Owner['profile'];
  owner: {
    id: string;
    profile: Owner['profile'];
    tier: string;
    enabled: boolean;
    workspace: string | null;
    limits: string[] | null;
  };
  permission: KeyRecord['permission'];
  limits: string[];
  mcps: '*' | string[];
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

export function recordToJson(record: KeyRecord): RecordJson {
  const { owner } = record;
  return {
    key_id: record.keyId,
    name: record.name,
    profile: record.profile,
    owner: { ...owner, limits: owner.limits?.map(formatLimit) ?? null },
    permission: record.permission,
    limits: record.limits.map(formatLimit),
    mcps: record.mcps === '*' ? '*' : [...record.mcps],
    created_at: instantText(record.createdAt),
    expires_at: record.expiresAt === null ? null : instantText(record.expiresAt),
    revoked_at: record.revokedAt === null ? null : instantText(record.revokedAt),
  };
}

/** The record a JSON form stands for. Throws RangeError where a limit or an instant cannot be read. */
export function recordFromJson(json: RecordJson): KeyRecord {
  return {
    keyId: json.key_id,
    name: json.name,
    profile: json.profile,
    owner: { ...json.owner, limits: json.owner.limits?.map(limitFromText) ?? null },
    permission: json.permission,
    limits: json.limits.map(limitFromText),
    mcps: json.mcps,
    createdAt: instantFromText(json.created_at),
    expiresAt: json.expires_at === null ? null : instantFromText(json.expires_at),
    revokedAt: json.revoked_at === null ? null : instantFromText(json.revoked_at),
  };
}

function instantText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i;

/** Date.parse alone takes far more: times of no zone, which mean something else on each machine, and February 30th. */
function instantFromText(text: string): number {
  const day = RFC3339.exec(text)?.[1] ?? '';
  const startOfDay = Date.parse(`${day}T00:00:00Z`);
  const epochMs = Date.parse(text);
  if (Number.isNaN(startOfDay) || Number.isNaN(epochMs) || !instantText(startOfDay).startsWith(day)) {
    throw new RangeError('not an RFC 3339 instant');
  }
  return epochMs;
}

function limitFromText(text: string): Limit {
  const limit = parseLimit(text);
  if (limit === null) throw new RangeError('not a limit');
  return limit;
}
