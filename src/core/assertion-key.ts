import { createPrivateKey, createPublicKey, createSecretKey, hash, type KeyObject } from 'node:crypto';

export const ASSERTION_ALGORITHMS = ['EdDSA', 'HS256'] as const;
export type AssertionAlgorithm = (typeof ASSERTION_ALGORITHMS)[number];

/** A public key as a JWK Set holds it (RFC 7517, RFC 8037); `kid` is its thumbprint (RFC 7638). */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly alg: 'EdDSA';
  readonly use: 'sig';
}

export type AssertionKey =
  /** `signs` is null where the text holds the public half alone. */
  | { readonly kind: 'EdDSA'; readonly signs: KeyObject | null; readonly jwk: PublicJwk }
  | { readonly kind: 'HS256'; readonly signs: KeyObject };

/** In words, without anything of the text. */
export interface KeyProblem {
  readonly kind: 'problem';
  readonly found: string;
  readonly allowed: string;
}

const SHARED_SECRET = /^[\x21-\x7e]{32,512}$/;

/** The key that a text holds: an Ed25519 key in PEM, or, for HS256, the shared secret itself. Never throws. */
export function readAssertionKey(algorithm: AssertionAlgorithm, text: string): AssertionKey | KeyProblem {
  if (algorithm === 'EdDSA') return readEd25519(text);
  if (SHARED_SECRET.test(text)) return { kind: 'HS256', signs: createSecretKey(Buffer.from(text)) };
  return {
    kind: 'problem',
    // Taking a public key for the secret would let everybody sign.
    found: text.includes('-----BEGIN') ? 'a key in PEM' : 'another text',
    allowed: 'for HS256 a secret of 32 to 512 visible ASCII characters without spaces',
  };
}

function readEd25519(text: string): AssertionKey | KeyProblem {
  if (/-----BEGIN ENCRYPTED |^Proc-Type:.*ENCRYPTED/m.test(text)) return notEd25519('an encrypted key');
  if (/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE/.test(text)) return notEd25519('a certificate');
  const isPrivate = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/.test(text);
  let key: KeyObject;
  try {
    key = isPrivate ? createPrivateKey(text) : createPublicKey(text);
  } catch {
    return notEd25519('no key in PEM');
  }
  const type = key.asymmetricKeyType;
  if (type !== 'ed25519') return notEd25519(`a key of the type ${type ?? 'unknown'}`);
  const { x = '' } = (isPrivate ? createPublicKey(key) : key).export({ format: 'jwk' });
  return { kind: 'EdDSA', signs: isPrivate ? key : null, jwk: jwkOf(x) };
}

function notEd25519(found: string): KeyProblem {
  const allowed = 'for EdDSA an Ed25519 key in PEM, as `openssl genpkey -algorithm ed25519` makes it';
  return { kind: 'problem', found, allowed };
}

function jwkOf(x: string): PublicJwk {
  // RFC 7638: the required members alone, in the order of their names.
  const kid = hash('sha256', JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }), 'base64url');
  return { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' };
}
