import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  STANDARD_VOICE,
  writeRefusal,
  type Refusal,
  type RefusalText,
  type Voice,
} from '../../src/core/dialect.ts';
import {
  ACCEPTED_SCHEMES,
  MCP_ENDPOINT_SCHEMES,
  PROFILES,
  SCHEMES,
  type Profile,
  type Scheme,
} from '../../src/core/profile.ts';
import { REASONS, codeOf, type Reason } from '../../src/core/reasons.ts';
import { anyText } from './any-text.ts';

const ALL = Object.keys(REASONS) as Reason[];
const ID = 'req_1';

const voiceOf = (profile: Profile, more: Partial<Voice> = {}): Voice => ({
  profile,
  schemes: ACCEPTED_SCHEMES[profile],
  mcpEndpoint: false,
  jsonRpc: false,
  ...more,
});
const MCP_VOICE = voiceOf('plexmcp', { schemes: MCP_ENDPOINT_SCHEMES, mcpEndpoint: true, jsonRpc: true });

function write(reason: Reason, voice: Voice, more: Partial<Refusal> = {}): RefusalText & { json: unknown } {
  const text = writeRefusal({ reason, requestId: ID, retryAfterMs: 0, sent: true, ...more }, voice);
  return { ...text, json: JSON.parse(text.body) };
}

function valuesOf(text: RefusalText, wanted: string): string[] {
  return text.headers.filter((_, i) => i % 2 === 1 && text.headers[i - 1]?.toLowerCase() === wanted);
}

describe.each(ALL)('%s', (reason) => {
  const { status, message } = REASONS[reason];

  test("in Plexe's dialect is code, message and status", () => {
    const { status: sent, json } = write(reason, voiceOf('plexe'));
    expect(sent).toBe(status);
    expect(json).toEqual({ error: { code: codeOf(reason, 'plexe', false), message, status } });
  });

  test("in Plextera's dialect is code, message, requestId and retryable", () => {
    const { json } = write(reason, voiceOf('plextera'));
    expect(json).toEqual({
      error: {
        code: codeOf(reason, 'plextera', false),
        message: status === 401 ? 'The API key is missing, malformed, or revoked.' : `${message}.`,
        requestId: ID,
        retryable: status === 429 || status >= 500,
      },
    });
  });

  test("in PlexMCP's dialect is success false and an error with details", () => {
    const { json } = write(reason, voiceOf('plexmcp'));
    expect(json).toEqual({
      success: false,
      error: {
        code: codeOf(reason, 'plexmcp', false),
        message: expect.any(String),
        details: expect.objectContaining({ request_id: ID }),
      },
    });
  });

  test('to an MCP client is a JSON-RPC error without an id, with a code outside the reserved range', () => {
    const { json } = write(reason, MCP_VOICE);
    expect(Object.keys(json as object).toSorted()).toEqual(['error', 'jsonrpc']);
    const { error } = json as {
      error: { code: number; message: string; data: { code: string; message: string } };
    };
    expect(Number.isInteger(error.code)).toBe(true);
    expect(error.code < -32_768 || error.code > -32_000).toBe(true);
    expect(error.code).toBe(-31_000 - status);
    expect(error.data.code).toBe(codeOf(reason, 'plexmcp', true));
    expect(error.data.message).toBe(error.message);
  });

  test('in the standard dialect is a problem document', () => {
    const text = write(reason, voiceOf('standard'));
    expect(text.json).toMatchObject({
      type: 'about:blank',
      status,
      detail: message,
      code: codeOf(reason, 'standard', false),
      reason,
      request_id: ID,
    });
    expect((text.json as { title: string }).title).not.toBe('Error');
    expect(valuesOf(text, 'content-type')).toEqual(['application/problem+json']);
  });

  test.each([...PROFILES.map((profile) => voiceOf(profile)), MCP_VOICE])(
    'carries the headers every refusal has: %#',
    (voice) => {
      const text = write(reason, voice);
      expect(valuesOf(text, 'x-request-id')).toEqual([ID]);
      expect(valuesOf(text, 'cache-control')).toEqual(['no-store']);
      expect(valuesOf(text, 'content-length')).toEqual([String(new TextEncoder().encode(text.body).length)]);
      expect(valuesOf(text, 'content-type')[0]).toMatch(/^application\/(problem\+json|json; charset=utf-8)$/);
      expect(valuesOf(text, 'allow').length).toBe(status === 405 ? 1 : 0);
      const challenged = valuesOf(text, 'www-authenticate').length > 0;
      expect(challenged || status !== 401).toBe(true);
      expect(challenged && status !== 401 && status !== 403).toBe(false);
    },
  );

  test('says when to come back if it is a 429 or 503, even where nobody knows when', () => {
    const text = write(reason, voiceOf('plexe'));
    expect(valuesOf(text, 'retry-after')).toEqual(status === 429 || status === 503 ? ['1'] : []);
    expect(valuesOf(write(reason, voiceOf('plexe'), { retryAfterMs: 1001 }), 'retry-after')).toEqual(['2']);
  });
});

