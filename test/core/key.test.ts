import { expect, test } from 'vitest';
import { standingOf, type KeyRecord, type Standing } from '../../src/core/key.ts';

const NOW = 1_700_000_000_000;

function keyWith(more: { expiresAt?: number; revokedAt?: number; enabled?: boolean }): KeyRecord {
  return {
    keyId: 'key_1',
    name: 'ci',
    profile: 'plexe',
    owner: {
      id: 'o',
      profile: 'plexe',
      tier: 'basic',
      enabled: more.enabled ?? true,
      workspace: null,
      limits: null,
    },
    permission: 'read_only',
    limits: [],
    mcps: '*',
    createdAt: NOW - 1000,
    expiresAt: more.expiresAt ?? null,
    revokedAt: more.revokedAt ?? null,
    deprecatedAt: null,
  };
}

test.each<[title: string, key: KeyRecord, standing: Standing]>([
  ['a key without an end is active', keyWith({}), 'active'],
  ['a key is active one millisecond before its end', keyWith({ expiresAt: NOW + 1 }), 'active'],
  ['a key is expired at the very millisecond of its end', keyWith({ expiresAt: NOW }), 'expired'],
  ['a key stays expired', keyWith({ expiresAt: NOW - 1 }), 'expired'],
  ['a revoked key is revoked', keyWith({ revokedAt: NOW - 1 }), 'revoked'],
  ['a revocation dated ahead by another clock counts at once', keyWith({ revokedAt: NOW + 5000 }), 'revoked'],
  ['a revocation dated 0 counts', keyWith({ revokedAt: 0 }), 'revoked'],
  ['an expiry dated 0 counts', keyWith({ expiresAt: 0 }), 'expired'],
  ['revoked wins over expired', keyWith({ revokedAt: NOW, expiresAt: NOW - 1 }), 'revoked'],
  ['a disabled owner disables its keys', keyWith({ enabled: false }), 'owner_disabled'],
  ['expired wins over a disabled owner', keyWith({ enabled: false, expiresAt: NOW }), 'expired'],
  ['revoked wins over a disabled owner', keyWith({ enabled: false, revokedAt: NOW }), 'revoked'],
])('%s', (_, key, standing) => {
  expect(standingOf(key, NOW)).toBe(standing);
});
