import type { KeyRecord, Owner } from '../../src/core/key.ts';
import { parseLimit, parseStatedLimit, type Limit, type StatedLimit } from '../../src/core/limit.ts';

export function ownerOf(fields: Partial<Owner> = {}): Owner {
  return {
    id: 'owner-1',
    profile: 'plexe',
    tier: 'basic',
    enabled: true,
    workspace: null,
    limits: null,
    ...fields,
  };
}

/** A key record with nothing special about it but what is given. */
export function recordOf(
  fields: Partial<Omit<KeyRecord, 'owner'>> & { owner?: Partial<Owner> } = {},
): KeyRecord {
  return {
    keyId: 'key-1',
    name: 'a key',
    profile: 'plexe',
    permission: 'read_write',
    limits: [],
    mcps: '*',
    createdAt: 0,
    expiresAt: null,
    revokedAt: null,
    deprecatedAt: null,
    ...fields,
    owner: ownerOf(fields.owner),
  };
}

/** `10/second 100/minute` as limits. */
export function limitsOf(text: string): Limit[] {
  return text.split(' ').map((part) => {
    const limit = parseLimit(part);
    if (limit === null) throw new Error(`no limit: ${part}`);
    return limit;
  });
}

/** `100/minute`, `20 concurrent`, `shadow 5/second` as limits. */
export function stated(...texts: string[]): StatedLimit[] {
  return texts.map((text) => {
    const limit = parseStatedLimit(text);
    if (limit === null) throw new Error(`no limit: ${text}`);
    return limit;
  });
}
