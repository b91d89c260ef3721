import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { Secret } from './secret.ts';

/** What a sealed text is for. A seal of one purpose is none of another. */
export type SealPurpose = 'record' | 'head' | 'news' | 'refusal';

const SALT = 'plexgate';
const MAC_TEXT = /^[A-Za-z0-9_-]{43}(?:\.[A-Za-z0-9_-]{43})*$/;

/**
 * Proves that a text was written by a holder of the service token: HMAC-SHA256 under a key derived from the token
 * (HKDF, RFC 5869), so that who can write to Redis can neither make nor change what the gates believe there, and who
 * stands between a gate and a proxy cannot make a refusal.
 * While tokens rotate, a text carries a MAC under each token of its writer, and is good where one of them is under
 * one of the reader's.
 */
export class Seal {
  #keys: Readonly<Record<SealPurpose, readonly KeyObject[]>>;

  constructor(serviceTokens: readonly Secret[]) {
    this.#keys = keysOf(serviceTokens);
  }

  /** From now on the seal is of these tokens. */
  adopt(serviceTokens: readonly Secret[]): void {
    this.#keys = keysOf(serviceTokens);
  }

  /** MACs in base64url, joined by dots; never part of the text they are over. */
  macOf(purpose: SealPurpose, text: string): string {
    return this.#keys[purpose].map((key) => mac(key, text).toString('base64url')).join('.');
  }

  isGenuine(purpose: SealPurpose, text: string, macs: string): boolean {
    if (macs.length > 1024 || !MAC_TEXT.test(macs)) return false;
    const claimed = macs.split('.').map((one) => Buffer.from(one, 'base64url'));
    return this.#keys[purpose].some((key) => {
      const expected = mac(key, text);
      return claimed.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
    });
  }
}

function keysOf(tokens: readonly Secret[]): Readonly<Record<SealPurpose, readonly KeyObject[]>> {
  const keysFor = (purpose: SealPurpose) => tokens.map((token) => derive(token, purpose));
  return {
    record: keysFor('record'),
    head: keysFor('head'),
    news: keysFor('news'),
    refusal: keysFor('refusal'),
  };
}

function derive(token: Secret, purpose: SealPurpose): KeyObject {
  const bits = hkdfSync('sha256', token.reveal(), SALT, `plexgate redis ${purpose}`, 32);
  return createSecretKey(Buffer.from(bits));
}

function mac(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
