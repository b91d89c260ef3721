import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from '../../src/core/nearest.ts';

describe('the nearest name', () => {
  const KNOWN = [
    'profile',
    'accept',
    'access',
    'auth',
    'status',
    'POST',
    'expires_at',
    'key_id',
    'api-key',
    'apikey',
    'x-api-key',
  ];

  it.each([
    ['a letter lost', 'profil', 'profile'],
    ['two neighbours swapped', 'porfile', 'profile'],
    ['two neighbours of a short name swapped', 'atuh', 'auth'],
    ['the nearer of two', 'acces', 'access'],
    ['another case', 'Profile', 'profile'],
    ['another case', 'post', 'POST'],
    ['camel case', 'expiresAt', 'expires_at'],
    ['another separator', 'expires-at', 'expires_at'],
    ['camel case and another word of two letters', 'expiresOn', 'expires_at'],
    ['camel case and another word of four letters', 'expiresWhen', null],
    ['two edits to a name of six letters', 'state', 'status'],
    ['three edits to a name of six letters', 'stage', null],
    ['camel case and a letter lost', 'expirsAt', 'expires_at'],
    ['camel case and two neighbours swapped', 'expiersAt', 'expires_at'],
    ['one edit in a name of two letters and a separator', 'kye_id', 'key_id'],
    ['of two that differ in a separator alone, the one without', 'ApiKey', 'apikey'],
    ['of two that differ in a separator alone, the one with it', 'API-KEY', 'api-key'],
    ['separators lost', 'xapikey', 'x-api-key'],
    ['something else', 'colour', null],
    ['one letter', 'a', null],
    ['nothing', '', null],
    ['separators alone', '_-_-_-_-', null],
    ['a long text that begins with a name', `profile${'e'.repeat(50)}`, null],
  ])('%s: to "%s" it is %s', (_what, name, nearest) => {
    expect(nearestName(name, KNOWN)).toBe(nearest);
  });

  it('a distance is the same both ways, zero for equals only, and at most the longer length', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
