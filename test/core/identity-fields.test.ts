import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ASSERTION_HEADER,
  IDENTITY_HEADERS,
  forwardedFields,
  identityFields,
} from '../../src/core/forward-headers.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import { readHead } from '../../src/core/request-head.ts';
import { anyText } from './any-text.ts';

function keyOf(more: Partial<KeyRecord> = {}, owner: Partial<KeyRecord['owner']> = {}): KeyRecord {
  return {
    keyId: 'key_1',
    name: 'ci',
    profile: 'plexe',
    owner: {
      id: 'acc_1',
      profile: 'plexe',
      tier: 'basic',
      enabled: true,
      workspace: null,
      limits: null,
      ...owner,
    },
    permission: 'read_only',
    limits: [],
    mcps: '*',
    createdAt: 0,
    expiresAt: null,
    revokedAt: null,
    deprecatedAt: null,
    ...more,
  };
}

function asObject(flat: readonly string[]): Record<string, string> {
  return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));
}

describe('the identity an upstream is told', () => {
  test('of a key is who it is, whose it is and what it may', () => {
    const key = keyOf({ mcps: ['mcp_1', 'mcp_2'] }, { workspace: 'W1' });
    expect(asObject(identityFields(key, 'req_1'))).toEqual({
      'X-Key-Id': 'key_1',
      'X-Owner-Id': 'acc_1',
      'X-User-Id': 'acc_1',
      'X-Permission-Level': 'read_only',
      'X-Tier': 'basic',
      'X-Workspace-Id': 'W1',
      'X-Allowed-Mcps': 'mcp_1,mcp_2',
      'X-Request-Id': 'req_1',
    });
  });

  test('on an open route is the request id alone', () => {
    expect(identityFields(null, 'req_1')).toEqual(['X-Request-Id', 'req_1']);
  });

  test('says nothing of workspace and MCP servers where there is nothing to say', () => {
    const names = identityFields(keyOf(), 'r').filter((_, i) => i % 2 === 0);
    expect(names).not.toContain('X-Workspace-Id');
    expect(names).not.toContain('X-Allowed-Mcps');
  });

  test('tells an empty list of MCP servers as an empty list', () => {
    expect(asObject(identityFields(keyOf({ mcps: [] }), 'r'))['X-Allowed-Mcps']).toBe('');
  });

  test('uses only names that are taken from clients first', () => {
    const names = identityFields(keyOf({ mcps: [] }, { workspace: 'w' }), 'r').filter((_, i) => i % 2 === 0);
    names.push(ASSERTION_HEADER);
    expect(names.map((name) => name.toLowerCase()).toSorted()).toEqual([...IDENTITY_HEADERS].toSorted());
  });

  test('can always stand in a header, and two that differ are told apart', () => {
    const text = fc.oneof(
      anyText,
      fc.string({ unit: fc.constantFrom('a', ' ', '%', '2', '0', ',', '\r', '\n', '\ud800') }),
    );
    const told = (key: KeyRecord): Record<string, string> => asObject(identityFields(key, 'r'));
    const keyed = (one: string): KeyRecord =>
      keyOf({ keyId: one, mcps: [one] }, { id: one, tier: one, workspace: one });
    fc.assert(
      fc.property(text, text, (one, other) => {
        for (const value of Object.values(told(keyed(one)))) expect(value).toMatch(/^[\x21-\x7e]*$/);
        const same = JSON.stringify(told(keyed(one))) === JSON.stringify(told(keyed(other)));
        expect(same).toBe(one.toWellFormed() === other.toWellFormed());
      }),
      { numRuns: 2000 },
    );
  });

  test('does not let one MCP id pass for two', () => {
    const told = asObject(identityFields(keyOf({ mcps: ['a,b', 'c'] }), 'r'))['X-Allowed-Mcps'] ?? '';
    expect(told.split(',').map(decodeURIComponent)).toEqual(['a,b', 'c']);
  });
});

describe('the forwarding headers an upstream is told', () => {
  const sent = readHead([
    'Host',
    'api.example.com',
    'X-Forwarded-For',
    '192.0.2.1, 192.0.2.2',
    'X-Forwarded-For',
    '192.0.2.3',
    'X-Forwarded-Proto',
    'https',
    'X-Forwarded-Host',
    'outer.example.com',
  ]);

  test('continue those of a trusted proxy', () => {
    expect(asObject(forwardedFields(sent, { address: '10.0.0.1', trusted: true, encrypted: false }))).toEqual(
      {
        'X-Forwarded-For': '192.0.2.1, 192.0.2.2, 192.0.2.3, 10.0.0.1',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-Host': 'outer.example.com',
      },
    );
  });

  test('replace those of anybody else by what the connection shows', () => {
    expect(
      asObject(forwardedFields(sent, { address: '198.51.100.7', trusted: false, encrypted: false })),
    ).toEqual({
      'X-Forwarded-For': '198.51.100.7',
      'X-Forwarded-Proto': 'http',
      'X-Forwarded-Host': 'api.example.com',
    });
  });

  test('say https where the connection is encrypted, and no host where none was sent', () => {
    expect(
      asObject(forwardedFields(readHead([]), { address: '::1', trusted: true, encrypted: true })),
    ).toEqual({
      'X-Forwarded-For': '::1',
      'X-Forwarded-Proto': 'https',
    });
  });
});
