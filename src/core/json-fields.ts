import { parseInstant } from './instant.ts';

/**
 * A field of an answer that cannot be used. The message names the field and what it must be; it never repeats what
 * stood there, which may be a secret put in the wrong place.
 */
export class UnusableField extends Error {
  override readonly name = 'UnusableField';

  constructor(field: string, what: string) {
    super(`${field === '' ? 'the answer' : field} ${what}`);
  }
}

/** Reads the value at `field`; `''` is the whole text. Throws `UnusableField`. */
export type JsonReader<T> = (value: unknown, field: string) => T;

/** For each field of the result its name in JSON, and how it is read. */
type Fields<T> = { readonly [K in keyof T]-?: readonly [name: string, read: JsonReader<T[K]>] };

/** Every field is required, so that a misspelt one is never taken for an absent one. Others are not looked at. */
export function objectOf<T>(fields: Fields<T>): JsonReader<T> {
  const entries: (readonly [string, readonly [string, JsonReader<unknown>]])[] = Object.entries(fields);
  return (value, field) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UnusableField(field, 'must be a JSON object');
    }
    const at = field === '' ? '' : `${field}.`;
    const read = entries.map(([key, [name, readField]]) => {
      if (!Object.hasOwn(value, name)) throw new UnusableField(`${at}${name}`, 'is missing');
      return [key, readField((value as Record<string, unknown>)[name], `${at}${name}`)];
    });
    return Object.fromEntries(read) as T;
  };
}

export function listOf<T>(read: JsonReader<T>, most: number): JsonReader<T[]> {
  return (value, field) => {
    if (!Array.isArray(value)) throw new UnusableField(field, 'must be a list');
    if (value.length > most) throw new UnusableField(field, `must have at most ${most} entries`);
    return value.map((entry: unknown, i) => read(entry, `${field}[${i}]`));
  };
}

export function orNull<T>(read: JsonReader<T>): JsonReader<T | null> {
  return (value, field) => (value === null ? null : read(value, field));
}

export function textUpTo(most: number): JsonReader<string> {
  return (value, field) => {
    if (typeof value === 'string' && value.length <= most) return value;
    throw new UnusableField(field, `must be a string of at most ${most} characters`);
  };
}

/** `form` says in words what the pattern asks for. */
export function textLike(pattern: RegExp, form: string): JsonReader<string> {
  return (value, field) => {
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw new UnusableField(field, `must be ${form}`);
  };
}

export function oneOf<T extends string>(allowed: readonly T[]): JsonReader<T> {
  return (value, field) => {
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw new UnusableField(field, `must be one of ${allowed.join(', ')}`);
    return found;
  };
}

export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): JsonReader<number> {
  return (value, field) => {
    if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
    throw new UnusableField(field, `must be a whole number from ${least} to ${most}`);
  };
}

export const flag: JsonReader<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw new UnusableField(field, 'must be true or false');
  return value;
};

/** Epoch milliseconds of an RFC 3339 text. */
export const instant: JsonReader<number> = (value, field) => {
  const at = typeof value === 'string' && value.length <= INSTANT_LENGTH ? parseInstant(value) : null;
  if (at === null) throw new UnusableField(field, 'must be an RFC 3339 instant with a zone');
  return at;
};

const INSTANT_LENGTH = 64;
