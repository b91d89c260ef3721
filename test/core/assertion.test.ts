import { generateKeyPairSync } from 'node:crypto';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import { describe, expect, test } from 'vitest';
import { readAssertionKey } from '../../src/core/assertion-key.ts';
import { Assertions, type Asserted, type AssertionTerms } from '../../src/core/assertion.ts';
import type { KeyRecord, Owner } from '../../src/core/key.ts';
import { Secret } from '../../src/core/secret.ts';
import { newIdentityKey, newSharedSecret, privatePem } from '../support/identity-keys.ts';
import { recordOf } from '../support/key-record.ts';

const NOW = Date.parse('2026-03-01T12:00:00.250Z');
const AT = Math.floor(NOW / 1000);
const [FIRST, SECOND] = [await newIdentityKey(), await newIdentityKey()];

function assertionsOf(terms: Partial<AssertionTerms> = {}, keys = [FIRST.text]): Assertions {
  return new Assertions({
    header: 'X-Plexgate-Identity',
    issuer: 'plexgate',
    lifetimeMs: 30_000,
    algorithm: 'EdDSA',
    keys: keys.map((text) => new Secret(text)),
    ...terms,
  });
}

function asserted(key: Partial<KeyRecord> = {}, owner: Partial<Owner> = {}): Asserted {
  return {
    key: { ...recordOf({ owner: { id: 'acme', tier: 'pro', ...owner } }), keyId: 'key_1', ...key },
    audience: 'orders',
    requestId: 'req_1',
    method: 'POST',
    path: '/v1/orders',
    id: 'AB12',
  };
}

/** What a verifier reads. Rejects where it would refuse. */
async function claimsOf(token: string, by: Assertions, options: object = {}): Promise<JWTPayload> {
  const expected = {
    issuer: 'plexgate',
    audience: 'orders',
    algorithms: ['EdDSA'],
    currentDate: new Date(NOW),
  };
  const set = createLocalJWKSet({ keys: by.jwks.keys.map((key) => ({ ...key })) });
  return (await jwtVerify(token, set, { ...expected, ...options })).payload;
}

