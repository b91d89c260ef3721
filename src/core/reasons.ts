import type { Profile } from './profile.ts';

/**
 * Why a request is refused: one vocabulary for log, metric, explanation and documents. Each row says what a
 * client sees of it in each dialect. `standard` uses Plexe's codes. docs/errors.md is made from this table.
 */
interface Row {
  readonly status: number;
  readonly message: string;
  readonly plexe: string;
  readonly plextera: string;
  /** Plextera says whether the same request may succeed later. */
  readonly retryable: boolean;
  readonly plexmcp: string;
  /** PlexMCP names failures of an MCP server apart on its MCP endpoint. */
  readonly mcpEndpoint?: string;
  /** What the reason means, for docs/errors.md. */
  readonly meaning: string;
}

const INVALID = 'API key is invalid or malformed';
const LACKS = 'API key lacks required permissions for this operation';
const TOO_MANY = 'Too many requests in a given time period';

function row(
  status: number,
  codes: readonly [plexe: string, plextera: string, plexmcp: string],
  message: string,
  meaning: string,
  more: { retryable?: boolean; mcpEndpoint?: string } = {},
): Row {
  return {
    status,
    message,
    plexe: codes[0],
    plextera: codes[1],
    plexmcp: codes[2],
    retryable: more.retryable ?? false,
    ...(more.mcpEndpoint === undefined ? {} : { mcpEndpoint: more.mcpEndpoint }),
    meaning,
  };
}

const UNAUTHORIZED = ['invalid_key', 'UNAUTHORIZED', 'unauthorized'] as const;
const FORBIDDEN = ['insufficient_permissions', 'FORBIDDEN', 'forbidden'] as const;
const LIMITED = ['rate_limit_exceeded', 'RATE_LIMITED', 'rate_limited'] as const;
const BAD_REQUEST = ['invalid_request', 'INVALID_REQUEST', 'invalid_request'] as const;

