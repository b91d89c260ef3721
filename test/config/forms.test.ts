import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';
import { parseUpstreamUrl } from '../../src/config/upstream-url.ts';

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['24h', 86_400_000],
    ['0s', 0],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['10', '', '10 s', '1.5s', '-1s', '01s', '1d', '10S', '25h', '1h30m', '10s\n', 'Infinityms'])(
    '"%s" is none',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it('what is written is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400_000 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe('upstream URLs', () => {
  it.each([
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000', ''],
    ['http://127.0.0.1:3000/', 'http://127.0.0.1:3000', ''],
    ['https://API.example.com:443/base/', 'https://api.example.com', '/base'],
    ['http://[::1]:3000/a/b', 'http://[::1]:3000', '/a/b'],
    ['http://service.namespace.svc', 'http://service.namespace.svc', ''],
  ])('%s is %s with the base path "%s"', (text, origin, basePath) => {
    expect(parseUpstreamUrl(text)).toEqual({ origin, basePath });
  });

  it.each([
    '',
    'http://',
    'http:///path',
    'HTTP://host',
    '//host',
    'host:3000',
    'ws://host',
    'http://user@host',
    'http://host?query',
    'http://host/#fragment',
    'http://host/a/../b',
    'http://host/a/%2e%2e/b',
    'http://host\\path',
    'http://host/a b',
    'http://host:99999',
    'http://host/caf\u00e9',
  ])('"%s" is none', (text) => {
    expect(parseUpstreamUrl(text)).toBeNull();
  });
});
