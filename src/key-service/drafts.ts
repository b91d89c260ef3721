import { PERMISSIONS, type Owner, type Permission } from '../core/key.ts';
import type { StatedLimit } from '../core/limit.ts';
import { PROFILES, type Profile } from '../core/profile.ts';
import { parseDigest, type Digest } from '../core/secret.ts';
import { FieldValues, type FieldError } from './field-values.ts';
import { KEY_STATUSES, MADE_BY_NO_KEY, type KeyFilter, type Page, type StoredPatch } from './store/store.ts';

/** An owner as a caller describes it. Null limits: the tier's. */
export interface OwnerDraft {
  readonly profile: string;
  readonly tier: string;
  readonly limits?: readonly string[] | null | undefined;
  readonly enabled?: boolean | undefined;
  readonly workspace?: string | null | undefined;
}

export interface KeyDraft {
  readonly owner: string;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly profile: string;
  readonly permission: string;
  readonly expiresAt?: string | null | undefined;
  readonly limits?: readonly string[] | undefined;
  readonly mcps?: string | readonly string[] | undefined;
}

/** A key made elsewhere, by the SHA-256 of its text. It may have ended already, so that its holder is told how. */
export interface ImportDraft extends KeyDraft {
  readonly sha256: string;
  readonly keyId?: string | undefined;
  readonly status?: string | undefined;
}

export interface KeyPatch {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly expiresAt?: string | null | undefined;
  readonly limits?: readonly string[] | undefined;
  readonly mcps?: string | readonly string[] | undefined;
}

