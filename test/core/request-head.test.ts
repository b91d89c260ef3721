import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { composeKey } from '../../src/core/key-shape.ts';
import { callersRequestId, isPreflight, readHead, speaksJsonRpc } from '../../src/core/request-head.ts';

const KEY = composeKey('plx_sk_', randomBytes);
const FOREIGN_KEY = randomBytes(16).toString('hex');

describe('the head of a request', () => {
  test('keeps every line of a repeated header, in order and in any spelling', () => {
    const head = readHead(['X-API-Key', 'one', 'Host', 'a', 'x-api-key', 'two', 'AUTHORIZATION', 'Basic x']);
    expect(head.xApiKey).toEqual(['one', 'two']);
    expect(head.authorization).toEqual(['Basic x']);
    expect(head.host).toEqual(['a']);
    expect(head.connection).toEqual([]);
  });

  test('reads a header that must be single as absent where it is repeated', () => {
    const twice = readHead([
      'Origin',
      'https://a',
      'origin',
      'https://b',
      'Mcp-Method',
      'x',
      'mcp-method',
      'y',
    ]);
    expect(twice.origin).toBeNull();
    expect(twice.mcpMethod).toBeNull();
  });

  test('keeps the raw list itself, and a name without a value reads as nothing', () => {
    const raw = ['Host', 'a', 'Accept'];
    expect(readHead(raw).raw).toBe(raw);
    expect(readHead(raw).accept).toEqual([]);
  });

  test('is not misled by names of object properties', () => {
    const head = readHead(['__proto__', 'x', 'constructor', 'y', 'toString', 'z']);
    expect(head.userAgent).toBeNull();
    expect(head.host).toEqual([]);
  });
});

describe("the caller's request id", () => {
  const idOf = (...raw: string[]): string | null => callersRequestId(readHead(raw));

  test.each<[title: string, raw: string[], expected: string | null]>([
    ['is taken as sent', ['X-Request-Id', 'abc'], 'abc'],
    ['may have 128 characters', ['X-Request-Id', 'a'.repeat(128)], 'a'.repeat(128)],
    ['may not have 129', ['X-Request-Id', 'a'.repeat(129)], null],
    ['may not be empty', ['X-Request-Id', ''], null],
    ['may not hold a space', ['X-Request-Id', 'a b'], null],
    ['may not hold a control byte', ['X-Request-Id', 'a\u0007'], null],
    ['may not hold a byte beyond ASCII', ['X-Request-Id', 'a\u00e9'], null],
    ['may not be sent twice', ['X-Request-Id', 'a', 'x-request-id', 'a'], null],
    ['is absent where none was sent', ['Host', 'a'], null],
    ['may not hold something that looks like a key', ['X-Request-Id', `id-${KEY}`], null],
    ['may not be the x-api-key', ['X-Request-Id', FOREIGN_KEY, 'x-api-key', FOREIGN_KEY], null],
    ['may not hold the x-api-key', ['X-Request-Id', `a-${FOREIGN_KEY}-b`, 'x-api-key', FOREIGN_KEY], null],
    [
      'may not hold the Authorization key',
      ['X-Request-Id', FOREIGN_KEY, 'Authorization', `Bearer ${FOREIGN_KEY}`],
      null,
    ],
    ['may not hold a bare key', ['X-Request-Id', FOREIGN_KEY, 'Authorization', FOREIGN_KEY], null],
    [
      'may not hold a key that more follows',
      ['X-Request-Id', FOREIGN_KEY, 'Authorization', `Bearer ${FOREIGN_KEY} x`],
      null,
    ],
    ['may not hold a quoted key', ['X-Request-Id', FOREIGN_KEY, 'x-api-key', `"${FOREIGN_KEY}"`], null],
    [
      'may not hold one of two keys',
      ['X-Request-Id', FOREIGN_KEY, 'x-api-key', `${FOREIGN_KEY},${KEY}`],
      null,
    ],
    [
      'may share a few letters with a credential',
      ['X-Request-Id', 'trace-1', 'Authorization', 'Custom 1'],
      'trace-1',
    ],
    ['may stand beside an empty Authorization', ['X-Request-Id', 'abc', 'Authorization', ''], 'abc'],
    ['may stand beside an empty x-api-key', ['X-Request-Id', 'abc', 'x-api-key', ''], 'abc'],
  ])('%s', (_, raw, expected) => {
    expect(idOf(...raw)).toBe(expected);
  });

  test('never holds the key of the request, wherever in it the key stands', () => {
    const around = fc.string({ unit: fc.constantFrom('a', '-', '.', '7'), maxLength: 20 });
    const placed = fc.constantFrom(
      (key: string) => ['x-api-key', key],
      (key: string) => ['Authorization', `ApiKey ${key}`],
      (key: string) => ['Authorization', key],
    );
    const key = fc.string({
      unit: fc.constantFrom('a', 'B', '9', '-', '_', '.'),
      minLength: 8,
      maxLength: 60,
    });
    fc.assert(
      fc.property(around, around, key, placed, (before, after, text, place) => {
        expect(idOf('X-Request-Id', `${before}${text}${after}`, ...place(text))).toBeNull();
      }),
    );
  });
});

test.each<[method: string, raw: string[], expected: boolean]>([
  ['OPTIONS', ['Origin', 'https://a', 'Access-Control-Request-Method', 'PUT'], true],
  ['OPTIONS', ['Origin', 'https://a'], false],
  ['OPTIONS', ['Access-Control-Request-Method', 'PUT'], false],
  ['GET', ['Origin', 'https://a', 'Access-Control-Request-Method', 'PUT'], false],
  ['OPTIONS', ['Origin', 'a', 'Origin', 'b', 'Access-Control-Request-Method', 'PUT'], false],
])('a preflight is OPTIONS with one Origin and the method it asks for: %s %j', (method, raw, expected) => {
  expect(isPreflight(method, readHead(raw))).toBe(expected);
});

test.each<[raw: string[], expected: boolean]>([
  [['MCP-Protocol-Version', '2025-11-25'], true],
  [['Mcp-Method', 'tools/list'], true],
  [['Accept', 'application/json, Text/Event-Stream'], true],
  [['Accept', 'application/json', 'Accept', 'text/event-stream'], true],
  [['Accept', 'application/json'], false],
  [[], false],
])('a caller speaks JSON-RPC when it says so: %j', (raw, expected) => {
  expect(speaksJsonRpc(readHead(raw))).toBe(expected);
});
