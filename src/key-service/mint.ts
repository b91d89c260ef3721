import { KEY_PREFIXES, composeKey } from '../core/key-shape.ts';
import type { Profile } from '../core/profile.ts';
import { Secret, type Digest } from '../core/secret.ts';
import type { ImportTerms, KeyTerms } from './drafts.ts';
import type { Peppers } from './peppers.ts';
import type { NewKey } from './store/store.ts';

export interface MintOptions {
  readonly peppers: Peppers;
  /** MUST be a cryptographic source. */
  readonly randomBytes: (size: number) => Uint8Array;
  readonly prefixes?: Readonly<Record<Profile, string>> | undefined;
}

/** A key that is not stored yet. */
export interface Minted {
  readonly digest: Digest;
  readonly stored: NewKey;
}

const KEY_ID_LENGTH = 22;
const SHOWN_CHARACTERS = 4;

/** A key made here, with its text to be shown once. */
export interface MintedKey extends Minted {
  readonly key: Secret;
}

/** Makes new keys, and takes over keys made elsewhere. */
export class Mint {
  readonly #peppers: Peppers;
  readonly #randomBytes: (size: number) => Uint8Array;
  readonly #prefixes: Readonly<Record<Profile, string>>;

  constructor({ peppers, randomBytes, prefixes }: MintOptions) {
    this.#peppers = peppers;
    this.#randomBytes = randomBytes;
    this.#prefixes = prefixes ?? KEY_PREFIXES;
  }

  create(terms: KeyTerms, createdBy: string, now: number): MintedKey {
    const prefix = this.#prefixes[terms.profile];
    const text = composeKey(prefix, this.#randomBytes);
    const key = new Secret(text);
    const digest = key.digest();
    const stored = {
      ...this.#terms(terms, digest, createdBy, now),
      shownPrefix: text.slice(0, prefix.length + SHOWN_CHARACTERS),
      shownSuffix: text.slice(-SHOWN_CHARACTERS),
    };
    return { key, digest, stored };
  }

  takeOver({ digest, keyId, revoked, ...terms }: ImportTerms, now: number): Minted {
    const made = this.#terms(terms, digest, 'import', now);
    return { digest, stored: { ...made, keyId: keyId ?? made.keyId, revokedAt: revoked ? now : null } };
  }

  #terms(terms: KeyTerms, digest: Digest, createdBy: string, now: number): NewKey {
    const [current, ...older] = this.#peppers.hashes(digest);
    return {
      ...terms,
      keyId: this.#composeKeyId(),
      createdBy,
      createdAt: now,
      revokedAt: null,
      shownPrefix: null,
      shownSuffix: null,
      digest: current,
      olderHashes: older.map((kept) => kept.hash),
      sealedDigest: this.#peppers.seal(digest),
    };
  }

  /** 131 bits, from the random part of a key that is never issued. */
  #composeKeyId(): string {
    return `key_${composeKey('', this.#randomBytes).slice(0, KEY_ID_LENGTH)}`;
  }
}