describe('an assertion', () => {
  const usual = {
    iss: 'plexgate',
    aud: 'orders',
    sub: 'acme',
    iat: AT,
    exp: AT + 31,
    jti: 'AB12',
    key_id: 'key_1',
    permission: 'read_write',
    tier: 'pro',
    request_id: 'req_1',
    method: 'POST',
    path: '/v1/orders',
  };

  test.each<[string, Asserted, object]>([
    ['of a key without more', asserted({ permission: 'read_write' }, { workspace: null }), {}],
    ['of a read-only key', asserted({ permission: 'read_only' }), { permission: 'read_only' }],
    ['of an owner with a workspace', asserted({}, { workspace: 'W 1' }), { workspace_id: 'W 1' }],
    ['of a key for some MCP servers', asserted({ mcps: ['a', 'b,c'] }), { allowed_mcps: ['a', 'b,c'] }],
    ['of a key for no MCP server', asserted({ mcps: [] }), { allowed_mcps: [] }],
    [
      'of names beyond ASCII',
      asserted({ keyId: '"\u00e4\n' }, { id: '\u96ea' }),
      { key_id: '"\u00e4\n', sub: '\u96ea' },
    ],
    ['of another audience', { ...asserted(), audience: 'billing' }, { aud: 'billing' }],
  ])('%s says so', async (_, about, more) => {
    const by = assertionsOf();
    const expected = { ...usual, ...more };
    const claims = await claimsOf(by.assert(about, NOW), by, { audience: expected.aud });
    expect(claims).toEqual(expected);
  });

  test('names issuer and end as the terms have them', async () => {
    const by = assertionsOf({ issuer: 'gate-eu', lifetimeMs: 5_000 });
    const claims = await claimsOf(by.assert(asserted(), NOW), by, { issuer: 'gate-eu' });
    expect(claims).toMatchObject({ iss: 'gate-eu', iat: AT, exp: AT + 6 });
  });

  test('is over when its lifetime is, and never before', async () => {
    const by = assertionsOf();
    const token = by.assert(asserted(), NOW);
    const at = (ms: number) => claimsOf(token, by, { currentDate: new Date(NOW + ms) });
    await expect(at(30_000)).resolves.toBeDefined();
    await expect(at(31_000)).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' });
  });

  test('is signed by the first key and names it; all of them are published', async () => {
    const by = assertionsOf({}, [SECOND.text, FIRST.publicText]);
    const token = by.assert(asserted(), NOW);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: SECOND.kid });
    expect(by.jwks.keys.map(({ kid }) => kid)).toEqual([SECOND.kid, FIRST.kid]);
    await expect(claimsOf(token, by)).resolves.toMatchObject({ sub: 'acme' });
    await expect(claimsOf(token, assertionsOf())).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  test('publishes nothing but what is public', () => {
    const { keys } = assertionsOf({}, [FIRST.text, SECOND.text]).jwks;
    expect(keys.map((key) => Object.keys(key).toSorted())).toEqual(
      Array.from({ length: 2 }, () => ['alg', 'crv', 'kid', 'kty', 'use', 'x']),
    );
  });

  test('of HS256 is verified with the secret, which is published nowhere', async () => {
    const secret = newSharedSecret();
    const by = assertionsOf({ algorithm: 'HS256' }, [secret]);
    const token = by.assert(asserted(), NOW);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const key = new TextEncoder().encode(secret);
    const { payload } = await jwtVerify(token, key, { audience: 'orders', currentDate: new Date(NOW) });
    expect(payload).toMatchObject({ sub: 'acme' });
    expect(by.jwks).toEqual({ keys: [] });
  });

  test('is made by no gate that has only public keys', () => {
    expect(() => assertionsOf({}, [FIRST.publicText])).toThrow('the first key cannot sign');
  });
});

describe('the text of a key', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const encrypted = generateKeyPairSync('ed25519').privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'hunter2',
  }) as string;

  test.each([
    ['a private key', FIRST.text],
    ['a public key', FIRST.publicText],
    ['one with lines of Windows', FIRST.text.replaceAll('\n', '\r\n')],
    ['one without a newline at its end', FIRST.text.trimEnd()],
    ['one behind words', `made by hand\n${FIRST.text}`],
  ])('%s is read', (_, text) => {
    expect(readAssertionKey('EdDSA', text)).toMatchObject({ kind: 'EdDSA', jwk: { kid: FIRST.kid } });
  });

  test.each([
    ['EdDSA', 'an RSA key', privatePem(rsa), 'a key of the type rsa'],
    [
      'EdDSA',
      'a key on a curve of NIST',
      privatePem(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
      'a key of the type ec',
    ],
    ['EdDSA', 'an Ed448 key', privatePem(generateKeyPairSync('ed448')), 'a key of the type ed448'],
    ['EdDSA', 'an X25519 key', privatePem(generateKeyPairSync('x25519')), 'a key of the type x25519'],
    ['EdDSA', 'an encrypted key', encrypted, 'an encrypted key'],
    ['EdDSA', 'a shared secret', newSharedSecret(), 'no key in PEM'],
    ['EdDSA', 'half a key', FIRST.text.slice(0, 60), 'no key in PEM'],
    ['HS256', 'a key in PEM', FIRST.text, 'a key in PEM'],
    ['HS256', 'a public key', FIRST.publicText, 'a key in PEM'],
    ['HS256', 'a short secret', 'a'.repeat(31), 'another text'],
    ['HS256', 'words', 'correct horse battery staple and more', 'another text'],
  ] as const)('for %s, %s is refused by what it is', (algorithm, _, text, found) => {
    expect(readAssertionKey(algorithm, text)).toMatchObject({ kind: 'problem', found });
  });
});
