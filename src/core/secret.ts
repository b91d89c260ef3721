import { hash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** Lower-case hex of SHA-256 over the key's bytes. The only form of a key that leaves the request. */
export type Digest = string & { readonly __digest: unique symbol };

/** A key in clear. It prints, serialises and inspects as `[redacted]`; `reveal()` is the one way to its text. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The key itself. Its callers are listed in the tidy test. */
  reveal(): string {
    return this.#text;
  }

  digest(): Digest {
    return digestOf(this.#text);
  }

  /** Takes the same time wherever the two differ, so that a token cannot be guessed letter by letter. */
  equals(other: Secret): boolean {
    return timingSafeEqual(Buffer.from(this.digest()), Buffer.from(other.digest()));
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [inspect.custom](): string {
    return '[redacted]';
  }
}

export function digestOf(text: string): Digest {
  return hash('sha256', text, 'hex') as Digest;
}

const DIGEST = /^[0-9a-f]{64}$/;

/** A digest as it arrives from outside: 64 lower-case hex digits, else null. */
export function parseDigest(text: string): Digest | null {
  return DIGEST.test(text) ? (text as Digest) : null;
}

const NUMBER = '%(?:25)*[0-9A-Fa-f]{2}';
const PREFIXES = ['plx_sk_', 'pxt_sk_', 'pmcp_', 'pg_sk_', 'sk_live_', 'sk_test_'];
const KEY_LIKE = new RegExp(`(?:${PREFIXES.join('|')})[^\\s"',;&/?#]*`, 'g');
/** The same in a URL, where any character may stand as its number; much slower to look for. */
const ENCODED_KEY_LIKE = new RegExp(`(?:${PREFIXES.map(maybeEncoded).join('|')})[^\\s"',;&/?#]*`, 'g');

/** Text from a client with everything in it that looks like a key replaced, for logs and error messages. */
export function maskKeys(text: string): string {
  if (text.includes('%')) return text.replace(ENCODED_KEY_LIKE, '[redacted]');
  return text.includes('_') ? text.replace(KEY_LIKE, '[redacted]') : text;
}

/** `maskKeys` for a gate whose keys have prefixes of its own: letters, digits, `_` and `-`, maybe only one of them. */
export function keyMask(prefixes: readonly string[]): (text: string) => string {
  const own = prefixes.filter((prefix) => maskKeys(prefix) === prefix);
  if (own.length === 0) return maskKeys;
  // A prefix may be a mere letter, so that only what is about as long as a key counts as one.
  const plain = new RegExp(`(?:${own.join('|')})[0-9A-Za-z]{16,}`, 'g');
  const encoded = new RegExp(`(?:${own.map(maybeEncoded).join('|')})(?:[0-9A-Za-z]|${NUMBER}){16,}`, 'g');
  return (text) => maskKeys(text).replace(text.includes('%') ? encoded : plain, '[redacted]');
}

/** `_`, `%5f`, `%255F` and so on for each character. */
function maybeEncoded(prefix: string): string {
  const encoded = (character: string): string =>
    `%(?:25)*${Array.from(character.charCodeAt(0).toString(16), eitherCase).join('')}`;
  return Array.from(prefix, (character) => `(?:${character}|${encoded(character)})`).join('');
}

function eitherCase(digit: string): string {
  return `[${digit}${digit.toUpperCase()}]`;
}
