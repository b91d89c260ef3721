import { describe, expect, expectTypeOf, test } from 'vitest';
import type { CredentialProblem } from '../../src/core/credential.ts';
import type { Standing } from '../../src/core/key.ts';
import { REASONS, codeOf, type Reason } from '../../src/core/reasons.ts';

interface Expected {
  readonly status: number;
  readonly plexe: string;
  readonly plextera: string;
  readonly retryable: boolean;
  readonly plexmcp: string;
  readonly mcpEndpoint?: string;
}

const row = (
  status: number,
  plexe: string,
  plextera: string,
  retryable: boolean,
  plexmcp: string,
  mcpEndpoint?: string,
): Expected => ({
  status,
  plexe,
  plextera,
  retryable,
  plexmcp,
  ...(mcpEndpoint === undefined ? {} : { mcpEndpoint }),
});

/** What clients of the three APIs were promised, written down once more; a reason without a row fails the type check. */
const EXPECTED: Record<Reason, Expected> = {
  malformed_request: row(400, 'invalid_request', 'INVALID_REQUEST', false, 'invalid_request'),
  conflicting_credentials: row(400, 'invalid_request', 'INVALID_REQUEST', false, 'invalid_request'),
  missing_credential: row(401, 'invalid_key', 'UNAUTHORIZED', false, 'unauthorized'),
  wrong_scheme: row(401, 'invalid_key', 'UNAUTHORIZED', false, 'unauthorized'),
  malformed_credential: row(401, 'invalid_key', 'UNAUTHORIZED', false, 'unauthorized'),
  unknown_key: row(401, 'invalid_key', 'UNAUTHORIZED', false, 'unauthorized'),
  revoked_key: row(401, 'revoked_key', 'UNAUTHORIZED', false, 'revoked_key'),
  expired_key: row(401, 'expired_key', 'UNAUTHORIZED', false, 'expired_key'),
  owner_disabled: row(401, 'revoked_key', 'UNAUTHORIZED', false, 'unauthorized'),
  method_not_permitted: row(403, 'insufficient_permissions', 'FORBIDDEN', false, 'forbidden'),
  scope_denied: row(403, 'insufficient_permissions', 'FORBIDDEN', false, 'mcp_not_permitted'),
  wrong_workspace: row(403, 'insufficient_permissions', 'FORBIDDEN', false, 'forbidden'),
  untrusted_proxy: row(403, 'insufficient_permissions', 'FORBIDDEN', false, 'forbidden'),
  unclear_original_request: row(403, 'insufficient_permissions', 'FORBIDDEN', false, 'forbidden'),
  no_route: row(404, 'not_found', 'NOT_FOUND', false, 'not_found'),
  method_not_allowed: row(405, 'method_not_allowed', 'METHOD_NOT_ALLOWED', false, 'method_not_allowed'),
  headers_too_large: row(431, 'headers_too_large', 'INVALID_REQUEST', false, 'headers_too_large'),
  rate_limited: row(429, 'rate_limit_exceeded', 'RATE_LIMITED', true, 'rate_limited'),
  concurrency_limited: row(429, 'rate_limit_exceeded', 'RATE_LIMITED', true, 'rate_limited'),
  forbidden_throttled: row(429, 'rate_limit_exceeded', 'RATE_LIMITED', true, 'rate_limited'),
  auth_throttled: row(429, 'rate_limit_exceeded', 'RATE_LIMITED', true, 'rate_limited'),
  internal_error: row(500, 'server_error', 'INTERNAL_ERROR', true, 'internal_error'),
  upstream_unreachable: row(
    502,
    'service_unavailable',
    'BAD_GATEWAY',
    true,
    'bad_gateway',
    'mcp_unreachable',
  ),
  overloaded: row(503, 'service_unavailable', 'SERVICE_UNAVAILABLE', true, 'service_unavailable'),
  key_service_unavailable: row(
    503,
    'service_unavailable',
    'SERVICE_UNAVAILABLE',
    true,
    'service_unavailable',
  ),
  limits_unavailable: row(503, 'service_unavailable', 'SERVICE_UNAVAILABLE', true, 'service_unavailable'),
  upstream_timeout: row(504, 'gateway_timeout', 'GATEWAY_TIMEOUT', true, 'gateway_timeout', 'mcp_timeout'),
};

describe('a reason', () => {
  test.each(Object.keys(EXPECTED) as Reason[])(
    '%s has the status and the codes its clients were promised',
    (reason) => {
      const { status, plexe, plextera, retryable, plexmcp, mcpEndpoint = plexmcp } = EXPECTED[reason];
      expect(REASONS[reason].status).toBe(status);
      expect(REASONS[reason].retryable).toBe(retryable);
      expect(codeOf(reason, 'plexe', false)).toBe(plexe);
      expect(codeOf(reason, 'standard', false)).toBe(plexe);
      expect(codeOf(reason, 'plextera', false)).toBe(plextera);
      expect(codeOf(reason, 'plexmcp', false)).toBe(plexmcp);
      expect(codeOf(reason, 'plexmcp', true)).toBe(mcpEndpoint);
      expect(codeOf(reason, 'plexe', true)).toBe(plexe);
      expect(codeOf(reason, 'plextera', true)).toBe(plextera);
    },
  );

  test('exists for each promise and no other', () => {
    expect(Object.keys(REASONS).toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
  });

  test.each(Object.keys(REASONS) as Reason[])(
    '%s is a snake_case word with a message and a meaning',
    (reason) => {
      expect(reason).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(REASONS[reason].message).toMatch(/^[A-Z].*[^.]$/);
      expect(REASONS[reason].meaning).toMatch(/^[A-Z].*\.$/s);
    },
  );

  test.each<[reason: Reason, message: string]>([
    ['malformed_credential', 'API key is invalid or malformed'],
    ['unknown_key', 'API key is invalid or malformed'],
    ['revoked_key', 'API key has been revoked'],
    ['expired_key', 'API key has expired'],
    ['method_not_permitted', 'API key lacks required permissions for this operation'],
    ['rate_limited', 'Too many requests in a given time period'],
  ])("%s uses the sentence of Plexe's authentication overview", (reason, message) => {
    expect(REASONS[reason].message).toBe(message);
  });

  test('exists for whatever can be wrong with a credential', () => {
    expectTypeOf<CredentialProblem['reason']>().toExtend<Reason>();
    expectTypeOf<Exclude<Standing, 'active'>>().toEqualTypeOf<'revoked' | 'expired' | 'owner_disabled'>();
  });

  test('that blames something being down is never a 401, 403 or 429', () => {
    for (const reason of [
      'key_service_unavailable',
      'limits_unavailable',
      'upstream_unreachable',
      'upstream_timeout',
      'internal_error',
    ] as const) {
      expect(REASONS[reason].status).toBeGreaterThanOrEqual(500);
    }
  });
});
