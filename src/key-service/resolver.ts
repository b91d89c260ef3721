import type { Digest } from '../core/secret.ts';
import type { KeySource, Resolution } from '../core/wire.ts';
import type { KeyServiceLog } from './log.ts';
import type { Peppers } from './peppers.ts';
import type { DigestHash, KeyStore } from './store/store.ts';

/** Answers what a digest stands for. */
export class Resolver implements KeySource {
  readonly #store: KeyStore;
  readonly #peppers: Peppers;
  readonly #log: KeyServiceLog | null;

  constructor(store: KeyStore, peppers: Peppers, log: KeyServiceLog | null) {
    this.#store = store;
    this.#peppers = peppers;
    this.#log = log;
  }

  async resolve(digest: Digest, signal: AbortSignal): Promise<Resolution> {
    signal.throwIfAborted();
    const [current, ...older] = this.#peppers.hashes(digest);
    const found = await this.#store.resolve([current.hash, ...older.map((kept) => kept.hash)]);
    if (found.key === null) return { record: null, asOf: found.asOf };
    if (found.hash !== null && found.hash !== current.hash) {
      await this.#rehash(found.key.record.keyId, found.hash, current);
    }
    return { record: found.key.record, asOf: found.asOf };
  }

  /**
   * On use, because only then the digest is at hand: an HMAC under one pepper says nothing of the HMAC under another.
   * Keys nobody uses stay under the old pepper, so it is kept until `peppersInUse` no longer has it. The answer does
   * not depend on it; where it fails, the next use tries again.
   */
  async #rehash(keyId: string, from: string, to: DigestHash): Promise<void> {
    try {
      await this.#store.rehashKey(keyId, from, to);
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unknown error';
      this.#log?.warn({ keyId, detail }, 'a key could not be kept under the current pepper');
    }
  }
}
