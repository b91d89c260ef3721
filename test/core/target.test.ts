import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTarget } from '../../src/core/target.ts';
import { anyText } from './any-text.ts';

const HOST = ['api.example.com'];

function pathOf(url: string, host: readonly string[] = HOST): string | null {
  const target = readTarget(url, host);
  return target.kind === 'target' ? target.path : null;
}

describe('a target that every reader reads alike', () => {
  test.each<[url: string, path: string, query: string, other: string | null]>([
    ['/', '/', '', null],
    ['/a/b', '/a/b', '', null],
    ['/a?', '/a', '?', null],
    ['/a?x=1?y=../..', '/a', '?x=1?y=../..', null],
    ['/a?x=\\', '/a', '?x=\\', null],
    ['/a%20b', '/a%20b', '', '/a b'],
    ['/a%2fb', '/a%2fb', '', '/a/b'],
    ['/a//b///c', '/a//b///c', '', '/a/b/c'],
    ['/%252e%252e', '/%252e%252e', '', '/%2e%2e'],
    ['/%C3%A9', '/%C3%A9', '', '/\u00c3\u00a9'],
    ['/.well-known/x', '/.well-known/x', '', null],
    ['/...', '/...', '', null],
    ['/a..b/.c/d.', '/a..b/.c/d.', '', null],
    ['/a;v=1/b', '/a;v=1/b', '', '/a/b'],
  ])('%s is taken byte for byte', (url, path, query, other) => {
    const otherReadings = other === null ? [] : [other];
    expect(readTarget(url, HOST)).toEqual({ kind: 'target', path, query, otherReadings });
  });
});

describe('a target that readers may differ on is refused', () => {
  test.each([
    '/..',
    '/.',
    '/a/../b',
    '/a/./b',
    '/a/..',
    '/../a',
    '/a/.',
    '/%2e',
    '/%2E%2e/a',
    '/a/.%2e/b',
    '/a/%2e./b',
    '/a/%2e%2e%2fb',
    '/a%2f..%2fb',
    '/a%2f%2e%2e',
    '/..;x',
    '/a/..;x=1/b',
    '/a/.;/b',
    '/a/..%3bx',
    '/a/%2e%2e;x/b',
    '//..//a',
    '/a//..',
    '/a\\b',
    '/\\..\\a',
    '/a%5cb',
    '/a%5C..%5Cb',
    '/a\u0000',
    '/a%00',
    '/a%0a',
    '/a%0D%0AX',
    '/a%1f',
    '/a%7f',
    '/a\u007f',
    '/a\tb',
    '/a b',
    '/a#b',
    '/#',
    '/a?b#c',
    '/a?b c',
    '/a?\u0000',
    '/a?\u00e9',
    '/\u00e9',
    '/\u2028',
    '/%',
    '/%2',
    '/a%zz',
    '/%%32%65',
    '/%u002e',
    '/a%2',
    '/a%g0/b',
    '/%-1',
    '',
    '*',
    'a/b',
    '?a',
    '#',
    'ftp://api.example.com/a',
    'javascript:alert(1)',
    'api.example.com:443',
  ])('%j', (url) => {
    expect(pathOf(url)).toBeNull();
  });

  test.each<[url: string, others: string[]]>([
    ['//a', ['/a', '/']],
    ['//other.example.com/a', ['/other.example.com/a', '/a']],
    ['///a', ['/a']],
    ['%2f/x', []],
    ['/%2fx/admin', ['//x/admin', '/x/admin', '/admin']],
    ['/a/%2fx', ['/a//x', '/a/x']],
    ['//a//b?c', ['/a/b', '/b']],
    ['/a;v=1/b;w', ['/a/b']],
    ['/a%3bv=1//b', ['/a;v=1//b', '/a;v=1/b', '/a/b']],
  ])(
    '%s may also be read as %j: folded, with its first segment taken for a host, without parameters',
    (url, others) => {
      const target = readTarget(url, HOST);
      expect(target.kind === 'target' ? [...new Set(target.otherReadings)] : []).toEqual(others);
    },
  );
});

