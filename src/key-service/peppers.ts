import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { parseDigest, type Digest, type Secret } from '../core/secret.ts';
import type { SealedText } from './store/operators.ts';
import type { DigestHash, PepperProof } from './store/store.ts';

/** `current` names the pepper new digests are kept under; the others only find what was kept under them. */
export interface PepperSet {
  readonly current: string;
  readonly secrets: ReadonlyMap<string, Secret>;
}

interface Pepper {
  readonly id: string;
  readonly hashKey: KeyObject;
  readonly sealKey: KeyObject;
  /** Of secrets that are no digests. */
  readonly secretKey: KeyObject;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

/** What the store holds of a digest. Without the pepper it neither confirms a guessed key nor yields a digest. */
export class Peppers {
  readonly #current: Pepper;
  readonly #older: readonly Pepper[];

  constructor({ current, secrets }: PepperSet) {
    const peppers = [...secrets].map(([id, secret]) => pepperOf(id, secret));
    const first = peppers.find((pepper) => pepper.id === current);
    if (first === undefined)
      throw new Error(`there is no pepper named ${current}, which is to be the current one`);
    this.#current = first;
    this.#older = peppers.filter((pepper) => pepper !== first);
  }

  has(pepperId: string): boolean {
    return this.#find(pepperId) !== undefined;
  }

  /** The digest under every pepper, the current one first. */
  hashes(digest: Digest): readonly [DigestHash, ...DigestHash[]] {
    return [hashUnder(this.#current, digest), ...this.#older.map((pepper) => hashUnder(pepper, digest))];
  }

  isCurrent(pepperId: string): boolean {
    return pepperId === this.#current.id;
  }

  /** The digest, encrypted so that only who has the pepper can read it back. */
  seal(digest: Digest): string {
    return sealed(this.#current.sealKey, Buffer.from(digest, 'hex'));
  }

  /** Throws where the text was not sealed under that pepper. */
  unseal(pepperId: string, text: string): Digest {
    const digest = parseDigest(unsealed(this.#named(pepperId).sealKey, text).toString('hex'));
    if (digest === null) throw new Error('what was sealed is no digest');
    return digest;
  }

  /** The same for a secret of another kind: what is sealed as the one cannot be read as the other. */
  sealSecret(secret: Uint8Array): SealedText {
    return { pepperId: this.#current.id, text: sealed(this.#current.secretKey, secret) };
  }

  /** Throws where it was not sealed under that pepper. */
  unsealSecret({ pepperId, text }: SealedText): Buffer {
    return unsealed(this.#named(pepperId).secretKey, text);
  }

  proofs(): readonly PepperProof[] {
    return [this.#current, ...this.#older].map((pepper) => ({
      pepperId: pepper.id,
      proof: createHmac('sha256', pepper.hashKey).update('plexgate pepper proof').digest('hex'),
    }));
  }

  #named(pepperId: string): Pepper {
    const pepper = this.#find(pepperId);
    if (pepper === undefined) throw new Error(`there is no pepper named ${pepperId}`);
    return pepper;
  }

  #find(pepperId: string): Pepper | undefined {
    return [this.#current, ...this.#older].find((pepper) => pepper.id === pepperId);
  }
}

function pepperOf(id: string, secret: Secret): Pepper {
  const text = secret.reveal();
  if (text === '') throw new Error(`the pepper ${id} is empty`);
  const bytes = Buffer.from(text, 'utf8');
  return {
    id,
    hashKey: createSecretKey(bytes),
    sealKey: sealKeyOf(bytes, 'plexgate change digest'),
    secretKey: sealKeyOf(bytes, 'plexgate operator secret'),
  };
}

function sealKeyOf(pepper: Buffer, use: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', pepper, '', use, 32)));
}

function sealed(key: KeyObject, bytes: Uint8Array): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  const parts = [nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(parts).toString('base64');
}

function unsealed(key: KeyObject, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

function hashUnder(pepper: Pepper, digest: Digest): DigestHash {
  return { pepperId: pepper.id, hash: createHmac('sha256', pepper.hashKey).update(digest).digest('hex') };
}
