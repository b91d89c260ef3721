import { randomUUID } from 'node:crypto';
import type { Owner } from '../../src/core/key.ts';
import type { Actor, NewAuditRow } from '../../src/key-service/store/ledger.ts';
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

export const ACTOR: Actor = {
  keyId: 'caller',
  ownerId: 'callers',
  operator: null,
  requestId: 'req_0',
  address: '192.0.2.9',
  userAgent: 'curl/8',
  method: 'POST',
  path: '/admin/v1/keys',
};

export function auditRow(more: Partial<NewAuditRow> = {}): NewAuditRow {
  const at = more.at ?? T0;
  return {
    ...ACTOR,
    at,
    firstAt: at,
    kind: 'management',
    action: 'key.create',
    reason: null,
    outcome: 'done',
    subjectKeyId: null,
    subjectOwnerId: null,
    subjectOperator: null,
    route: null,
    count: 1,
    ...more,
  };
}
