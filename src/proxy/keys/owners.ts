import { isDeepStrictEqual } from 'node:util';
import type { KeyRecord, Owner } from '../../core/key.ts';

/** More owners than most have; of one that is forgotten the next key brings an object of its own. */
const OWNERS_MAX = 10_000;

/**
 * Each answer brings its key's owner along. Keys of one owner, whose records say the same of it, share one object, and
 * with it what is derived from an owner: memory for 100,000 keys of a few owners is then mostly that of their digests.
 */
export class Owners {
  readonly #known = new Map<string, Owner>();

  /** The same record, with the owner that the keys known before have, where it is the same. */
  shared(record: KeyRecord | null): KeyRecord | null {
    if (record === null) return null;
    const { owner } = record;
    const known = this.#known.get(owner.id);
    if (known !== undefined && isDeepStrictEqual(known, owner)) return { ...record, owner: known };
    this.#known.set(owner.id, owner);
    const [oldest] = this.#known.keys();
    if (this.#known.size > OWNERS_MAX && oldest !== undefined) this.#known.delete(oldest);
    return record;
  }
}
