import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  IDENTITY_HEADERS,
  connectionOptions,
  passAnswerHeaders,
  passHeaders,
  type Forwarding,
} from '../../src/core/forward-headers.ts';
import { readHead } from '../../src/core/request-head.ts';

const KEEP = { kind: 'keep' } as const;

function passed(raw: readonly string[], forwarding: Partial<Forwarding> = {}): string[] {
  return passHeaders(readHead(raw), {
    credential: { kind: 'strip' },
    accepted: null,
    trustedPeer: false,
    assertionHeader: null,
    ...forwarding,
  });
}

describe('headers that describe the request', () => {
  test('pass byte for byte, in order, repeated ones too', () => {
    const raw = [
      'Host',
      'a:1',
      'aCCept',
      ' x ',
      'X-Thing',
      'caf\u00e9',
      'x-thing',
      '',
      'Cookie',
      'a=b',
      'Content-Length',
      '3',
    ];
    expect(passed(raw)).toEqual(raw);
  });

  test('of MCP pass untouched', () => {
    const raw = [
      'Mcp-Session-Id',
      's',
      'MCP-Protocol-Version',
      '2025-11-25',
      'Last-Event-ID',
      '7',
      'Accept',
      'text/event-stream',
    ];
    expect(passed(raw)).toEqual(raw);
  });

  test('keep their order and spelling whatever stands between them', () => {
    const plain = fc.constantFrom(
      'Accept',
      'X-A',
      'x-b_c',
      'User-Agent',
      'content-TYPE',
      'x.y',
      'If-Match',
      'Host',
    );
    const gone = fc.constantFrom(
      'X-Key-Id',
      'Connection',
      'TE',
      'x_tier',
      'Authorization',
      'X-API-Key',
      'Expect',
    );
    const lines = fc.array(fc.tuple(fc.oneof(plain, gone), fc.string({ unit: 'grapheme-ascii' })));
    fc.assert(
      fc.property(lines, (pairs) => {
        const kept = pairs.filter(
          ([name]) =>
            !['x-key-id', 'connection', 'te', 'x_tier', 'authorization', 'x-api-key', 'expect'].includes(
              name.toLowerCase(),
            ),
        );
        const raw = pairs.map(([name, value]) => [
          name,
          name === 'Connection' ? 'close' : name === 'Authorization' ? `Bearer ${value}` : value,
        ]);
        expect(passed(raw.flat())).toEqual(kept.flat());
      }),
    );
  });
});

describe("a client's own identity headers", () => {
  const separator = fc.constantFrom(
    '-',
    '_',
    '.',
    '~',
    '!',
    '+',
    '*',
    '|',
    '`',
    '^',
    '%',
    '#',
    '$',
    '&',
    "'",
  );
  const spelledName = fc
    .tuple(
      fc.constantFrom(...IDENTITY_HEADERS),
      fc.array(separator, { minLength: 3, maxLength: 3 }),
      fc.nat(),
    )
    .map(([name, separators, upper]) => {
      const cased = name.replace(/./g, (letter, i: number) =>
        (upper >> i) & 1 ? letter.toUpperCase() : letter,
      );
      let at = 0;
      return cased.replaceAll('-', () => separators[at++] ?? '-');
    });

  test('never arrive, in any case and with any separator an upstream might fold', () => {
    fc.assert(
      fc.property(spelledName, fc.string(), fc.boolean(), (name, value, trustedPeer) => {
        const raw = ['Accept', '*/*', name, value];
        expect(passed(raw, { trustedPeer, credential: KEEP })).toEqual(['Accept', '*/*']);
      }),
      { numRuns: 2000 },
    );
  });

  test('never arrive after many thousand odd spellings were sent before', () => {
    for (let i = 0; i < 5000; i++) passed([`X-Odd-${i}`, 'x']);
    for (const name of ['X-Key-Id', 'x_key_id', 'X.KEY.ID', 'x-KEY_id'])
      expect(passed([name, 'evil'])).toEqual([]);
  });

  test('pass where the name only resembles one', () => {
    const raw = ['X-Key-Ids', 'a', 'XKeyId', 'b', 'X-User', 'c', 'Y-Tier', 'd'];
    expect(passed(raw)).toEqual(raw);
  });

  test.each([
    'Transfer_Encoding',
    'content_length',
    'Content.Length',
    'HOST_',
    'x_api_key',
    'X.API.Key',
    'x_forwarded_for',
    'X_HTTP_Method_Override',
    'Mcp_Name',
  ])('a second spelling of a header that matters is gone too: %s', (name) => {
    const resembles = name === 'HOST_';
    expect(passed([name, 'x'], { trustedPeer: true, credential: KEEP })).toEqual(
      resembles ? [name, 'x'] : [],
    );
  });
});

