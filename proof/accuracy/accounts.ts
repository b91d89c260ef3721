import { randomBytes } from 'node:crypto';
import { parseLimit, type Limit } from '../../src/core/limit.ts';
import { digestOf } from '../../src/core/secret.ts';

/** A key made for this run; nothing but requests ever carries its text. */
export interface Key {
  readonly id: string;
  readonly text: string;
  readonly limits: readonly string[];
}

/** An owner with its keys. */
export interface Account {
  readonly id: string;
  readonly limits: readonly string[];
  readonly keys: readonly Key[];
}

/** One limit that must hold, over all acceptances of its owner or of its key. */
export interface Promised {
  readonly whose: 'owner' | 'key';
  readonly id: string;
  readonly text: string;
  readonly limit: Limit;
}

/** An owner with a key for each list of limits in `keys`. */
export function openAccount(
  id: string,
  limits: readonly string[],
  keys: readonly (readonly string[])[],
): Account {
  return {
    id,
    limits,
    keys: keys.map((limits, i) => ({
      id: `${id}-${i + 1}`,
      text: randomBytes(24).toString('base64url'),
      limits,
    })),
  };
}

export function promisesOf({ id, limits, keys }: Account): Promised[] {
  return [
    ...limits.map((text) => ({ whose: 'owner' as const, id, text, limit: limitOf(text) })),
    ...keys.flatMap((key) =>
      key.limits.map((text) => ({ whose: 'key' as const, id: key.id, text, limit: limitOf(text) })),
    ),
  ];
}

export function limitOf(text: string): Limit {
  const limit = parseLimit(text);
  if (limit === null) throw new Error(`no limit: ${text}`);
  return limit;
}

/** What `proxy.keys.file` reads: digests, no keys. */
export function keysFileOf(accounts: readonly Account[]): object {
  return {
    owners: accounts.map(({ id, limits }) => ({ id, profile: 'standard', tier: 'default', limits })),
    keys: accounts.flatMap(({ id, keys }) =>
      keys.map((key) => ({
        key_id: key.id,
        sha256: digestOf(key.text),
        owner: id,
        name: key.id,
        profile: 'standard',
        permission: 'read_write',
        limits: key.limits,
      })),
    ),
  };
}