describe('the messages of the documents', () => {
  test.each<[reason: Reason, message: string]>([
    ['missing_credential', 'Invalid or missing API key'],
    ['owner_disabled', 'Invalid or missing API key'],
    ['revoked_key', 'API key has been revoked'],
    ['expired_key', 'API key has expired'],
    ['method_not_permitted', 'API key does not have permission for this resource'],
    ['rate_limited', 'Too many requests'],
  ])("PlexMCP's %s says: %s", (reason, message) => {
    expect(write(reason, voiceOf('plexmcp')).json).toMatchObject({ error: { message } });
  });

  test('a known wait is in the body too, where the dialect has a place for it', () => {
    const wait = { retryAfterMs: 1500 };
    expect(write('rate_limited', voiceOf('plexmcp'), wait).json).toMatchObject({
      error: { details: { retry_after_seconds: 2 } },
    });
    expect(write('rate_limited', voiceOf('standard'), wait).json).toMatchObject({ retry_after: 2 });
    expect(write('rate_limited', MCP_VOICE, wait).json).toMatchObject({
      error: { data: { details: { retry_after_seconds: 2 } } },
    });
  });

  test('upstream failures have names of their own on the MCP endpoint', () => {
    const plain = voiceOf('plexmcp', { mcpEndpoint: true });
    expect(write('upstream_unreachable', plain).json).toMatchObject({ error: { code: 'mcp_unreachable' } });
    expect(write('upstream_timeout', plain).json).toMatchObject({ error: { code: 'mcp_timeout' } });
    expect(write('upstream_timeout', voiceOf('plexmcp')).json).toMatchObject({
      error: { code: 'gateway_timeout' },
    });
  });
});

describe('a 401 challenges for each accepted Authorization scheme', () => {
  test.each<[profile: Profile, schemes: readonly Scheme[], sent: boolean, challenges: string[]]>([
    ['plexe', ACCEPTED_SCHEMES.plexe, false, ['Bearer realm="plexe"']],
    ['plexe', ACCEPTED_SCHEMES.plexe, true, ['Bearer realm="plexe", error="invalid_token"']],
    ['plextera', ACCEPTED_SCHEMES.plextera, true, ['api-key realm="plextera"']],
    ['plexmcp', ACCEPTED_SCHEMES.plexmcp, true, ['ApiKey realm="plexmcp"']],
    ['plexmcp', MCP_ENDPOINT_SCHEMES, true, ['ApiKey realm="plexmcp"']],
    [
      'standard',
      SCHEMES,
      false,
      ['Bearer realm="standard"', 'api-key realm="standard"', 'ApiKey realm="standard"'],
    ],
    [
      'standard',
      SCHEMES,
      true,
      [
        'Bearer realm="standard", error="invalid_token"',
        'api-key realm="standard"',
        'ApiKey realm="standard"',
      ],
    ],
    ['plexe', ['x-api-key'], true, ['ApiKey realm="plexe", header="x-api-key"']],
    ['plexmcp', ['x-api-key'], false, ['ApiKey realm="plexmcp", header="x-api-key"']],
  ])('%s, accepting %j, sent %s', (profile, schemes, sent, challenges) => {
    const reason = sent ? 'unknown_key' : 'missing_credential';
    expect(valuesOf(write(reason, voiceOf(profile, { schemes }), { sent }), 'www-authenticate')).toEqual(
      challenges,
    );
  });

  test('and PlexMCP never with Bearer, whatever its routes accept', () => {
    fc.assert(
      fc.property(
        fc.subarray([...SCHEMES], { minLength: 1 }),
        fc.constantFrom(...ALL),
        fc.boolean(),
        (schemes, reason, sent) => {
          const challenges = valuesOf(
            write(reason, voiceOf('plexmcp', { schemes }), { sent }),
            'www-authenticate',
          );
          expect(challenges.join()).not.toMatch(/bearer/i);
        },
      ),
    );
  });

  test('a 403 of a Bearer route says insufficient_scope, any other has none', () => {
    const forbidden = (voice: Voice): string[] =>
      valuesOf(write('method_not_permitted', voice), 'www-authenticate');
    expect(forbidden(voiceOf('plexe'))).toEqual(['Bearer realm="plexe", error="insufficient_scope"']);
    expect(forbidden(voiceOf('plextera'))).toEqual([]);
    expect(forbidden(MCP_VOICE)).toEqual([]);
  });
});

describe('a refusal', () => {
  test('before a route is known is in the standard dialect', () => {
    const text = write('no_route', STANDARD_VOICE, { sent: false });
    expect(text.status).toBe(404);
    expect(valuesOf(text, 'content-type')).toEqual(['application/problem+json']);
  });

  test('puts further fields behind its own', () => {
    const more = ['RateLimit', '"a";r=0;t=1', 'X-Key-Id', 'k'];
    const text = writeRefusal(
      { reason: 'rate_limited', requestId: ID, retryAfterMs: 5, sent: true },
      voiceOf('plexe'),
      more,
    );
    expect(text.headers.slice(-4)).toEqual(more);
    expect(text.headers.length % 2).toBe(0);
  });

  test('has the length of its bytes, not of its characters, and shows any request id as it is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ALL),
        fc.constantFrom(...PROFILES),
        anyText,
        (reason, profile, requestId) => {
          const text = write(reason, voiceOf(profile), { requestId });
          expect(valuesOf(text, 'content-length')).toEqual([String(new Blob([text.body]).size)]);
          const shown = text.body.includes(JSON.stringify(requestId).slice(1, -1));
          expect(shown || profile === 'plexe').toBe(true);
        },
      ),
    );
  });
});
