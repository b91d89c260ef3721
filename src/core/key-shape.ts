import { crc32 } from 'node:zlib';
import type { Profile } from './profile.ts';

/**
 * The shape of keys this project issues: a prefix, 36 base62 characters of randomness (214 bits) and 6 of
 * CRC-32 over all before them. The checksum lets a mistyped key be refused without a lookup; it proves nothing.
 */
export const KEY_PREFIXES: Record<Profile, string> = {
  plexe: 'plx_sk_',
  plextera: 'pxt_sk_',
  plexmcp: 'pmcp_',
  standard: 'pg_sk_',
};

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 36;
const CHECKSUM_LENGTH = 6;
const BODY = new RegExp(`^[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

/** 62^6 exceeds 2^32, so six characters hold any CRC-32. */
function checksum(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = BASE62.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/**
 * A new key's text. `randomBytes(n)` MUST return n bytes of a cryptographic source; bytes of 248 and above are
 * thrown away so that each of the 62 characters is equally likely.
 */
export function composeKey(prefix: string, randomBytes: (size: number) => Uint8Array): string {
  let body = '';
  while (body.length < RANDOM_LENGTH) {
    for (const byte of randomBytes(RANDOM_LENGTH)) {
      if (byte < 248 && body.length < RANDOM_LENGTH) body += BASE62.charAt(byte % 62);
    }
  }
  return prefix + body + checksum(prefix + body);
}

/**
 * `intact` or `damaged` for a key of exactly our shape under one of `prefixes`; `foreign` for any other
 * string, of which nothing can be said without a lookup.
 */
export function inspectShape(key: string, prefixes: readonly string[]): 'intact' | 'damaged' | 'foreign' {
  for (const prefix of prefixes) {
    if (key.length !== prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH || !key.startsWith(prefix)) continue;
    if (!BODY.test(key.slice(prefix.length))) continue;
    const end = key.length - CHECKSUM_LENGTH;
    return checksum(key.slice(0, end)) === key.slice(end) ? 'intact' : 'damaged';
  }
  return 'foreign';
}
