import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isForeignAuthorization, readCredential, type AcceptedSchemes } from '../../src/core/credential.ts';
import { composeKey } from '../../src/core/key-shape.ts';
import { ACCEPTED_SCHEMES, MCP_ENDPOINT_SCHEMES, SCHEMES, type Scheme } from '../../src/core/profile.ts';
import { readHead } from '../../src/core/request-head.ts';

const RW = composeKey('plx_sk_', randomBytes);
const PRW = composeKey('plx_sk_', randomBytes);
const T1 = composeKey('pxt_sk_', randomBytes);
const M1 = composeKey('pmcp_', randomBytes);

const accepting = (schemes: readonly Scheme[], schemeCase: 'any' | 'strict' = 'any'): AcceptedSchemes => ({
  schemes: new Set(schemes),
  schemeCase,
});
const PLEXE = accepting(ACCEPTED_SCHEMES.plexe);
const PLEXTERA = accepting(ACCEPTED_SCHEMES.plextera);
const PLEXMCP = accepting(ACCEPTED_SCHEMES.plexmcp);
const MCP_ENDPOINT = accepting(MCP_ENDPOINT_SCHEMES);
const STANDARD = accepting(ACCEPTED_SCHEMES.standard);

/** The outcome in one line: `scheme key`, or the reason and whether anything was sent. */
function outcome(raw: readonly string[], accepted: AcceptedSchemes): string {
  const read = readCredential(readHead(raw), accepted);
  if (read.kind === 'credential') return `${read.scheme} ${read.secret.reveal()}`;
  return read.sent ? read.reason : `${read.reason}, nothing sent`;
}

const authorization = (...values: string[]): string[] => values.flatMap((value) => ['Authorization', value]);
const xApiKey = (...values: string[]): string[] => values.flatMap((value) => ['x-api-key', value]);

describe('a plexe route', () => {
  test.each<[title: string, raw: string[], expected: string]>([
    ['takes a Bearer key', authorization(`Bearer ${RW}`), `bearer ${RW}`],
    ['takes an x-api-key', xApiKey(RW), `x-api-key ${RW}`],
    ['ignores the case of the header name', ['X-API-KEY', RW], `x-api-key ${RW}`],
    ['ignores the case of the scheme', authorization(`bearer ${RW}`), `bearer ${RW}`],
    ['finds no key in an empty request', ['Host', 'api.example.com'], 'missing_credential, nothing sent'],
    ['refuses a bare key in Authorization', authorization(RW), 'malformed_credential'],
    ['refuses a scheme without a key', authorization('Bearer'), 'malformed_credential'],
    ['refuses an empty Authorization', authorization(''), 'malformed_credential'],
    ['refuses ApiKey, which is not its scheme', authorization(`ApiKey ${RW}`), 'wrong_scheme'],
    ['accepts one key in both places', [...authorization(`Bearer ${RW}`), ...xApiKey(RW)], `bearer ${RW}`],
    [
      'refuses two different keys',
      [...authorization(`Bearer ${RW}`), ...xApiKey(PRW)],
      'conflicting_credentials',
    ],
    [
      'refuses two Authorization lines',
      authorization('Bearer unknown-key', `Bearer ${RW}`),
      'conflicting_credentials',
    ],
    [
      'refuses them in the other order',
      authorization(`Bearer ${RW}`, 'Bearer unknown-key'),
      'conflicting_credentials',
    ],
    ['refuses two equal x-api-key lines', xApiKey(RW, RW), 'conflicting_credentials'],
    ['refuses two lines in two spellings', ['x-api-key', RW, 'X-Api-Key', RW], 'conflicting_credentials'],
    ['reads past a foreign scheme', [...authorization('Basic dTpw'), ...xApiKey(RW)], `x-api-key ${RW}`],
    ['finds no key beside a foreign scheme', authorization('Basic dTpw'), 'missing_credential, nothing sent'],
    ['allows several spaces after the scheme', authorization(`Bearer   ${RW}`), `bearer ${RW}`],
    ['refuses a tab after the scheme', authorization(`Bearer\t${RW}`), 'malformed_credential'],
    ['refuses a tab among the spaces', authorization(`Bearer \t${RW}`), 'malformed_credential'],
    ['does not unquote', xApiKey(`"${RW}"`), 'malformed_credential'],
    ['does not split a list', xApiKey(`${RW},${RW}`), 'malformed_credential'],
    ['refuses a space in the key', xApiKey('read write key'), 'malformed_credential'],
    ['refuses a byte beyond ASCII', xApiKey(`${RW}\u00e9`), 'malformed_credential'],
    ['refuses a key of 4,096 characters', xApiKey('k'.repeat(4096)), 'malformed_credential'],
    ['takes a key of 512 characters', xApiKey('k'.repeat(512)), `x-api-key ${'k'.repeat(512)}`],
    ['refuses a key of 513 characters', xApiKey('k'.repeat(513)), 'malformed_credential'],
    ['takes a key of 8 characters', xApiKey('12345678'), 'x-api-key 12345678'],
    ['refuses a key of 7 characters', xApiKey('1234567'), 'malformed_credential'],
    [
      'ignores cookies and other headers',
      ['Cookie', `api_key=${RW}`, 'Auth', RW],
      'missing_credential, nothing sent',
    ],
    [
      'ignores Proxy-Authorization',
      ['Proxy-Authorization', `Bearer ${RW}`],
      'missing_credential, nothing sent',
    ],
    ['ignores x_api_key, another name', ['x_api_key', RW], 'missing_credential, nothing sent'],
    [
      'ignores an empty x-api-key beside a key',
      [...authorization(`Bearer ${RW}`), ...xApiKey('')],
      `bearer ${RW}`,
    ],
    ['refuses an empty x-api-key that stands alone', xApiKey(''), 'malformed_credential'],
    [
      'refuses a broken Bearer beside a key',
      [...authorization('Bearer'), ...xApiKey(RW)],
      'malformed_credential',
    ],
    [
      'ignores a scheme of another API beside a key',
      [...authorization(`ApiKey ${PRW}`), ...xApiKey(RW)],
      `x-api-key ${RW}`,
    ],
  ])('%s', (_, raw, expected) => {
    expect(outcome(raw, PLEXE)).toBe(expected);
  });
});

