import { describe, expect, it } from 'vitest';
import {
  credentialFields,
  emptyNames,
  holdsUnremovable,
  wholeIdentity,
} from '../../src/core/authorized-headers.ts';
import { IDENTITY_HEADERS, type CredentialForwarding } from '../../src/core/forward-headers.ts';
import { readHead } from '../../src/core/request-head.ts';
import { Secret } from '../../src/core/secret.ts';

describe('the whole identity', () => {
  it.each([[[]], [['X-Key-Id', 'k', 'X-Request-Id', 'r']], [['x-tier', 't']]])(
    'of %j has every header once',
    (fields) => {
      const whole = wholeIdentity(fields, null);
      const names = whole.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
      expect(names.toSorted()).toEqual([...IDENTITY_HEADERS].toSorted());
      expect(whole.slice(0, fields.length)).toEqual(fields);
    },
  );

  it('has the header that the configuration names for the assertion', () => {
    expect(wholeIdentity([], 'X-Who').slice(-2)).toEqual(['X-Who', '']);
    const named = wholeIdentity(['X-Who', 'signed'], 'X-Who').filter((name) => name === 'X-Who');
    expect(named).toHaveLength(1);
  });

  it('keeps a header that nobody knows', () => {
    expect(wholeIdentity(['X-More', 'm'], null).slice(0, 2)).toEqual(['X-More', 'm']);
  });

  it('tells an empty list of MCP servers from none', () => {
    const mcpsIn = (fields: string[]) => fields[fields.findIndex((name) => name === 'X-Allowed-Mcps') + 1];
    expect(mcpsIn(wholeIdentity([], null))).toBe('');
    expect(mcpsIn(wholeIdentity(['X-Allowed-Mcps', ''], null))).toBe(',');
    expect(mcpsIn(wholeIdentity(['X-Allowed-Mcps', 'a,b'], null))).toBe('a,b');
  });
});

describe('the credential for the service', () => {
  const key = 'a-key-made-up-here';
  const own = new Secret('what-the-service-wants');
  const rewrite = (header: string, value: Secret | null): CredentialForwarding => ({
    kind: 'rewrite',
    header,
    scheme: 'Bearer',
    value,
  });
  const BY_KEY = ['x-api-key', key];

  it.each([
    ['stripped', { kind: 'strip' }, BY_KEY, ['Authorization', '', 'X-Api-Key', '']],
    ['kept', { kind: 'keep' }, BY_KEY, ['Authorization', '', 'X-Api-Key', key]],
    [
      'of somebody else',
      { kind: 'strip' },
      [...BY_KEY, 'Authorization', 'Basic x'],
      ['Authorization', 'Basic x', 'X-Api-Key', ''],
    ],
    [
      'rewritten',
      rewrite('authorization', own),
      BY_KEY,
      ['Authorization', 'Bearer what-the-service-wants', 'X-Api-Key', ''],
    ],
    [
      'rewritten elsewhere',
      rewrite('X-Other', null),
      BY_KEY,
      ['Authorization', '', 'X-Api-Key', '', 'X-Other', `Bearer ${key}`],
    ],
  ] as const)('is told as %s', (_, credential: CredentialForwarding, raw, fields) => {
    const accepted = { scheme: 'x-api-key', secret: new Secret(key) } as const;
    expect(
      credentialFields(readHead(raw), { credential, accepted, trustedPeer: true, assertionHeader: null }),
    ).toEqual(fields);
  });

  it('is lent to nobody at an open path', () => {
    const credential = rewrite('X-Other', own);
    const fields = credentialFields(readHead(['X-Other', 'evil']), {
      credential,
      accepted: null,
      trustedPeer: true,
      assertionHeader: null,
    });
    expect(emptyNames(fields)).toEqual(['Authorization', 'X-Api-Key', 'X-Other']);
  });
});

describe('what nobody could take off', () => {
  it.each([
    ['X_Key_Id', true],
    ['x.owner.id', true],
    ['X~Tier', true],
    ['X_API_KEY', true],
    ['X_Forwarded_For', true],
    ['Mcp_Method', true],
    ['X-HTTP-Method-Override', true],
    ['x-original-url', true],
    ['X-Key-Id', false],
    ['X-Original-URI', false],
    ['Authorization', false],
    ['My_Header', false],
    ['X-Who', false],
    ['x_who', true],
  ])('%s: %s', (name, is) => {
    expect(holdsUnremovable(['Accept', '*/*', name, 'x'], 'X-Who')).toBe(is);
    // Also when it has been seen before.
    expect(holdsUnremovable([name, 'x'], 'X-Who')).toBe(is);
  });
});
