import { createHmac, sign, type KeyObject } from 'node:crypto';
import { readAssertionKey, type AssertionAlgorithm, type PublicJwk } from './assertion-key.ts';
import type { KeyRecord } from './key.ts';
import type { Secret } from './secret.ts';

/** How a gate signs who is calling. */
export interface AssertionTerms {
  /** Name of the header that carries it. */
  readonly header: string;
  readonly issuer: string;
  readonly lifetimeMs: number;
  readonly algorithm: AssertionAlgorithm;
  /** The first signs; the others of EdDSA are published beside it. */
  readonly keys: readonly Secret[];
}

/** What one assertion is about. */
export interface Asserted {
  readonly key: KeyRecord;
  /** Whom it is for. */
  readonly audience: string;
  readonly requestId: string;
  readonly method: string;
  /** As the upstream sees it, without the query. */
  readonly path: string;
  /** Another one for each assertion; a request id may be the client's choice. */
  readonly id: string;
}

export interface JwkSet {
  readonly keys: readonly PublicJwk[];
}

/**
 * Makes compact JWTs (RFC 7519) that say who is calling, for upstreams to verify. Each names its request, so that it is
 * good for no other and none is kept; what is the same for all of them is made once.
 */
export class Assertions {
  readonly header: string;
  /** The public keys; none with HS256, whose key is nobody's to read. */
  readonly jwks: JwkSet;
  readonly #issuer: string;
  readonly #lifetimeMs: number;
  /** The JWT's first part. */
  readonly #head: string;
  readonly #signatureOf: (text: string) => string;

  /** Throws where a key is not what the algorithm wants, or the first cannot sign. */
  constructor({ header, issuer, lifetimeMs, algorithm, keys }: AssertionTerms) {
    const read = keys.map((key) => keyOf(algorithm, key));
    const [first] = read;
    if (first === undefined || first.signs === null) throw new Error('the first key cannot sign');
    this.header = header;
    this.#issuer = issuer;
    this.#lifetimeMs = lifetimeMs;
    this.jwks = { keys: read.flatMap((key) => (key.kind === 'EdDSA' ? [key.jwk] : [])) };
    const kid = first.kind === 'EdDSA' ? { kid: first.jwk.kid } : {};
    this.#head = base64url(JSON.stringify({ alg: algorithm, typ: 'JWT', ...kid }));
    this.#signatureOf = first.kind === 'EdDSA' ? edDsa(first.signs) : hs256(first.signs);
  }

  /** `now` is the moment it is issued at, in epoch milliseconds. */
  assert({ key, audience, requestId, method, path, id }: Asserted, now: number): string {
    const { owner, mcps } = key;
    const claims = {
      iss: this.#issuer,
      aud: audience,
      sub: owner.id,
      iat: Math.floor(now / 1000),
      exp: Math.ceil((now + this.#lifetimeMs) / 1000),
      jti: id,
      key_id: key.keyId,
      ...(owner.workspace === null ? null : { workspace_id: owner.workspace }),
      permission: key.permission,
      tier: owner.tier,
      ...(mcps === '*' ? null : { allowed_mcps: mcps }),
      request_id: requestId,
      method,
      path,
    };
    const signed = `${this.#head}.${base64url(JSON.stringify(claims))}`;
    return `${signed}.${this.#signatureOf(signed)}`;
  }
}

function keyOf(algorithm: AssertionAlgorithm, secret: Secret) {
  const key = readAssertionKey(algorithm, secret.reveal());
  if (key.kind === 'problem') throw new Error(`found ${key.found}; allowed: ${key.allowed}`);
  return key;
}

function edDsa(key: KeyObject): (text: string) => string {
  return (text) => sign(null, Buffer.from(text), key).toString('base64url');
}

function hs256(key: KeyObject): (text: string) => string {
  return (text) => createHmac('sha256', key).update(text).digest('base64url');
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
