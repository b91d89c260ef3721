import type { Permission } from './key.ts';

/** How a route or rule decides what a request needs. `by-mcp-method` reads the Mcp-Method header where it may be trusted. */
export const ACCESS_MODES = ['by-method', 'read', 'write', 'by-mcp-method'] as const;
export type AccessMode = (typeof ACCESS_MODES)[number];
export type Access = 'read' | 'write';

export interface AccessFacts {
  readonly method: string;
  readonly upgrade: boolean;
  readonly mcpMethod: string | null;
  readonly mcpProtocolVersion: string | null;
}

/**
 * The safe methods a read-only key may use: RFC 9110 section 9.2.1 without TRACE, which never passes.
 * Everything else, unknown methods and QUERY included, writes.
 */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** MCP methods that change nothing on the server. `tools/call` and whatever is not listed here write. */
const READING_MCP_METHODS: ReadonlySet<string> = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list',
  'prompts/get',
  'completion/complete',
]);

/** From this MCP revision on a server must check Mcp-Method against the body, so a gate may rely on it. */
const MCP_METHOD_VERIFIED_SINCE = '2026-07-28';
const MCP_VERSION = /^\d{4}-\d{2}-\d{2}$/;

/**
 * What the request needs. An upgrade opens a channel for writing, whatever its method and headers. Only a POST
 * carries an MCP message; on any other method nobody compares Mcp-Method with anything.
 */
export function requiredAccess(mode: AccessMode, facts: AccessFacts): Access {
  if (mode === 'read' || mode === 'write') return mode;
  if (facts.upgrade) return 'write';
  if (mode === 'by-mcp-method' && facts.method === 'POST' && facts.mcpMethod !== null) {
    const verified = isVerifiedVersion(facts.mcpProtocolVersion);
    return verified && READING_MCP_METHODS.has(facts.mcpMethod) ? 'read' : 'write';
  }
  return SAFE_METHODS.has(facts.method) ? 'read' : 'write';
}

export function permits(permission: Permission, access: Access): boolean {
  return access === 'read' || permission === 'read_write';
}

function isVerifiedVersion(version: string | null): boolean {
  return version !== null && MCP_VERSION.test(version) && version >= MCP_METHOD_VERIFIED_SINCE;
}