describe('headers of one connection', () => {
  test.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Expect',
    'Proxy-Authorization',
    'Proxy-Authenticate',
    'HTTP2-Settings',
  ])('%s does not pass', (name) => {
    expect(passed([name, 'x', 'Accept', 'y'])).toEqual(['Accept', 'y']);
    expect(passed([name.toUpperCase(), 'x'])).toEqual([]);
  });

  test('are also those that Connection lists, on any of its lines', () => {
    const raw = [
      'X-One',
      '1',
      'Connection',
      'close, X-One ,x-two',
      'x-TWO',
      '2',
      'X-Three',
      '3',
      'connection',
      'X-THREE',
      'X-Four',
      '4',
    ];
    expect(passed(raw)).toEqual(['X-Four', '4']);
  });

  test.each(IDENTITY_HEADERS)('Connection: %s removes only what the client sent', (name) => {
    expect(passed(['Connection', name, name, 'evil', 'Accept', 'x'])).toEqual(['Accept', 'x']);
  });

  test('cannot be made of Host and Content-Length, which decided the route and frame the body', () => {
    const raw = ['Host', 'api.example.com', 'Content-Length', '3'];
    expect(passed([...raw, 'Connection', 'Host, content-length'])).toEqual(raw);
  });
});

test.each([
  'X-HTTP-Method',
  'X-HTTP-Method-Override',
  'X-Method-Override',
  'X-Original-URL',
  'X-Rewrite-URL',
  'x_http_method_override',
])('%s would make another request of it and does not pass', (name) =>
  expect(passed([name, 'DELETE'], { trustedPeer: true })).toEqual([]),
);

describe('forwarding headers', () => {
  test.each(['Forwarded', 'X-Forwarded-Port', 'X-Real-IP'])('%s stands only from a trusted proxy', (name) => {
    expect(passed([name, 'x'])).toEqual([]);
    expect(passed([name, 'x'], { trustedPeer: true })).toEqual([name, 'x']);
  });

  test.each(['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host'])(
    '%s of an unknown client does not pass',
    (name) => {
      expect(passed([name, 'x'])).toEqual([]);
    },
  );
});

test.each<[lines: string[], options: string[] | null]>([
  [[], null],
  [['keep-alive'], null],
  [['close, Upgrade, Keep-Alive'], null],
  [['', ' , ,'], null],
  [
    ['X-A, close', ' x-b '],
    ['x-a', 'x-b'],
  ],
])('Connection lines %j list %j', (lines, options) => {
  const listed = connectionOptions(lines);
  expect(listed === null ? null : [...listed]).toEqual(options);
});

describe("an upstream's answer headers", () => {
  const none: ReadonlySet<string> = new Set();

  test('pass byte for byte, in order, repeated ones too', () => {
    const raw = [
      'Content-Type',
      'text/plain',
      'set-COOKIE',
      'a',
      'Set-Cookie',
      'b',
      'X-Accel-Buffering',
      'no',
    ];
    expect(passAnswerHeaders(raw, none)).toEqual(raw);
  });

  test('lose what describes one connection, and what Connection lists', () => {
    const raw = [
      'Connection',
      'close, X-Hop',
      'Keep-Alive',
      'x',
      'Transfer-Encoding',
      'chunked',
      'Trailer',
      'x',
      'Upgrade',
      'x',
    ];
    expect(passAnswerHeaders([...raw, 'x-hop', 'x', 'Proxy-Authenticate', 'x', 'Date', 'd'], none)).toEqual([
      'Date',
      'd',
    ]);
  });

  test('lose those the gate writes itself, in any case', () => {
    const raw = ['RateLimit', 'x', 'X-RATELIMIT-limit', '1', 'Retry-After', '7'];
    expect(passAnswerHeaders(raw, new Set(['ratelimit', 'x-ratelimit-limit']))).toEqual(['Retry-After', '7']);
  });

  test('keep the challenge of the upstream itself', () => {
    expect(passAnswerHeaders(['WWW-Authenticate', 'Basic'], none)).toEqual(['WWW-Authenticate', 'Basic']);
  });
});
