import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isForeignAuthorization, readCredential, type AcceptedSchemes } from '../../src/core/credential.ts';
import { composeKey } from '../../src/core/key-shape.ts';
import { ACCEPTED_SCHEMES, MCP_ENDPOINT_SCHEMES, type Scheme } from '../../src/core/profile.ts';
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
