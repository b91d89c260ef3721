import type { FileKey, FileKeys } from '../../config/keys-file/keys-file.ts';
import type { Clock } from '../../core/clock.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { Digest } from '../../core/secret.ts';
import type { Change, Grant, KeySource, News, Renewal, Renewals, Resolution } from '../../core/wire.ts';

interface Entry {
  readonly record: KeyRecord;
  /** What the file says of key and owner, to be compared with what it says later. */
  readonly said: string;
}

/** Nothing can be lost on the way here; it only bounds how long a process that was suspended believes what it knew. */
const FENCE_MS = 2000;
/** More than two files full of keys; who lags further behind asks for its keys anew. */
const KEPT_CHANGES = 10_000;

/**
 * The keys of a file as a source. A key that is no longer in it is unknown, one whose status is `revoked` is revoked,
 * and what an owner loses all of its keys lose: each of these is a change of the key.
 */
export class FileKeySource implements KeySource, Renewals {
  #entries: ReadonlyMap<Digest, Entry>;
  #head = 0;
  #changes: readonly Change[] = [];
  readonly #listeners = new Set<() => void>();

  readonly #clock: Clock;

  constructor(keys: FileKeys, clock: Clock) {
    this.#clock = clock;
    this.#entries = entriesOf(keys, new Map(), clock.now());
  }

  async resolve(digest: Digest, signal: AbortSignal): Promise<Resolution> {
    signal.throwIfAborted();
    return { record: this.#entries.get(digest)?.record ?? null, asOf: this.#head };
  }

  async renew(_member: string, { applied }: Renewal, signal: AbortSignal): Promise<Grant> {
    signal.throwIfAborted();
    return {
      epoch: 'file',
      head: this.#head,
      changes: this.#changes.filter(({ number }) => number > applied),
      fenceMs: FENCE_MS,
      now: this.#clock.now(),
      redisRun: null,
    };
  }

  readonly onNews: News = (listener) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /**
   * Puts the file's new content in force as a whole, and tells of every key that it adds, changes or drops. Both
   * happen in one turn, so that no answer stands between. Returns the number of changes.
   */
  replace(keys: FileKeys): number {
    const before = this.#entries;
    const after = entriesOf(keys, before, this.#clock.now());
    const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
      (digest) => before.get(digest)?.said !== after.get(digest)?.said,
    );
    const changes = changed.map((digest, i) => {
      const { record } = after.get(digest) ?? before.get(digest) ?? {};
      return { number: this.#head + 1 + i, keyId: record?.keyId ?? null, ownerId: null, digest };
    });
    this.#entries = after;
    this.#head += changes.length;
    this.#changes = [...this.#changes, ...changes].slice(-KEPT_CHANGES);
    if (changes.length > 0) for (const listener of this.#listeners) listener();
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
