import { digestOf } from '../../src/core/secret.ts';

/** As it stands in an answer. */
export const RECORD = {
  key_id: 'key_1',
  name: 'ci',
  profile: 'plexmcp',
  owner: {
    id: 'org_1',
    profile: 'plexmcp',
    tier: 'free',
    enabled: true,
    workspace: null,
    limits: ['20/second'],
  },
  permission: 'read_write',
  limits: ['5/minute'],
  mcps: ['mcp_123'],
  created_at: '2026-01-02T03:04:05.678Z',
  expires_at: '2026-02-01T00:00:00.000Z',
  revoked_at: null,
  deprecated_at: null,
};
export const CHANGE = { number: 7, key_id: 'key_1', owner_id: null, digest: null };
export const GRANT = {
  epoch: 'e1',
  head: 8,
  changes: [CHANGE, { number: 8, key_id: null, owner_id: null, digest: digestOf('a key') }],
  fence: 2000,
  now: '2026-01-02T03:04:05.000Z',
  redis_run: null,
};
/** What a renewal says that is not the last one. */
export const STAYING = { leaving: false };
