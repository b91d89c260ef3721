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

export function readHead(raw: readonly string[]): RequestHead {
  const lines: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (READ.has(name)) (lines[name] ??= []).push(raw[i + 1] ?? '');
  }
  const all = (name: string): readonly string[] => lines[name] ?? NONE;
  const only = (name: string): string | null => (all(name).length === 1 ? (all(name)[0] ?? null) : null);
  return {
    raw,
    host: all('host'),
    authorization: all('authorization'),
    xApiKey: all('x-api-key'),
    requestId: all('x-request-id'),
    connection: all('connection'),
    transferEncoding: all('transfer-encoding'),
    contentLength: all('content-length'),
    forwardedFor: all('x-forwarded-for'),
    forwardedProto: all('x-forwarded-proto'),
    forwardedHost: all('x-forwarded-host'),
    accept: all('accept'),
    userAgent: only('user-agent'),
    origin: only('origin'),
    preflightMethod: only('access-control-request-method'),
    mcpMethod: only('mcp-method'),
    mcpName: all('mcp-name'),
    mcpProtocolVersion: only('mcp-protocol-version'),
  };
}

const READ: ReadonlySet<string> = new Set([
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
]);

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
  return id;
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
