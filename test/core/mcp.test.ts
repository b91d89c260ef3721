import { expect, test } from 'vitest';
import type { KeyRecord } from '../../src/core/key.ts';
import { mcpsNamedBy, reachesMcps } from '../../src/core/mcp.ts';

test.each<[paths: string[], mcpNames: string[], named: string[]]>([
  [['/v1/mcps/mcp_123'], [], ['mcp_123']],
  [['/v1/mcps/mcp_123/tools'], [], ['mcp_123']],
  [['/v1/mcps/mcp_123'], ['mcp_456:tool'], ['mcp_123', 'mcp_456']],
  [['/v1/mcps/mcp%5F123', '/v1/mcps/mcp_123'], [], ['mcp%5F123', 'mcp_123']],
  [['/v1//mcps/mcp_123', '/v1/mcps/mcp_123'], [], ['mcp_123']],
  [['/mcp'], ['mcp_456:tool'], ['mcp_456']],
  [['/mcp'], ['mcp_123:a', 'mcp_456:b'], ['mcp_123', 'mcp_456']],
  [['/mcp'], ['mcp_456:tool:more'], ['mcp_456']],
  [['/mcp'], ['tool'], []],
  [['/mcp'], [':tool'], []],
  [['/mcp'], [''], []],
  [['/mcp'], [], []],
  [['/v1/mcps'], [], []],
  [['/v1/mcps/'], [], []],
  [['/x/v1/mcps/mcp_123'], [], []],
])('%j with Mcp-Name %j names %j', (paths, mcpNames, named) => {
  expect(mcpsNamedBy(paths, mcpNames)).toEqual(named);
});

test.each<[mcps: KeyRecord['mcps'], named: string[], reaches: boolean]>([
  ['*', ['mcp_123'], true],
  ['*', [], true],
  [['mcp_123'], ['mcp_123'], true],
  [['mcp_123'], ['mcp_456'], false],
  [['mcp_123'], ['mcp_123', 'mcp_456'], false],
  [['mcp_123'], ['mcp_12'], false],
  [[], ['mcp_123'], false],
  [[], [], true],
])('a key for %j and a request for %j: %s', (mcps, named, reaches) => {
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
    deprecatedAt: null,
  };
  expect(reachesMcps(key, named)).toBe(reaches);
});
