import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/config/duration.ts';
import { parseAddress, parseRedisUrl, writeAddress } from '../../src/config/redis-url.ts';
import { parseStore } from '../../src/config/store-url.ts';
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

describe('Redis URLs', () => {
  const PLAIN = { isTls: false, username: null, database: null };

  it.each([
    ['redis://127.0.0.1:6379', { ...PLAIN, host: '127.0.0.1', port: 6379 }, null],
    ['redis://redis', { ...PLAIN, host: 'redis', port: 6379 }, null],
    ['redis://redis/', { ...PLAIN, host: 'redis', port: 6379 }, null],
    ['rediss://[::1]/0', { ...PLAIN, isTls: true, host: '::1', port: 6379, database: 0 }, null],
    ['redis://u:pw@h:1/15', { ...PLAIN, host: 'h', port: 1, username: 'u', database: 15 }, 'pw'],
    ['redis://:p:w@h', { ...PLAIN, host: 'h', port: 6379 }, 'p:w'],
    ['redis://u%3A:%2F%40@h', { ...PLAIN, host: 'h', port: 6379, username: 'u:' }, '/@'],
    ['redis://u@h', { ...PLAIN, host: 'h', port: 6379, username: 'u' }, null],
  ])('%s is read', (text, parts, password) => {
    const { password: read, ...rest } = parseRedisUrl(text) ?? { password: null };
    expect([rest, read?.reveal() ?? null]).toEqual([parts, password]);
  });

  it.each([
    '',
    'redis://',
    'redis:///0',
    'REDIS://h',
    'http://h',
    'h:6379',
    'redis://h:0',
    'redis://h:65536',
    'redis://h:06379',
    'redis://h/-1',
    'redis://h/00',
    'redis://h/10000',
    'redis://h/0/1',
    'redis://h/name',
    'redis://h?db=1',
    'redis://h#1',
    'redis://@h',
    'redis://:@h',
    'redis://u:@h',
    'redis://u:p@q@h',
    'redis://u:p/q@h',
    'redis://u:%zz@h',
    'redis://::1',
    'redis://[h]',
    'redis://[127.0.0.1]',
    'redis://h h',
    ' redis://h',
    'redis://h\n',
    'redis://a:1,b:2',
  ])('"%s" is none', (text) => {
    expect(parseRedisUrl(text)).toBeNull();
  });

  it('whatever the password is, written with %XX it is read back', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (password) => {
        const url = parseRedisUrl(`redis://:${encodeURIComponent(password)}@[fd00::1]:7000/1`);
        expect(url?.password?.reveal()).toBe(password);
        expect(url).toMatchObject({ host: 'fd00::1', port: 7000, database: 1, username: null });
      }),
    );
  });

  it('addresses are written as they are read', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
        fc.integer({ min: 1, max: 65_535 }),
        (host, port) => {
          expect(parseAddress(writeAddress({ host, port }))).toEqual({ host, port });
        },
      ),
    );
  });
});

describe('stores', () => {
  it.each([
    ['sqlite:data/keys.db', 'data/keys.db'],
    ['sqlite::memory:', ':memory:'],
    ['sqlite:/var/lib/a b.db', '/var/lib/a b.db'],
  ])('%s is the file %s', (text, path) => {
    expect(parseStore(text)).toEqual({ kind: 'sqlite', path });
  });

  it.each([
    ['postgres://h/db', 'postgres://h/db'],
    ['postgres://u@h:5433/db', 'postgres://u@h:5433/db'],
    ['postgresql://u:pw@h/db', 'postgresql://u:[redacted]@h/db'],
    [
      'postgres://u:p:w@[::1]:5432/db?sslmode=require',
      'postgres://u:[redacted]@[::1]:5432/db?sslmode=require',
    ],
    ['postgres://u:pw@%2Frun%2Fpostgresql/db', 'postgres://u:[redacted]@%2Frun%2Fpostgresql/db'],
    ['postgres:///db?host=/run/postgresql', 'postgres:///db?host=/run/postgresql'],
    ['postgres://h/db?password=pw&user=u', 'postgres://h/db?password=[redacted]&user=[redacted]'],
  ])('%s is PostgreSQL and shown as %s', (text, shown) => {
    const store = parseStore(text);
    expect(store?.kind === 'postgres' && [store.url.reveal(), store.shown]).toEqual([text, shown]);
  });

  it.each([
    '',
    'sqlite:',
    'sqlite:a\nb',
    'data/keys.db',
    'mysql://h/db',
    'postgres:',
    'postgres://',
    'postgres://h',
    'postgres://h/',
    'postgres:///db',
    'postgres:///db?host=',
    'postgres://h/a/b',
    'postgres://h/db#x',
    'postgres://h/db?',
    'postgres://u:@h/db',
    'postgres://:pw@h/db',
    'postgres://u:p@q@h/db',
    'postgres://u:p/q@h/db',
    'postgres://u:%zz@h/db',
    'postgres://h:99999/db',
    'postgres://a:1,b:2/db',
    'postgres://h/d b',
  ])('"%s" is none', (text) => {
    expect(parseStore(text)).toBeNull();
  });
});
