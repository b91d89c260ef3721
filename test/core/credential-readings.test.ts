import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isForeignAuthorization, readCredential, type AcceptedSchemes } from '../../src/core/credential.ts';
import { composeKey } from '../../src/core/key-shape.ts';
import { SCHEMES, type Scheme } from '../../src/core/profile.ts';
import { readHead } from '../../src/core/request-head.ts';
import { anyText } from './any-text.ts';

const RW = composeKey('plx_sk_', randomBytes);
const PRW = composeKey('plx_sk_', randomBytes);

const accepting = (schemes: readonly Scheme[], schemeCase: 'any' | 'strict' = 'any'): AcceptedSchemes => ({
  schemes: new Set(schemes),
  schemeCase,
});
const STANDARD = accepting(SCHEMES);
const authorization = (text: string): string[] => ['Authorization', text];
const xApiKey = (text: string): string[] => ['x-api-key', text];

// A second reading of the rules, letter by letter and from lists instead of patterns.
const TOKEN_LETTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function isKeyText(text: string): boolean {
  if (text.length < 8 || text.length > 512) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code >= 127 || code === 34 || code === 44 || code === 59) return false;
  }
  return true;
}

function asciiLower(text: string): string {
  let lower = '';
  for (const letter of text) lower += letter >= 'A' && letter <= 'Z' ? letter.toLowerCase() : letter;
  return lower;
}

type Reading = { accept: `${Scheme} ${string}` } | { refuse: 400 | 401 };

function strictReading(raw: readonly string[], { schemes, schemeCase }: AcceptedSchemes): Reading {
  const valuesOf = (wanted: string): string[] =>
    raw.filter((_, i) => i % 2 === 1 && asciiLower(raw[i - 1] ?? '') === wanted);
  const lines = valuesOf('authorization');
  const ownLines = valuesOf('x-api-key');
  if (lines.length > 1 || ownLines.length > 1) return { refuse: 400 };

  let inAuthorization: { scheme: Scheme; text: string } | null = null;
  const [line] = lines;
  if (line !== undefined) {
    let end = 0;
    while (end < line.length && TOKEN_LETTERS.includes(line.charAt(end))) end++;
    const word = line.slice(0, end);
    const scheme = (['bearer', 'api-key', 'apikey'] as const).find((name) => name === asciiLower(word));
    const spelled = schemeCase === 'any' || ['Bearer', 'api-key', 'ApiKey'].includes(word);
    if (scheme === undefined) {
      if (end === 0 || line.charAt(end) !== ' ') return { refuse: 401 };
    } else if (schemes.has(scheme) && spelled) {
      let start = end;
      while (line.charAt(start) === ' ') start++;
      if (start === end || !isKeyText(line.slice(start))) return { refuse: 401 };
      inAuthorization = { scheme, text: line.slice(start) };
    }
  }
  const own = schemes.has('x-api-key') ? ownLines[0] : undefined;
  if (inAuthorization !== null) {
    if (own !== undefined && own !== '' && own !== inAuthorization.text) return { refuse: 400 };
    return { accept: `${inAuthorization.scheme} ${inAuthorization.text}` };
  }
  return own !== undefined && isKeyText(own) ? { accept: `x-api-key ${own}` } : { refuse: 401 };
}

const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const keyText = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(RW, PRW, 'short', '12345678', 'k'.repeat(512), 'k'.repeat(513), ''),
  },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 20 }) },
  { weight: 1, arbitrary: latin1 },
);
const schemeWord = fc.constantFrom(
  'Bearer',
  'bearer',
  'BEARER',
  'api-key',
  'API-KEY',
  'ApiKey',
  'apikey',
  'Basic',
  'api_key',
  'Api Key',
  '',
  'B\u0435arer',
  'Bearer:',
);
const gap = fc.constantFrom(' ', '  ', '', '\t', ' \t', '\u00a0', ',', '=');
const value = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(schemeWord, gap, keyText).map((parts) => parts.join('')) },
  { weight: 3, arbitrary: keyText },
  { weight: 1, arbitrary: latin1 },
);
const name = fc.constantFrom(
  'Authorization',
  'authorization',
  'AUTHORIZATION',
  'x-api-key',
  'X-API-Key',
  'X-Api-Key',
  'x_api_key',
  'Cookie',
  'Proxy-Authorization',
  '__proto__',
);
const headerLists = fc.array(fc.tuple(name, value), { maxLength: 4 }).map((lines) => lines.flat());

/** A list that reads well, and then one letter of it changed, dropped or put in. */
const mutatedLists = fc
  .tuple(
    fc.constantFrom(...SCHEMES),
    fc.constantFrom(RW, PRW),
    fc.boolean(),
    fc.nat(),
    latin1,
    fc.constantFrom(0, 1),
  )
  .map(([scheme, key, both, at, inserted, dropped]) => {
    const text = scheme === 'x-api-key' ? key : `${scheme} ${key}`;
    const place = at % (text.length + 1);
    const changed = text.slice(0, place) + inserted.slice(0, 1) + text.slice(place + dropped);
    const line = [scheme === 'x-api-key' ? 'x-api-key' : 'Authorization', changed];
    return both
      ? [...line, ...(scheme === 'x-api-key' ? authorization(`Bearer ${key}`) : xApiKey(key))]
      : line;
  });
const acceptedSchemes = fc
  .tuple(fc.subarray([...SCHEMES]), fc.constantFrom('any' as const, 'strict' as const))
  .map(([schemes, schemeCase]) => accepting(schemes, schemeCase));

function compare(raw: string[], accepted: AcceptedSchemes): void {
  const read = readCredential(readHead(raw), accepted);
  const asReading =
    read.kind === 'credential'
      ? { accept: `${read.scheme} ${read.secret.reveal()}` }
      : { refuse: read.reason === 'conflicting_credentials' ? 400 : 401 };
  expect(asReading).toEqual(strictReading(raw, accepted));
}

describe('any header list', () => {
  test('reads as a second, letter-by-letter reading of the rules does', () => {
    fc.assert(fc.property(headerLists, acceptedSchemes, compare), { numRuns: 3000 });
  });

  test('with one letter wrong reads as that second reading does', () => {
    fc.assert(fc.property(mutatedLists, acceptedSchemes, compare), { numRuns: 3000 });
  });

  test('never makes the reader throw', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(latin1, anyText, name)), acceptedSchemes, (raw, accepted) => {
        expect(['credential', 'problem']).toContain(readCredential(readHead(raw), accepted).kind);
      }),
      { numRuns: 2000 },
    );
  });

  test('never gives a problem that holds anything the client sent', () => {
    fc.assert(
      fc.property(mutatedLists, acceptedSchemes, (raw, accepted) => {
        const read = readCredential(readHead(raw), accepted);
        const fields = read.kind === 'problem' ? Object.keys(read).toSorted() : [];
        expect(['kind', 'reason', 'sent']).toEqual(expect.arrayContaining(fields));
        for (const part of [RW, PRW]) expect(JSON.stringify(read)).not.toContain(part);
      }),
    );
  });

  test('never counts as foreign what any scheme would accept as a key', () => {
    fc.assert(
      fc.property(value, (text) => {
        const accepted = readCredential(readHead(authorization(text)), STANDARD).kind === 'credential';
        expect(accepted && isForeignAuthorization(text)).toBe(false);
      }),
    );
  });
});
