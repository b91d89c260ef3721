import { AUTHORIZATION_SCHEMES, type Profile, type Scheme } from './profile.ts';
import { retryAfterSeconds } from './rate-limit-fields.ts';
import { REASONS, codeOf, type Reason } from './reasons.ts';

export interface Refusal {
  readonly reason: Reason;
  readonly requestId: string;
  /** 0 where no Retry-After is due. */
  readonly retryAfterMs: number;
  /** Whether the client sent a credential at all. */
  readonly sent: boolean;
}

/** How the route that refuses speaks. Before a route is known it is `STANDARD_VOICE`. */
export interface Voice {
  readonly profile: Profile;
  readonly schemes: readonly Scheme[];
  /** The MCP endpoint of a plexmcp route, which names upstream failures apart. */
  readonly mcpEndpoint: boolean;
  /** The caller of the MCP endpoint speaks JSON-RPC. */
  readonly jsonRpc: boolean;
}

export const STANDARD_VOICE: Voice = { profile: 'standard', schemes: [], mcpEndpoint: false, jsonRpc: false };

export interface RefusalText {
  readonly status: number;
  /** Flat list of header fields, body's type and length included. */
  readonly headers: string[];
  readonly body: string;
}

/** Seconds for Retry-After; null where none is due. A 429 or 503 always says when to come back, at the least in a second. */
export function retryAfterOf({
  reason,
  retryAfterMs,
}: Pick<Refusal, 'reason' | 'retryAfterMs'>): number | null {
  const { status } = REASONS[reason];
  return retryAfterMs > 0 || status === 429 || status === 503 ? retryAfterSeconds(retryAfterMs) : null;
}

const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

/** A refusal as status, headers and body in the route's dialect. `more` fields (limits, identity) follow ours. */
export function writeRefusal(refusal: Refusal, voice: Voice, more: readonly string[] = []): RefusalText {
  const { status } = REASONS[refusal.reason];
  const body = JSON.stringify(bodyOf(refusal, voice));
  const headers = [
    'Content-Type',
    voice.profile === 'standard' ? 'application/problem+json' : 'application/json; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'X-Request-Id',
    refusal.requestId,
  ];
  for (const challenge of challenges(refusal, voice)) headers.push('WWW-Authenticate', challenge);
  const retryAfter = retryAfterOf(refusal);
  if (retryAfter !== null) headers.push('Retry-After', String(retryAfter));
  if (status === 405) headers.push('Allow', ALLOWED_METHODS);
  headers.push(...more);
  return { status, headers, body };
}

/**
 * RFC 9110 section 15.5.2: a 401 MUST carry a challenge; there is one for each accepted Authorization scheme.
 * PlexMCP never challenges with Bearer, because MCP clients start OAuth discovery on it. A 403 of a Bearer route
 * says insufficient_scope (RFC 6750 section 3.1).
 */
function challenges({ reason, sent }: Refusal, { profile, schemes }: Voice): string[] {
  const { status } = REASONS[reason];
  if (status !== 401 && status !== 403) return [];
  const bearerAllowed = profile !== 'plexmcp';
  if (status === 403) {
    return schemes.includes('bearer') && bearerAllowed
      ? [`Bearer realm="${profile}", error="insufficient_scope"`]
      : [];
  }
  const written: string[] = [];
  for (const scheme of schemes) {
    if (scheme === 'x-api-key' || (scheme === 'bearer' && !bearerAllowed)) continue;
    const error = scheme === 'bearer' && sent ? ', error="invalid_token"' : '';
    written.push(`${AUTHORIZATION_SCHEMES[scheme]} realm="${profile}"${error}`);
  }
  return written.length > 0 ? written : [`ApiKey realm="${profile}", header="x-api-key"`];
}

/** JSON-RPC error codes for refusals, outside the range -32768 to -32000 that JSON-RPC and MCP reserve. */
function jsonRpcCode(status: number): number {
  return -31_000 - status;
}

function bodyOf(refusal: Refusal, voice: Voice): unknown {
  const { status, message, retryable } = REASONS[refusal.reason];
  const code = codeOf(refusal.reason, voice.profile, voice.mcpEndpoint);
  const retryAfter = refusal.retryAfterMs > 0 ? retryAfterSeconds(refusal.retryAfterMs) : null;
  switch (voice.profile) {
    case 'plexe':
      return { error: { code, message, status } };
    case 'plextera':
      return {
        error: { code, message: plexteraMessage(refusal.reason), requestId: refusal.requestId, retryable },
      };
    case 'plexmcp': {
      const details = {
        request_id: refusal.requestId,
        ...(retryAfter === null ? {} : { retry_after_seconds: retryAfter }),
      };
      const error = { code, message: plexmcpMessage(refusal.reason), details };
      return voice.jsonRpc
        ? { jsonrpc: '2.0', error: { code: jsonRpcCode(status), message: error.message, data: error } }
        : { success: false, error };
    }
    case 'standard':
      return {
        type: 'about:blank',
        title: STATUS_TITLES[status] ?? 'Error',
        status,
        detail: message,
        code,
        reason: refusal.reason,
        request_id: refusal.requestId,
        ...(retryAfter === null ? {} : { retry_after: retryAfter }),
      };
  }
}

/** Plextera's documents fold every reason for a 401 into one sentence. */
function plexteraMessage(reason: Reason): string {
  return REASONS[reason].status === 401
    ? 'The API key is missing, malformed, or revoked.'
    : `${REASONS[reason].message}.`;
}

/** PlexMCP's documented sentences where it has one. */
function plexmcpMessage(reason: Reason): string {
  const { status, plexmcp, message } = REASONS[reason];
  if (plexmcp === 'unauthorized') return 'Invalid or missing API key';
  if (plexmcp === 'forbidden') return 'API key does not have permission for this resource';
  return status === 429 ? 'Too many requests' : message;
}

const STATUS_TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};