export interface PageQuery {
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

export interface KeyListQuery extends PageQuery {
  readonly owner?: string | undefined;
  readonly profile?: string | undefined;
  readonly status?: string | undefined;
  readonly workspace?: string | undefined;
  readonly name?: string | undefined;
}

export interface Invalid {
  readonly kind: 'invalid';
  readonly errors: readonly FieldError[];
}

export type Read<T> = { readonly kind: 'valid'; readonly value: T } | Invalid;

/** A draft whose values have been read. */
export interface KeyTerms {
  readonly ownerId: string;
  readonly name: string;
  readonly description: string | null;
  readonly profile: Profile;
  readonly permission: Permission;
  readonly expiresAt: number | null;
  readonly limits: readonly StatedLimit[];
  readonly mcps: '*' | readonly string[];
}

export interface ImportTerms extends KeyTerms {
  readonly digest: Digest;
  readonly keyId: string | null;
  readonly revoked: boolean;
}

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 500;
const MAX_OFFSET = 1_000_000_000;
/** An import may be wrong in every line; this many mistakes are enough to see what is wrong. */
const MAX_IMPORT_ERRORS = 100;

export function readOwner(id: string, draft: OwnerDraft): Read<Owner> {
  const values = new FieldValues();
  const profile = values.oneOf('profile', draft.profile, PROFILES);
  // A key of Plextera acts in the one workspace it was made in, and nothing else tells which.
  const workspace = draft.workspace === undefined && profile === 'plextera' ? id : (draft.workspace ?? null);
  const owner = {
    id: values.id('id', id),
    profile,
    tier: values.id('tier', draft.tier),
    enabled: draft.enabled ?? true,
    workspace: workspace === null || workspace === id ? workspace : values.id('workspace', workspace),
    limits:
      draft.limits === undefined || draft.limits === null ? null : values.limits('limits', draft.limits),
  };
  return outcome(values, owner);
}

export function readKey(draft: KeyDraft, now: number): Read<KeyTerms> {
  const values = new FieldValues();
  const expiresAt = draft.expiresAt ?? null;
  return outcome(values, {
    ...terms(values, draft),
    expiresAt: expiresAt === null ? null : values.futureInstant('expires_at', expiresAt, now),
  });
}

export function readImport(drafts: readonly ImportDraft[]): Read<readonly ImportTerms[]> {
  const errors: FieldError[] = [];
  const digests = new Map<string, number>();
  const ids = new Map<string, number>();
  const all: ImportTerms[] = [];
  for (const [i, draft] of drafts.entries()) {
    const values = new FieldValues(`keys[${i}].`);
    const read = importTerms(values, draft);
    refuseRepeated(values, 'sha256', digests, draft.sha256, i);
    if (read.keyId !== null) refuseRepeated(values, 'key_id', ids, read.keyId, i);
    errors.push(...values.errors);
    all.push(read);
    if (errors.length >= MAX_IMPORT_ERRORS) break;
  }
  if (drafts.length === 0) errors.push({ field: 'keys', message: 'must not be empty' });
  return errors.length > 0 ? { kind: 'invalid', errors } : { kind: 'valid', value: all };
}

export function readPatch(patch: KeyPatch, now: number): Read<StoredPatch> {
  const values = new FieldValues();
  const { name, description, expiresAt, limits, mcps } = patch;
  if ([name, description, expiresAt, limits, mcps].every((value) => value === undefined)) {
    values.refuse('', 'must change at least one of name, expires_at, limits, mcps');
  }
  return outcome(values, {
    name: name === undefined ? undefined : values.name('name', name),
    description:
      typeof description === 'string' ? values.description('description', description) : description,
    expiresAt: typeof expiresAt === 'string' ? values.futureInstant('expires_at', expiresAt, now) : expiresAt,
    limits: limits === undefined ? undefined : values.limits('limits', limits),
    mcps: mcps === undefined ? undefined : values.mcps('mcps', mcps),
  });
}

export interface RotationDraft {
  readonly overlap: string;
}

const MAX_OVERLAP_MS = 30 * 86_400_000;

/** How long the old key goes on, in milliseconds. */
export function readRotation({ overlap }: RotationDraft): Read<{ overlapMs: number }> {
  const values = new FieldValues();
  return outcome(values, { overlapMs: values.duration('overlap', overlap, MAX_OVERLAP_MS) });
}

export function readKeyList(query: KeyListQuery, now: number): Read<{ filter: KeyFilter; page: Page }> {
  const values = new FieldValues();
  const { profile, status } = query;
  const filter = {
    ownerId: query.owner ?? null,
    profile: profile === undefined ? null : values.oneOf('profile', profile, PROFILES),
    status: status === undefined ? null : values.oneOf('status', status, KEY_STATUSES),
    workspace: query.workspace ?? null,
    name: query.name ?? null,
    now,
  };
  return outcome(values, { filter, page: page(values, query) });
}

export function readPage(query: PageQuery): Read<Page> {
  const values = new FieldValues();
  return outcome(values, page(values, query));
}

function page(values: FieldValues, query: PageQuery): Page {
  return {
    limit: values.wholeNumber('limit', query.limit ?? DEFAULT_PAGE_SIZE, 1, MAX_PAGE_SIZE),
    offset: values.wholeNumber('offset', query.offset ?? 0, 0, MAX_OFFSET),
  };
}

function terms(values: FieldValues, draft: KeyDraft): Omit<KeyTerms, 'expiresAt'> {
  const { description } = draft;
  return {
    ownerId: values.id('owner', draft.owner),
    name: values.name('name', draft.name),
    description: typeof description === 'string' ? values.description('description', description) : null,
    profile: values.oneOf('profile', draft.profile, PROFILES),
    permission: values.oneOf('permission', draft.permission, PERMISSIONS),
    limits: values.limits('limits', draft.limits ?? []),
    mcps: values.mcps('mcps', draft.mcps ?? '*'),
  };
}

function importTerms(values: FieldValues, draft: ImportDraft): ImportTerms {
  const digest = parseDigest(draft.sha256);
  if (digest === null) values.refuse('sha256', 'must be the SHA-256 of the key as 64 lower-case hex digits');
  const expiresAt = draft.expiresAt ?? null;
  // The path of a key by that id is the path of the import itself; and keys that no key made say so by these words.
  if (MADE_BY_NO_KEY.some((word) => word === draft.keyId)) {
    values.refuse('key_id', `must not be one of the words ${MADE_BY_NO_KEY.join(', ')}`);
  }
  return {
    ...terms(values, draft),
    expiresAt: expiresAt === null ? null : values.instant('expires_at', expiresAt),
    digest: digest ?? ('' as Digest),
    keyId: draft.keyId === undefined ? null : values.id('key_id', draft.keyId),
    // Whether a key has expired follows from its date alone.
    revoked: values.oneOf('status', draft.status ?? 'active', ['active', 'revoked']) === 'revoked',
  };
}

function refuseRepeated(
  values: FieldValues,
  field: string,
  seen: Map<string, number>,
  text: string,
  i: number,
): void {
  const before = seen.get(text);
  if (before === undefined) seen.set(text, i);
  else values.refuse(field, `is that of keys[${before}], too`);
}

function outcome<T>(values: FieldValues, value: T): Read<T> {
  return values.errors.length > 0 ? { kind: 'invalid', errors: values.errors } : { kind: 'valid', value };
}
