import { describe, expect, it } from 'vitest';
import { deprecationFields } from '../../src/core/deprecation-fields.ts';
import type { KeyRecord } from '../../src/core/key.ts';

const KEY: KeyRecord = {
  keyId: 'k1',
  name: 'n',
  profile: 'plexe',
  owner: { id: 'o', profile: 'plexe', tier: 'basic', enabled: true, workspace: null, limits: null },
  permission: 'read_write',
  limits: [],
  mcps: '*',
  createdAt: 0,
  expiresAt: null,
  revokedAt: null,
  deprecatedAt: null,
};

describe('the fields for callers of a replaced key', () => {
  it.each([
    [null, null, []],
    [null, 5000, []],
    // The example of RFC 9745 section 2.1, and of RFC 8594 section 3.
    [1_688_169_599_000, null, ['Deprecation', '@1688169599']],
    [
      1_688_169_599_999,
      Date.UTC(2018, 11, 31, 23, 59, 59, 999),
      ['Deprecation', '@1688169599', 'Sunset', 'Mon, 31 Dec 2018 23:59:59 GMT'],
    ],
  ])('replaced at %s and ending at %s are %j', (deprecatedAt, expiresAt, fields) => {
    expect(deprecationFields({ ...KEY, deprecatedAt, expiresAt })).toEqual(fields);
  });
});
