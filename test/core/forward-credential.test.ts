import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { passHeaders, type CredentialForwarding, type Forwarding } from '../../src/core/forward-headers.ts';
import { composeKey } from '../../src/core/key-shape.ts';
import type { Scheme } from '../../src/core/profile.ts';
import { readHead } from '../../src/core/request-head.ts';
import { Secret } from '../../src/core/secret.ts';

const KEY = composeKey('plx_sk_', randomBytes);
const OTHER = composeKey('pmcp_', randomBytes);
const OWN = new Secret(randomBytes(12).toString('hex'));
const STRIP: CredentialForwarding = { kind: 'strip' };
const KEEP: CredentialForwarding = { kind: 'keep' };
const rewrite = (header: string, scheme: string | null, value: Secret | null): CredentialForwarding => ({
  kind: 'rewrite',
  header,
  scheme,
  value,
});
const acceptedAs = (scheme: Scheme): Forwarding['accepted'] => ({ scheme, secret: new Secret(KEY) });

function passed(raw: readonly string[], forwarding: Partial<Forwarding> = {}): string[] {
  return passHeaders(readHead(raw), {
    credential: STRIP,
    accepted: null,
    trustedPeer: false,
    assertionHeader: null,
    ...forwarding,
  });
}

const namesOf = (flat: readonly string[]): string[] => flat.filter((_, i) => i % 2 === 0);

describe('the credential', () => {
  const both = ['Authorization', `Bearer ${KEY}`, 'X-API-Key', KEY, 'Accept', 'x'];

  test.each<[title: string, forwarding: Partial<Forwarding>, names: string[]]>([
    ['strip: neither placement passes', { accepted: acceptedAs('bearer') }, ['Accept']],
    ['strip on an open route: neither passes', { accepted: null }, ['Accept']],
    [
      'keep: the Authorization that was accepted',
      { credential: KEEP, accepted: acceptedAs('bearer') },
      ['Authorization', 'Accept'],
    ],
    [
      'keep: the x-api-key that was accepted',
      { credential: KEEP, accepted: acceptedAs('x-api-key') },
      ['X-API-Key', 'Accept'],
    ],
    ['keep on an open route: both', { credential: KEEP }, ['Authorization', 'X-API-Key', 'Accept']],
  ])('%s', (_, forwarding, names) => {
    const flat = passed(both, forwarding);
    expect(namesOf(flat)).toEqual(names);
    expect(flat.join().includes(KEY)).toBe(forwarding.credential !== undefined);
  });

  test.each<[title: string, to: CredentialForwarding, scheme: Scheme, expected: string[]]>([
    ['into another header', rewrite('X-API-Key', null, null), 'bearer', ['Accept', 'x', 'X-API-Key', KEY]],
    [
      'into another scheme',
      rewrite('Authorization', 'ApiKey', null),
      'x-api-key',
      ['Accept', 'x', 'Authorization', `ApiKey ${KEY}`],
    ],
    [
      "to the upstream's own",
      rewrite('Authorization', 'Bearer', OWN),
      'bearer',
      ['Accept', 'x', 'Authorization', `Bearer ${OWN.reveal()}`],
    ],
    [
      'to a header of any name',
      rewrite('X-Upstream-Token', null, OWN),
      'bearer',
      ['Accept', 'x', 'X-Upstream-Token', OWN.reveal()],
    ],
  ])('rewrite %s', (_, credential, scheme, expected) => {
    expect(passed(both, { credential, accepted: acceptedAs(scheme) })).toEqual(expected);
  });

  test('rewrite on an open route sends no key of the caller', () => {
    expect(passed(both, { credential: rewrite('X-API-Key', null, null) })).toEqual(['Accept', 'x']);
  });

  test("rewrite leaves no copy of the upstream's header that the client sent, in any spelling", () => {
    const raw = [
      'x-upstream-token',
      'evil',
      'X_Upstream_Token',
      'evil',
      'X.UPSTREAM.token',
      'evil',
      'X-Upstream-Token',
      'evil',
    ];
    const credential = rewrite('X-Upstream-Token', null, OWN);
    const accepted = acceptedAs('bearer');
    expect(passed(raw, { accepted, credential })).toEqual(['X-Upstream-Token', OWN.reveal()]);
  });

  test("the upstream's own credential is lent to nobody without a key: open routes and preflights", () => {
    const raw = ['X-Upstream-Token', 'evil', 'Accept', '*/*'];
    for (const value of [OWN, null]) {
      const credential = rewrite('X-Upstream-Token', null, value);
      expect(passed(raw, { accepted: null, credential })).toEqual(['Accept', '*/*']);
    }
  });

  test('a foreign Authorization passes under strip and keep, and gives way only to a rewritten one', () => {
    const raw = ['Authorization', 'Basic dTpw', 'x-api-key', KEY];
    expect(passed(raw, { accepted: acceptedAs('x-api-key') })).toEqual(['Authorization', 'Basic dTpw']);
    expect(passed(raw, { accepted: acceptedAs('x-api-key'), credential: KEEP })).toEqual(raw);
    expect(
      passed(raw, { accepted: acceptedAs('x-api-key'), credential: rewrite('x-api-key', null, OWN) }),
    ).toEqual(['Authorization', 'Basic dTpw', 'x-api-key', OWN.reveal()]);
    expect(
      passed(raw, { accepted: acceptedAs('x-api-key'), credential: rewrite('authorization', 'Bearer', OWN) }),
    ).toEqual(['authorization', `Bearer ${OWN.reveal()}`]);
  });

  test.each([KEY, 'Bearer', '', `Bearer\t${KEY}`, `bearer ${KEY}`, `Bearer: ${KEY}`, `"${KEY}"`])(
    'an Authorization that is ours or unreadable never passes under strip: %#',
    (value) => expect(passed(['Authorization', value])).toEqual([]),
  );

  test('in every place and spelling is gone under strip', () => {
    const place = fc.constantFrom(
      ['Authorization', `Bearer ${KEY}`],
      ['authorization', `API-KEY ${KEY}`],
      ['AUTHORIZATION', `ApiKey  ${KEY}`],
      ['Authorization', OTHER],
      ['X-Api-Key', KEY],
      ['x_api_key', KEY],
      ['X.Api.Key', OTHER],
      ['x-api_key', OTHER],
    );
    fc.assert(
      fc.property(fc.array(place, { maxLength: 6 }), fc.boolean(), (lines, trustedPeer) => {
        const flat = passed(lines.flat(), { trustedPeer, accepted: acceptedAs('bearer') }).join();
        expect(flat).not.toContain(KEY);
        expect(flat).not.toContain(OTHER);
      }),
    );
  });
});
