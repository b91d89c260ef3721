import type { KeyRecord } from './key.ts';

/** PlexMCP's path of one MCP server: its id is the segment after `/v1/mcps/`. */
const MCP_PATH = /^\/v1\/mcps\/([^/]+)/;

/**
 * The MCP server a request names where that is visible without its body: in the path of PlexMCP's API, or in
 * front of the colon of Mcp-Name. Null where nothing names one.
 */
export function mcpNamedBy(path: string, mcpName: string | null): string | null {
  const inPath = MCP_PATH.exec(path)?.[1];
  if (inPath !== undefined) return inPath;
  const colon = mcpName?.indexOf(':') ?? -1;
  return colon > 0 ? (mcpName ?? '').slice(0, colon) : null;
}

/** An empty list reaches nothing. A request that names no server is left to the upstream, which is told the list. */
export function reachesMcp(key: KeyRecord, mcp: string | null): boolean {
  return mcp === null || key.mcps === '*' || key.mcps.includes(mcp);
}
