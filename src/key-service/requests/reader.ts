import type { z } from 'zod';
import { maskKeys } from '../../core/secret.ts';
import type { FieldError } from '../field-values.ts';
import { nearestName } from '../nearest-name.ts';

/** A request whose fields are there and of the right types; whether their values hold is for the key service to say. */
export type RequestOutcome<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'malformed'; readonly errors: readonly FieldError[] };

export type RequestReader<T> = (value: unknown) => RequestOutcome<T>;

/** Of a schema of ours: what stands in its lists, and which fields nobody may change. */
export interface Hints {
  readonly nested?: z.ZodObject;
  readonly fixed?: readonly string[];
}

export function reader<S extends z.ZodObject, T>(
  schema: S,
  convert: (value: z.infer<S>) => T,
  hints: Hints = {},
): RequestReader<T> {
  return (value) => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return { kind: 'read', value: convert(parsed.data) };
    return {
      kind: 'malformed',
      errors: parsed.error.issues
        .slice(0, MAX_ERRORS)
        .flatMap((issue) => describe(issue, schema, hints, value)),
    };
  };
}

const MAX_ERRORS = 100;

function describe(
  issue: z.core.$ZodIssue,
  schema: z.ZodObject,
  { nested, fixed = [] }: Hints,
  value: unknown,
): FieldError[] {
  const field = fieldName(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys((issue.path.length === 0 ? schema : nested)?.shape ?? {});
    return issue.keys.map((key) => ({
      field: maskKeys(field === '' ? key : `${field}.${key}`),
      message: fixed.includes(key) ? FIXED : unknownField(key, known),
    }));
  }
  if (valueAt(value, issue.path) === undefined)
    return [{ field, message: field === '' ? 'a JSON object is required' : REQUIRED }];
  if (issue.code === 'invalid_type')
    return [{ field, message: `must be ${TYPES[issue.expected] ?? issue.expected}` }];
  if (issue.code === 'invalid_format')
    return [{ field, message: 'must be a whole number of at most 9 digits' }];
  if (issue.code === 'invalid_union') return [{ field, message: 'must be * or a list of strings' }];
  return [{ field, message: 'is not valid' }];
}

export const REQUIRED = 'is required';
/** Of a key, for its whole life: a caller who wants another makes another key. */
export const FIXED = 'is fixed for the life of a key';

const TYPES: Record<string, string> = {
  string: 'one string',
  array: 'a list',
  object: 'a JSON object',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
};

function unknownField(name: string, known: readonly string[]): string {
  if (known.length === 0) return 'is not known';
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
