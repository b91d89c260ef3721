import { randomUUID } from 'node:crypto';
import type { Owner } from '../../src/core/key.ts';
import type { KeyFilter, NewKey } from '../../src/key-service/store/store.ts';

export const T0 = Date.UTC(2030, 0, 1);
export const PAGE = { limit: 100, offset: 0 };
export const ALL: KeyFilter = {
  ownerId: null,
  profile: null,
  status: null,
  workspace: null,
  name: null,
  now: T0,
};

export function owner(id: string, more: Partial<Owner> = {}): Owner {
  return { id, profile: 'plexe', tier: 'basic', enabled: true, workspace: null, limits: null, ...more };
}

export function newKey(more: Partial<NewKey> = {}): NewKey {
  const keyId = more.keyId ?? `key_${randomUUID()}`;
  return {
    keyId,
    ownerId: 'acme',
    name: 'a key',
    description: null,
    profile: 'plexe',
    permission: 'read_write',
    limits: [],
    mcps: '*',
    createdBy: 'admin',
    createdAt: T0,
    expiresAt: null,
    revokedAt: null,
    shownPrefix: null,
    shownSuffix: null,
    digest: { pepperId: 'p1', hash: `hash of ${keyId}` },
    olderHashes: [],
    sealedDigest: `sealed ${keyId}`,
    ...more,
  };
}
