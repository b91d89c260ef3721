import type { KeyRecord } from './key.ts';

/** PlexMCP's path of one MCP server: its id is the segment after `/v1/mcps/`. */
const MCP_PATH = /^\/v1\/mcps\/([^/]+)/;

/**
 * The MCP servers a request names where that is visible without its body: in the path of PlexMCP's API, as it came
 * and as an upstream that decodes would read it, and in front of the colon of each Mcp-Name.
 */
export function mcpsNamedBy(paths: readonly string[], mcpNames: readonly string[]): string[] {
  const ids: string[] = [];
  for (const path of paths) {
    const id = MCP_PATH.exec(path)?.[1];
    if (id !== undefined) ids.push(id);
  }
  for (const name of mcpNames) {
    const colon = name.indexOf(':');
    if (colon > 0) ids.push(name.slice(0, colon));
  }
  return ids;
}

/** An empty list reaches nothing. A request that names no server is left to the upstream, which is told the list. */
export function reachesMcps(key: KeyRecord, ids: readonly string[]): boolean {
  const { mcps } = key;
  return mcps === '*' || ids.every((id) => mcps.includes(id));
}
