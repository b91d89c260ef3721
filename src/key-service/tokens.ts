import { hash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../core/secret.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/** Bearer tokens by RFC 6750, any of several, so that one can be replaced without a gap. */
export class Tokens {
  readonly #digests: readonly Buffer[];

  /** Throws without a token or with an empty one: nobody, or anybody, could enter. */
  constructor(accepted: readonly Secret[]) {
    if (accepted.length === 0 || accepted.some((token) => token.reveal() === '')) {
      throw new Error('at least one token is needed, and none may be empty');
    }
    this.#digests = accepted.map((token) => Buffer.from(token.digest(), 'hex'));
  }

  /** Compares digests with every accepted token, so that the time taken says nothing about how near a guess was. */
  admits(authorization: string | undefined): boolean {
    const token = BEARER.exec(authorization ?? '')?.[1];
    if (token === undefined) return false;
    const presented = hash('sha256', token, 'buffer');
    return this.#digests.reduce((admitted, digest) => timingSafeEqual(digest, presented) || admitted, false);
  }
}
