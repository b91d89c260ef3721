import { ownText } from './own-text.ts';
import { maskKeys } from './secret.ts';

/**
 * The header lines the gate reads, gathered in one pass over the raw list. Node's `req.headers` keeps the first
 * of two Authorization lines and joins two x-api-key lines, which hides a second key; the raw list hides nothing.
 */
export interface RequestHead {
  /** Name, value, name, value ... as they came. */
  readonly raw: readonly string[];
  readonly host: readonly string[];
  readonly authorization: readonly string[];
  readonly xApiKey: readonly string[];
  readonly requestId: readonly string[];
  readonly connection: readonly string[];
  readonly transferEncoding: readonly string[];
  readonly contentLength: readonly string[];
  readonly forwardedFor: readonly string[];
  readonly forwardedProto: readonly string[];
  readonly forwardedHost: readonly string[];
  readonly accept: readonly string[];
  readonly userAgent: string | null;
  readonly origin: string | null;
  readonly preflightMethod: string | null;
  readonly mcpMethod: string | null;
  readonly mcpName: readonly string[];
  readonly mcpProtocolVersion: string | null;
}

const NONE: readonly string[] = [];

/** The names that are read, in lower case; what is found of each is kept at its place here. */
const READ = [
  'host',
  'authorization',
  'x-api-key',
  'x-request-id',
  'connection',
  'transfer-encoding',
  'content-length',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'accept',
  'user-agent',
  'origin',
  'access-control-request-method',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
] as const;

const PLACES: ReadonlyMap<string, number> = new Map(READ.map((name, place) => [name, place]));

export function readHead(raw: readonly string[]): RequestHead {
  const lines: (string[] | undefined)[] = READ.map(() => undefined);
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const place = PLACES.get((raw[i] ?? '').toLowerCase());
    if (place === undefined) continue;
    const value = raw[i + 1] ?? '';
    const before = lines[place];
    if (before === undefined) lines[place] = [value];
    else before.push(value);
  }
  return {
    raw,
    host: lines[0] ?? NONE,
    authorization: lines[1] ?? NONE,
    xApiKey: lines[2] ?? NONE,
    requestId: lines[3] ?? NONE,
    connection: lines[4] ?? NONE,
    transferEncoding: lines[5] ?? NONE,
    contentLength: lines[6] ?? NONE,
    forwardedFor: lines[7] ?? NONE,
    forwardedProto: lines[8] ?? NONE,
    forwardedHost: lines[9] ?? NONE,
    accept: lines[10] ?? NONE,
    userAgent: only(lines[11]),
    origin: only(lines[12]),
    preflightMethod: only(lines[13]),
    mcpMethod: only(lines[14]),
    mcpName: lines[15] ?? NONE,
    mcpProtocolVersion: only(lines[16]),
  };
}

function only(lines: readonly string[] | undefined): string | null {
  return lines !== undefined && lines.length === 1 ? (lines[0] ?? null) : null;
}

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;
/** What separates words in a credential header; no key holds any of it, and no key is shorter than 8 characters. */
const BETWEEN_KEYS = /[\s",;]+/;
const SHORTEST_KEY = 8;

/**
 * The caller's own request id where it sent exactly one of 1 to 128 visible ASCII characters that holds no
 * key; else null. A key pasted into the wrong header must not travel on as an identifier.
 */
export function callersRequestId(head: RequestHead, mask = maskKeys): string | null {
  const [id, second] = head.requestId;
  if (id === undefined || second !== undefined || !REQUEST_ID.test(id)) return null;
  if (mask(id) !== id) return null;
  for (const value of [...head.xApiKey, ...head.authorization]) {
    const words = value.split(BETWEEN_KEYS);
    if (words.some((word) => word.length >= SHORTEST_KEY && id.includes(word))) return null;
  }
  return ownText(id);
}

/** OPTIONS with Origin and Access-Control-Request-Method: a browser's question, which carries no key. */
export function isPreflight(method: string, head: RequestHead): boolean {
  return method === 'OPTIONS' && head.origin !== null && head.preflightMethod !== null;
}

/** Whether the caller speaks MCP's JSON-RPC, so that a refusal on the MCP endpoint should too. */
export function speaksJsonRpc(head: RequestHead): boolean {
  return (
    head.mcpProtocolVersion !== null ||
    head.mcpMethod !== null ||
    head.accept.some((value) => value.toLowerCase().includes('text/event-stream'))
  );
}