export const REASONS = {
  malformed_request: row(
    400,
    BAD_REQUEST,
    'The request target or its headers are ambiguous or malformed',
    'The path holds dot segments, a backslash or control bytes, decoding it would change the route or rule, or the request carries no Host line or two, another authority or an unknown transfer coding.',
  ),
  conflicting_credentials: row(
    400,
    BAD_REQUEST,
    'The request carries more than one API key',
    'Two different accepted keys, or one credential header on two lines (RFC 6750 section 3.1).',
  ),
  missing_credential: row(
    401,
    UNAUTHORIZED,
    'API key is missing',
    'No key in any of the places the route accepts.',
  ),
  wrong_scheme: row(
    401,
    UNAUTHORIZED,
    INVALID,
    'A key stands in one of the four places, but not in one this route accepts.',
  ),
  malformed_credential: row(
    401,
    UNAUTHORIZED,
    INVALID,
    'A bare key in Authorization, a scheme without a key, or a key with characters or a length no key has. No lookup was made.',
  ),
  unknown_key: row(
    401,
    UNAUTHORIZED,
    INVALID,
    'No such key, or a key of our own shape with a wrong checksum.',
  ),
  revoked_key: row(
    401,
    ['revoked_key', 'UNAUTHORIZED', 'revoked_key'],
    'API key has been revoked',
    'The key was revoked; this wins over expiry.',
  ),
  expired_key: row(
    401,
    ['expired_key', 'UNAUTHORIZED', 'expired_key'],
    'API key has expired',
    'The key reached its expires_at.',
  ),
  owner_disabled: row(
    401,
    ['revoked_key', 'UNAUTHORIZED', 'unauthorized'],
    'API key has been revoked',
    'The account, workspace or organization of the key is disabled.',
  ),
  method_not_permitted: row(
    403,
    FORBIDDEN,
    LACKS,
    'A read-only key asked for something that writes: any method but GET, HEAD and OPTIONS, or an upgrade, unless a rule says otherwise.',
  ),
  scope_denied: row(
    403,
    ['insufficient_permissions', 'FORBIDDEN', 'mcp_not_permitted'],
    LACKS,
    'The MCP server the request names is not in the list of the key.',
  ),
  wrong_workspace: row(403, FORBIDDEN, LACKS, 'The route belongs to another workspace than the key.'),
  untrusted_proxy: row(
    403,
    FORBIDDEN,
    'This address may not ask for decisions',
    'The forward-auth door was asked by an address outside of forwardAuth.trustedProxies. What it says of a request is not looked at.',
  ),
  unclear_original_request: row(
    403,
    FORBIDDEN,
    'The proxy in front did not say clearly what was asked for',
    'At the forward-auth door the original method, URI, host or address is missing, empty or there twice in the configured family of headers, or a refusal to be rendered is forged, too old or of others. A missing method is never taken for GET.',
  ),
  no_route: row(
    404,
    ['not_found', 'NOT_FOUND', 'not_found'],
    'No route matches this request',
    'No configured route matches host and path.',
  ),
  method_not_allowed: row(
    405,
    ['method_not_allowed', 'METHOD_NOT_ALLOWED', 'method_not_allowed'],
    'This method is never forwarded',
    'TRACE and CONNECT never pass; Allow lists what does.',
  ),
  headers_too_large: row(
    431,
    ['headers_too_large', 'INVALID_REQUEST', 'headers_too_large'],
    'The header of the request is too large',
    'Request line and header lines together are larger than bounds.headerBytes, or there are more than 1,000 lines; answered with the bare status.',
  ),
  rate_limited: row(429, LIMITED, TOO_MANY, 'A limit of the owner or of the key is spent.', {
    retryable: true,
  }),
  concurrency_limited: row(
    429,
    LIMITED,
    'Too many requests at the same time',
    'As many requests and streams of the owner or of the key are under way as its concurrency limit allows.',
    { retryable: true },
  ),
  forbidden_throttled: row(
    429,
    LIMITED,
    TOO_MANY,
    'The owner has earned more 403 answers than its tier allows requests; they are bounded apart from the tier itself.',
    { retryable: true },
  ),
  auth_throttled: row(
    429,
    LIMITED,
    TOO_MANY,
    'Too many failed authentications from this address. Keys this gate already knows still pass.',
    { retryable: true },
  ),
  internal_error: row(
    500,
    ['server_error', 'INTERNAL_ERROR', 'internal_error'],
    'An internal error occurred',
    'A defect in the gate; the log has the cause under the request id.',
    { retryable: true },
  ),
  upstream_unreachable: row(
    502,
    ['service_unavailable', 'BAD_GATEWAY', 'bad_gateway'],
    'The upstream could not be reached',
    'The upstream refused the connection, broke it, or answered with something that is not HTTP.',
    { retryable: true, mcpEndpoint: 'mcp_unreachable' },
  ),
  overloaded: row(
    503,
    ['service_unavailable', 'SERVICE_UNAVAILABLE', 'service_unavailable'],
    'Too much is under way at the moment',
    'More requests are under way than bounds.inFlight, or the process is later with its work than bounds.loopDelay. Nothing was looked up or spent.',
    { retryable: true },
  ),
  key_service_unavailable: row(
    503,
    ['service_unavailable', 'SERVICE_UNAVAILABLE', 'service_unavailable'],
    'API keys cannot be checked at the moment',
    'The key could not be looked up. It may be valid: the answer is neither 401 nor remembered.',
    { retryable: true },
  ),
  limits_unavailable: row(
    503,
    ['service_unavailable', 'SERVICE_UNAVAILABLE', 'service_unavailable'],
    'Rate limits cannot be checked at the moment',
    'Redis, where all replicas keep their limits together, does not answer, and this one may spend nothing by itself. No limit was found to be exceeded.',
    { retryable: true },
  ),
  upstream_timeout: row(
    504,
    ['gateway_timeout', 'GATEWAY_TIMEOUT', 'gateway_timeout'],
    'The upstream did not answer in time',
    'No connection within timeouts.connect, or no answer within timeouts.firstByte.',
    { retryable: true, mcpEndpoint: 'mcp_timeout' },
  ),
} as const satisfies Record<string, Row>;

export type Reason = keyof typeof REASONS;

/** The code a client of this profile reads. */
export function codeOf(reason: Reason, profile: Profile, mcpEndpoint: boolean): string {
  const entry: Row = REASONS[reason];
  if (profile === 'plextera') return entry.plextera;
  if (profile === 'plexmcp') return (mcpEndpoint ? entry.mcpEndpoint : undefined) ?? entry.plexmcp;
  return entry.plexe;
}
