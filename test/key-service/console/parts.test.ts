import { describe, expect, test } from 'vitest';
import {
  base32,
  codeAt,
  counterAt,
  counterOf,
  enrolmentUri,
} from '../../../src/key-service/console/one-time-codes.ts';
import { Passwords } from '../../../src/key-service/console/passwords.ts';
import { Turns } from '../../../src/key-service/console/turns.ts';
import { Secret } from '../../../src/core/secret.ts';
import { Peppers } from '../../../src/key-service/peppers.ts';
import { pepperSet } from '../fixture.ts';

describe('one-time codes', () => {
  const SECRET = Buffer.from('12345678901234567890');

  // RFC 6238, appendix B: the last six of the eight digits.
  const VECTORS: [seconds: number, code: string][] = [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ];
  test.each(VECTORS)('at %i seconds the code of RFC 6238 is %s', (seconds, code) => {
    expect(codeAt(SECRET, counterAt(seconds * 1000))).toBe(code);
    expect(counterOf(SECRET, code, seconds * 1000)).toBe(Math.floor(seconds / 30));
  });

  test('are taken half a minute early and late, and no further', () => {
    const now = 1_111_111_111_000;
    const steps = [-2, -1, 0, 1, 2].map((step) => codeAt(SECRET, counterAt(now) + step));
    const taken = steps.map((code) => counterOf(SECRET, code, now) !== null);
    expect(taken).toEqual([false, true, true, true, false]);
    for (const text of ['', '05047', '0504711', '05047x', ' 050471', '０５０４７１'])
      expect(counterOf(SECRET, text, now)).toBeNull();
  });

  test('have secrets that are typed in Base32 and scanned as a URI', () => {
    expect(base32(SECRET)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    expect(enrolmentUri(SECRET, 'ada+1@example.com')).toBe(
      'otpauth://totp/Plexgate%3Aada%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Plexgate',
    );
  });

  test('have secrets that are sealed so that only the pepper opens them, and no digest is one', () => {
    const peppers = new Peppers(pepperSet('p1'));
    const sealed = peppers.sealSecret(SECRET);
    expect(peppers.unsealSecret(sealed)).toEqual(SECRET);
    expect(peppers.sealSecret(SECRET).text).not.toBe(sealed.text);
    expect(() => new Peppers(pepperSet('p2')).unsealSecret(sealed)).toThrow('no pepper named p1');
    expect(() => peppers.unseal('p1', sealed.text)).toThrow('authenticate');
    const [secret = new Secret('?')] = pepperSet('p2').secrets.values();
    const other = new Peppers({ current: 'p1', secrets: new Map([['p1', secret]]) });
    expect(() => other.unsealSecret(sealed)).toThrow('authenticate');
  });
});

describe('a password', () => {
  test('is kept by scrypt with 32 MiB, thrice, and a salt of its own', async () => {
    const passwords = new Passwords();
    const kept = await passwords.keep('correct horse battery staple');
    expect(kept).toMatch(/^scrypt\$15\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
    expect(await passwords.matches('correct horse battery staple', kept)).toBe(true);
    expect(await passwords.matches('correct horse battery stapled', kept)).toBe(false);
    expect(await passwords.matches('correct horse battery staple', null)).toBe(false);
  });

  test('that was kept at another cost still matches, and so does one typed in other letters', async () => {
    const before = new Passwords({ logN: 4, r: 8, p: 1 });
    const now = new Passwords({ logN: 5, r: 8, p: 2 });
    const kept = await before.keep('caf\u00e9 au lait 12');
    expect(await now.matches('cafe\u0301 au lait 12', kept)).toBe(true);
    expect(await before.keep('caf\u00e9 au lait 12')).not.toBe(kept);
  });
});

test('work is done a few at a time, in order, and too many are turned away', async () => {
  const turns = new Turns(2, 2);
  const done: number[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const all = gates.map((gate, i) => turns.take(() => gate.promise.then(() => void done.push(i))));
  await expect(turns.take(() => Promise.resolve())).rejects.toThrow('too many');
  for (const i of [3, 2, 1, 0]) gates[i]?.resolve();
  await Promise.all(all);
  expect(done).toEqual([1, 0, 2, 3]);
  expect(await turns.take(() => Promise.resolve('free again'))).toBe('free again');
});
