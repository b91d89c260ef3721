import { Secret } from '../core/secret.ts';

/*
 * What crosses from one thread to another is copied and loses its class: secrets go as marked texts, which exist for the
 * length of the copy. Values are plain ones, secrets, lists, maps and mappings.
 */

/** No field of a configuration is called so. */
const MARK = '\u0000secret';

export function withoutSecrets(value: unknown): unknown {
  if (value instanceof Secret) return { [MARK]: value.reveal() };
  return eachWithin(value, withoutSecrets);
}

export function withSecrets(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && MARK in value) return new Secret(String(value[MARK]));
  return eachWithin(value, withSecrets);
}

function eachWithin(value: unknown, change: (value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(change);
  if (value instanceof Map) return new Map(Array.from(value, ([key, held]) => [key, change(held)]));
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, change(held)]));
}
