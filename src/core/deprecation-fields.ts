import type { KeyRecord } from './key.ts';

/**
 * What an answer tells the callers of a key that a rotation has replaced: since when (RFC 9745, a Date of structured
 * fields) and until when it works (RFC 8594, an HTTP date, rounded down, so that nobody is told too late a second).
 */
export function deprecationFields({ deprecatedAt, expiresAt }: KeyRecord): string[] {
  if (deprecatedAt === null) return [];
  const fields = ['Deprecation', `@${Math.floor(deprecatedAt / 1000)}`];
  if (expiresAt !== null) fields.push('Sunset', new Date(expiresAt).toUTCString());
  return fields;
}

/** An upstream's fields of these names are replaced by ours for callers of a replaced key. Lower case. */
export const DEPRECATION_FIELD_NAMES: readonly string[] = ['deprecation', 'sunset'];
