import { expect, test } from 'vitest';
import type { KeyRecord } from '../../src/core/key.ts';
import { mcpNamedBy, reachesMcp } from '../../src/core/mcp.ts';

test.each<[path: string, mcpName: string | null, named: string | null]>([
  ['/v1/mcps/mcp_123', null, 'mcp_123'],
  ['/v1/mcps/mcp_123/tools', null, 'mcp_123'],
  ['/v1/mcps/mcp_123', 'mcp_456:tool', 'mcp_123'],
  ['/mcp', 'mcp_456:tool', 'mcp_456'],
  ['/mcp', 'mcp_456:tool:more', 'mcp_456'],
  ['/mcp', 'tool', null],
  ['/mcp', ':tool', null],
  ['/mcp', '', null],
  ['/mcp', null, null],
  ['/v1/mcps', null, null],
  ['/v1/mcps/', null, null],
  ['/x/v1/mcps/mcp_123', null, null],
])('%s with Mcp-Name %j names %j', (path, mcpName, named) => {
  expect(mcpNamedBy(path, mcpName)).toBe(named);
});

test.each<[mcps: KeyRecord['mcps'], mcp: string | null, reaches: boolean]>([
  ['*', 'mcp_123', true],
  ['*', null, true],
  [['mcp_123'], 'mcp_123', true],
  [['mcp_123'], 'mcp_456', false],
  [['mcp_123'], 'mcp_12', false],
  [[], 'mcp_123', false],
  [[], null, true],
])('a key for %j and a request for %j: %s', (mcps, mcp, reaches) => {
  const key: KeyRecord = {
    keyId: 'key_1',
    name: 'ci',
    profile: 'plexmcp',
    owner: { id: 'org_1', profile: 'plexmcp', tier: 'free', enabled: true, workspace: null, limits: null },
    permission: 'read_write',
    limits: [],
    mcps,
    createdAt: 0,
    expiresAt: null,
    revokedAt: null,
  };
  expect(reachesMcp(key, mcp)).toBe(reaches);
});
