import { createHash, randomBytes } from 'node:crypto';
import { format, inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KEY_PREFIXES, composeKey } from '../../src/core/key-shape.ts';
import { PROFILES } from '../../src/core/profile.ts';
import { Secret, digestOf, keyMask, maskKeys, parseDigest } from '../../src/core/secret.ts';
import { anyText } from './any-text.ts';

const TEXT = composeKey('plx_sk_', randomBytes);
const secret = new Secret(TEXT);

describe('a secret', () => {
  test.each<[way: string, written: () => string]>([
    ['String()', () => String(secret)],
    ['a template', () => `a ${secret.toString()}`],
    ['concatenation', () => ['', secret].join('')],
    ['JSON', () => JSON.stringify(secret)],
    ['JSON of what holds it', () => JSON.stringify({ a: [secret] })],
    ['inspect', () => inspect(secret)],
    ['inspect of what holds it', () => inspect({ a: [secret] }, { depth: 9 })],
    ['inspect with hidden fields', () => inspect(secret, { showHidden: true })],
    [
      'inspect without customs',
      () => inspect(secret, { showHidden: true, customInspect: false, getters: true }),
    ],
    ['%s', () => format('%s', secret)],
    ['%o', () => format('%o', secret)],
    ['%O', () => format('%O', secret)],
    ['%j', () => format('%j', secret)],
    ['its fields', () => JSON.stringify([Object.entries(secret), Reflect.ownKeys(secret)])],
    ['a copy of its fields', () => JSON.stringify(Object.assign({}, secret))],
    ['a clone', () => inspect(structuredClone(secret))],
    [
      'an error',
      () => String(new Error('no', { cause: secret }).stack) + inspect(new Error('no', { cause: secret })),
    ],
  ])('does not show itself in %s', (_, written) => {
    expect(written()).not.toContain(TEXT.slice(7, 20));
  });

  test('says [redacted] instead', () => {
    expect([
      String(secret),
      JSON.stringify(secret),
      inspect(secret),
      inspect(secret, { showHidden: true }),
    ]).toEqual(['[redacted]', '"[redacted]"', '[redacted]', '[redacted]']);
  });

  test('is revealed only when asked', () => {
    expect(secret.reveal()).toBe(TEXT);
  });

  test('equals another of the same text and no other', () => {
    expect(secret.equals(new Secret(TEXT))).toBe(true);
    expect(secret.equals(new Secret(TEXT.slice(0, -1)))).toBe(false);
    expect(secret.equals(new Secret(`${TEXT} `))).toBe(false);
    expect(new Secret('').equals(new Secret(''))).toBe(true);
  });
});

describe('a digest', () => {
  test('is SHA-256 in lower-case hex', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const expected = createHash('sha256').update(text, 'utf8').digest('hex');
        expect(digestOf(text)).toBe(expected);
        expect(new Secret(text).digest()).toBe(expected);
        expect(parseDigest(expected)).toBe(expected);
      }),
    );
  });

  test.each([
    ['', ''],
    ['upper case', digestOf('a').toUpperCase()],
    ['one short', digestOf('a').slice(1)],
    ['one long', `${digestOf('a')}0`],
    ['a line break', `${digestOf('a').slice(1)}\n`],
    ['another letter', `g${digestOf('a').slice(1)}`],
  ])('from outside is refused in any other form: %s', (_, text) => {
    expect(parseDigest(text)).toBeNull();
  });
});

describe('masking', () => {
  const around = fc.string({
    unit: fc.constantFrom(' ', '/', '?', '"', "'", ',', ';', '=', '&', 'x', '\n', ':'),
    maxLength: 20,
  });

  test('leaves nothing of a key of ours in any text', () => {
    fc.assert(
      fc.property(fc.constantFrom(...PROFILES), around, around, (profile, before, after) => {
        const key = composeKey(KEY_PREFIXES[profile], randomBytes);
        const masked = maskKeys(`${before}${key}${after}${key}`);
        expect(masked).toContain('[redacted]');
        expect(masked).not.toContain(
          key.slice(KEY_PREFIXES[profile].length, KEY_PREFIXES[profile].length + 8),
        );
        expect(masked).not.toContain(key.slice(-8));
      }),
    );
  });

  test.each<[text: string, masked: string]>([
    ['', ''],
    ['nothing here_at all', 'nothing here_at all'],
    [`GET /x/${TEXT}/y?k=${TEXT}&z`, 'GET /x/[redacted]/y?k=[redacted]&z'],
    [`Bearer ${TEXT}`, 'Bearer [redacted]'],
    [`"${TEXT}", '${TEXT}'`, `"[redacted]", '[redacted]'`],
    ['sk_live_', '[redacted]'],
    [`/x/${TEXT.replaceAll('_', '%5F')}/y`, '/x/[redacted]/y'],
    [`/${TEXT.replace('p', '%70').replaceAll('_', '%255f')}?b%20c`, '/[redacted]?b%20c'],
    ['/100%/%5f_%5F', '/100%/%5f_%5F'],
    [`sk_live_${'a1'.repeat(4)} sk_test_${'b2'.repeat(4)}`, '[redacted] [redacted]'],
  ])('%j', (text, masked) => {
    expect(maskKeys(text)).toBe(masked);
  });

  test('is the same done once or twice', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(maskKeys(maskKeys(text))).toBe(maskKeys(text));
      }),
    );
  });
});

describe('a mask for prefixes of one’s own', () => {
  const mask = keyMask(['plx_sk_', 'acme-live-', 'a']);
  const body = 'x'.repeat(42);

  test.each<[text: string, masked: string]>([
    [`/x/acme-live-${body}/y`, '/x/[redacted]/y'],
    [`acme-live-${body},${TEXT}`, '[redacted],[redacted]'],
    [`a${body}`, '[redacted]'],
    [`/acme%2Dlive%2d%${'x'.charCodeAt(0).toString(16)}${body}/y`, '/[redacted]/y'],
    ['/a/path/about/nothing', '/a/path/about/nothing'],
    ['acme-live-', 'acme-live-'],
  ])('%j', (text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  test('is the usual one where there are none', () => {
    expect(keyMask(Object.values(KEY_PREFIXES))).toBe(maskKeys);
  });
});
