import type { FileKey, FileKeys } from '../../config/keys-file/keys-file.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { Digest } from '../../core/secret.ts';
import type { ChangeListener, KeySource, Resolution } from '../../core/wire.ts';

interface Entry {
  readonly record: KeyRecord;
  /** What the file says of key and owner, to be compared with what it says later. */
  readonly said: string;
}

/**
 * The keys of a file as a source. A key that is no longer in it is unknown, one whose status is `revoked` is revoked,
 * and what an owner loses all of its keys lose: each of these is a change of the key.
 */
export class FileKeySource implements KeySource {
  #entries: ReadonlyMap<Digest, Entry>;
  #head = 0;
  readonly #listeners = new Set<ChangeListener>();

  /** `now` stands for the instants that a file does not tell. */
  constructor(keys: FileKeys, now: number) {
    this.#entries = entriesOf(keys, new Map(), now);
  }

  async resolve(digest: Digest, signal: AbortSignal): Promise<Resolution> {
    signal.throwIfAborted();
    return { record: this.#entries.get(digest)?.record ?? null, asOf: this.#head };
  }

  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Puts the file's new content in force as a whole, and tells of every key that it adds, changes or drops. Both
   * happen in one turn, so that no answer stands between. Returns the number of changes.
   */
  replace(keys: FileKeys, now: number): number {
    const before = this.#entries;
    const after = entriesOf(keys, before, now);
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
      (digest) => before.get(digest)?.said !== after.get(digest)?.said,
    );
    const first = this.#head + 1;
    this.#entries = after;
    this.#head += changed.length;
    for (const [i, digest] of changed.entries()) {
      const { record } = after.get(digest) ?? before.get(digest) ?? {};
      const change = { number: first + i, keyId: record?.keyId ?? null, ownerId: null, digest };
      for (const listener of this.#listeners) listener(change);
    }
    return changed.length;
  }
}

function entriesOf(
  keys: FileKeys,
  before: ReadonlyMap<Digest, Entry>,
  now: number,
): ReadonlyMap<Digest, Entry> {
  return new Map(
    [...keys].map(([digest, key]) => {
      const said = JSON.stringify(key);
      const known = before.get(digest);
      return [digest, known?.said === said ? known : { said, record: recordOf(key, known?.record, now) }];
    }),
  );
}

function recordOf({ revoked, ...key }: FileKey, before: KeyRecord | undefined, now: number): KeyRecord {
  return {
    ...key,
    createdAt: before?.createdAt ?? now,
    revokedAt: revoked ? (before?.revokedAt ?? now) : null,
    deprecatedAt: null,
  };
}