describe('the absolute form', () => {
  test.each<[url: string, host: string[], path: string | null]>([
    ['http://api.example.com/a', HOST, '/a'],
    ['HTTP://API.example.COM/a', HOST, '/a'],
    ['https://api.example.com/a?b', HOST, '/a'],
    ['http://api.example.com', HOST, '/'],
    ['http://api.example.com?b', HOST, '/'],
    ['http://api.example.com:8080/a', ['api.example.com:8080'], '/a'],
    ['http://api.example.com:80/a', HOST, null],
    ['http://other.example.com/a', HOST, null],
    ['http://api.example.com/a', [], null],
    ['http://api.example.com@other.example.com/a', HOST, null],
    ['http://api.example.com\\@other/a', HOST, null],
    ['http://api.example.com/../a', HOST, null],
    ['http://api.example.com//a', HOST, '//a'],
    ['http://api.example.com/a#b', HOST, null],
    ['http:///a', [], null],
    ['http:///a', [''], null],
    ['http://', [''], null],
    ['http:/a', HOST, null],
  ])('%s with Host %j gives %j', (url, host, path) => {
    expect(pathOf(url, host)).toBe(path);
  });
});

const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '%00',
    '%',
    '%25',
    ';',
    ';x',
    '\\',
    '#',
    '?',
    '@',
    ':',
    'a',
    'b1',
    '%41',
    '\u0000',
    ' ',
    '\t',
    '\u00e9',
    '{',
    '"',
    '|',
    '^',
    '~',
    '%c0%ae',
  ),
  fc.string({ maxLength: 3 }),
);
const targets = fc.oneof(
  { weight: 6, arbitrary: fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`) },
  {
    weight: 1,
    arbitrary: fc.array(piece, { maxLength: 8 }).map((pieces) => `http://api.example.com${pieces.join('')}`),
  },
  { weight: 1, arbitrary: anyText },
);

describe('any target', () => {
  test('never makes the reader throw, and a problem holds nothing of the request', () => {
    fc.assert(
      fc.property(targets, fc.array(fc.string(), { maxLength: 2 }), (url, host) => {
        const target = readTarget(url, host);
        expect(target.kind === 'problem' ? target.problem : 'the path').toMatch(/^the [a-zA-Z ,-]+$/);
      }),
      { numRuns: 3000 },
    );
  });

  test('that is taken keeps its bytes: path and query are the target itself', () => {
    fc.assert(
      fc.property(targets, (url) => {
        const target = readTarget(url, HOST);
        if (target.kind === 'problem' || !url.startsWith('/')) return;
        expect(target.path + target.query).toBe(url);
      }),
      { numRuns: 3000 },
    );
  });

  test('that is taken is the same path to a WHATWG URL parser, which also drops encoded dot segments', () => {
    // That parser writes these few visible characters in percent-encoding, which changes no segment.
    const encoded = (path: string): string =>
      path.replace(/["<>^`{}]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
    fc.assert(
      fc.property(targets, (url) => {
        const target = readTarget(url, HOST);
        if (target.kind === 'problem') return;
        if (target.path.startsWith('//')) return;
        const parsed = new URL(target.path + target.query, 'http://x');
        expect(parsed.host).toBe('x');
        expect(parsed.pathname).toBe(encoded(target.path));
      }),
      { numRuns: 5000 },
    );
  });

  test('that starts with two slashes has the reading of a WHATWG URL parser among its own', () => {
    fc.assert(
      fc.property(targets, (rest) => {
        const target = readTarget(`//h${rest}`, HOST);
        if (target.kind === 'problem') return;
        const parsed = URL.parse(target.path, 'http://x');
        if (parsed === null || parsed.host === 'x') return;
        const seen = decodeURIComponentLatin1(parsed.pathname).replace(/\/{2,}/g, '/');
        expect([target.path, ...target.otherReadings]).toContain(seen);
      }),
      { numRuns: 3000 },
    );
  });

  test('that is taken has no dot segment and no backslash after one decoding, and both the decoded and the folded path are among its readings', () => {
    fc.assert(
      fc.property(targets, (url) => {
        const target = readTarget(url, HOST);
        if (target.kind === 'problem') return;
        const bytes = Buffer.from(target.path, 'latin1').toString('latin1').split('%');
        const once = bytes
          .map((part, i) =>
            i === 0 ? part : Buffer.from(part.slice(0, 2), 'hex').toString('latin1') + part.slice(2),
          )
          .join('');
        for (const segment of once.split('/')) expect(['.', '..']).not.toContain(segment.split(';')[0]);
        expect(once).not.toContain('\\');
        const folded = once
          .split('/')
          .filter((segment, i, all) => segment !== '' || i === 0 || i === all.length - 1)
          .join('/');
        expect([target.path, ...target.otherReadings]).toContain(folded);
        expect([target.path, ...target.otherReadings]).toContain(once);
      }),
      { numRuns: 5000 },
    );
  });
});

function decodeURIComponentLatin1(path: string): string {
  return path.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