describe('a plextera route', () => {
  test.each<[title: string, raw: string[], expected: string]>([
    ['takes api-key', authorization(`api-key ${T1}`), `api-key ${T1}`],
    ['refuses a bare key', authorization(T1), 'malformed_credential'],
    ['refuses Bearer', authorization(`Bearer ${T1}`), 'wrong_scheme'],
    ['refuses ApiKey: the hyphen is significant', authorization(`ApiKey ${T1}`), 'wrong_scheme'],
    ['ignores case', authorization(`API-Key ${T1}`), `api-key ${T1}`],
    ['refuses x-api-key', xApiKey(T1), 'wrong_scheme'],
    ['needs a space after the scheme', authorization(`api-key${T1}`), 'malformed_credential'],
    [
      'ignores an x-api-key beside its own',
      [...authorization(`api-key ${T1}`), ...xApiKey(RW)],
      `api-key ${T1}`,
    ],
  ])('%s', (_, raw, expected) => {
    expect(outcome(raw, PLEXTERA)).toBe(expected);
  });
});

describe('a plexmcp route', () => {
  test.each<[title: string, raw: string[], accepted: AcceptedSchemes, expected: string]>([
    ['takes ApiKey', authorization(`ApiKey ${M1}`), PLEXMCP, `apikey ${M1}`],
    ['refuses Bearer', authorization(`Bearer ${M1}`), PLEXMCP, 'wrong_scheme'],
    ['takes ApiKey on the MCP endpoint', authorization(`ApiKey ${M1}`), MCP_ENDPOINT, `apikey ${M1}`],
    ['takes X-API-Key on the MCP endpoint', ['X-API-Key', M1], MCP_ENDPOINT, `x-api-key ${M1}`],
    ['takes Bearer on the MCP endpoint', authorization(`Bearer ${M1}`), MCP_ENDPOINT, `bearer ${M1}`],
    ['finds nothing in an empty request', [], PLEXMCP, 'missing_credential, nothing sent'],
    [
      'is strict where told so',
      authorization(`apikey ${M1}`),
      accepting(['apikey'], 'strict'),
      'wrong_scheme',
    ],
    [
      'takes the documented spelling then',
      authorization(`ApiKey ${M1}`),
      accepting(['apikey'], 'strict'),
      `apikey ${M1}`,
    ],
  ])('%s', (_, raw, accepted, expected) => {
    expect(outcome(raw, accepted)).toBe(expected);
  });
});

test.each<[raw: string[], scheme: Scheme]>([
  [authorization(`Bearer ${RW}`), 'bearer'],
  [xApiKey(RW), 'x-api-key'],
  [authorization(`api-key ${RW}`), 'api-key'],
  [authorization(`ApiKey ${RW}`), 'apikey'],
])('a standard route takes the same key in each of the four formats: %#', (raw, scheme) => {
  expect(outcome(raw, STANDARD)).toBe(`${scheme} ${RW}`);
});

test.each([
  'Basic dTpw',
  'Digest username="u"',
  'AWS4-HMAC-SHA256 Credential=x',
  'Negotiate abc',
  'api_key abcdefgh',
])('an Authorization of somebody else is foreign: %s', (value) =>
  expect(isForeignAuthorization(value)).toBe(true),
);

test.each([
  '',
  ' ',
  'plainword',
  'Bearer',
  'Bearer x',
  'bEARER x',
  'Bearer\tx',
  'Bearer: x',
  'api-key x',
  'ApiKey',
  '"q" x',
  '\u00e9 x',
  'Basic\tx',
])('what is ours, empty or unreadable is not foreign: %j', (value) =>
  expect(isForeignAuthorization(value)).toBe(false),
);

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
  const strict = strictReading(raw, accepted);
  if (read.kind === 'credential') {
    expect(strict).toEqual({ accept: `${read.scheme} ${read.secret.reveal()}` });
  } else {
    expect(strict).toEqual({ refuse: read.reason === 'conflicting_credentials' ? 400 : 401 });
  }
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
      fc.property(
        fc.array(fc.oneof(latin1, fc.string({ unit: 'binary' }), name)),
        acceptedSchemes,
        (raw, accepted) => {
          expect(['credential', 'problem']).toContain(readCredential(readHead(raw), accepted).kind);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('never gives a problem that holds anything the client sent', () => {
    fc.assert(
      fc.property(mutatedLists, acceptedSchemes, (raw, accepted) => {
        const read = readCredential(readHead(raw), accepted);
        if (read.kind === 'problem') expect(Object.keys(read).toSorted()).toEqual(['kind', 'reason', 'sent']);
        for (const part of [RW, PRW]) expect(JSON.stringify(read)).not.toContain(part);
      }),
    );
  });

  test('never counts as foreign what any scheme would accept as a key', () => {
    fc.assert(
      fc.property(value, (text) => {
        if (readCredential(readHead(authorization(text)), STANDARD).kind === 'credential') {
          expect(isForeignAuthorization(text)).toBe(false);
        }
      }),
    );
  });
});
