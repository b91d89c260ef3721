import { z } from 'zod';
import { nearestName } from '../core/nearest.ts';
import { maskKeys } from '../core/secret.ts';
import type { ImportDraft, KeyDraft, KeyListQuery, KeyPatch, OwnerDraft, PageQuery } from './drafts.ts';
import type { FieldError } from './field-values.ts';

/** A request whose fields are there and of the right types; whether their values hold is for the key service to say. */
export type RequestOutcome<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'malformed'; readonly errors: readonly FieldError[] };

export type RequestReader<T> = (value: unknown) => RequestOutcome<T>;

const text = z.string();
const texts = z.array(text);
const mcps = z.union([text, texts]);
const digits = z.string().regex(/^\d{1,9}$/);

const ownerBody = z.strictObject({
  profile: text,
  tier: text,
  limits: texts.nullish(),
  enabled: z.boolean().optional(),
  workspace: text.nullish(),
});

const keyFields = {
  owner: text,
  name: text,
  profile: text,
  permission: text,
  expires_at: text.nullish(),
  limits: texts.optional(),
  mcps: mcps.optional(),
};
const keyBody = z.strictObject(keyFields);
const importedKey = z.strictObject({
  ...keyFields,
  sha256: text,
  key_id: text.optional(),
  status: text.optional(),
});
const importBody = z.strictObject({ keys: z.array(importedKey) });
const patchBody = z.strictObject({
  name: text.optional(),
  expires_at: text.nullish(),
  limits: texts.optional(),
  mcps: mcps.optional(),
});
const resolveBody = z.strictObject({ digest: text });
const pageQuery = z.strictObject({ limit: digits.optional(), offset: digits.optional() });
const keyListQuery = pageQuery.extend({
  owner: text.optional(),
  profile: text.optional(),
  status: text.optional(),
  workspace: text.optional(),
  name: text.optional(),
});

export const readOwnerBody: RequestReader<OwnerDraft> = reader(ownerBody, (body) => body);
export const readKeyBody: RequestReader<KeyDraft> = reader(keyBody, keyDraft);
export const readPatchBody: RequestReader<KeyPatch> = reader(patchBody, ({ expires_at, ...rest }) => ({
  ...rest,
  expiresAt: expires_at,
}));
export const readResolveBody: RequestReader<{ digest: string }> = reader(resolveBody, (body) => body);
export const readImportBody: RequestReader<readonly ImportDraft[]> = reader(importBody, ({ keys }) =>
  keys.map(({ key_id, status, sha256, ...rest }) => ({ ...keyDraft(rest), keyId: key_id, status, sha256 })),
);
export const readPageQuery: RequestReader<PageQuery> = reader(pageQuery, pageNumbers);
export const readKeyListQuery: RequestReader<KeyListQuery> = reader(
  keyListQuery,
  ({ limit, offset, ...rest }) => ({
    ...rest,
    ...pageNumbers({ limit, offset }),
  }),
);

function keyDraft({ expires_at, ...rest }: z.infer<typeof keyBody>): KeyDraft {
  return { ...rest, expiresAt: expires_at };
}

function pageNumbers({ limit, offset }: z.infer<typeof pageQuery>): PageQuery {
  return {
    limit: limit === undefined ? undefined : Number(limit),
    offset: offset === undefined ? undefined : Number(offset),
  };
}

function reader<S extends z.ZodObject, T>(schema: S, convert: (value: z.infer<S>) => T): RequestReader<T> {
  return (value) => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return { kind: 'read', value: convert(parsed.data) };
    return {
      kind: 'malformed',
      errors: parsed.error.issues.slice(0, MAX_ERRORS).flatMap((issue) => describe(issue, schema, value)),
    };
  };
}

const MAX_ERRORS = 100;

/** Of a key, for its whole life: a caller who wants another makes another key. */
const FIXED = new Set(['owner', 'profile', 'permission']);

function describe(issue: z.core.$ZodIssue, schema: z.ZodObject, value: unknown): FieldError[] {
  const field = fieldName(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(issue.path.length === 0 ? schema.shape : importedKey.shape);
    return issue.keys.map((key) => ({
      field: maskKeys(field === '' ? key : `${field}.${key}`),
      message:
        schema === patchBody && FIXED.has(key) ? 'is fixed for the life of a key' : unknownField(key, known),
    }));
  }
  if (valueAt(value, issue.path) === undefined)
    return [{ field, message: field === '' ? 'a JSON object is required' : 'is required' }];
  if (issue.code === 'invalid_type')
    return [{ field, message: `must be ${TYPES[issue.expected] ?? issue.expected}` }];
  if (issue.code === 'invalid_format')
    return [{ field, message: 'must be a whole number of at most 9 digits' }];
  return [{ field, message: 'must be * or a list of strings' }];
}

const TYPES: Record<string, string> = {
  string: 'one string',
  array: 'a list',
  object: 'a JSON object',
  boolean: 'true or false',
};

function unknownField(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === null
    ? `is not known; known are ${known.join(', ')}`
    : `is not known; did you mean ${nearest}?`;
}

/** `keys[3].limits[0]`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, step) => {
    if (typeof step === 'number') return `${name}[${step}]`;
    return name === '' ? String(step) : `${name}.${String(step)}`;
  }, '');
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, step) => (at as Record<PropertyKey, unknown> | null | undefined)?.[step],
    value,
  );
}
