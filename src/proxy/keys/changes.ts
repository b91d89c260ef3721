import type { Clock } from '../../core/clock.ts';
import type { Digest } from '../../core/secret.ts';
import type { Change } from '../../core/wire.ts';

/** Longer than any answer may be under way. One that is kept for longer is outdated by whatever is forgotten. */
const KEPT_MS = 15 * 60_000;
/** An import may change more than this within that time; what is forgotten early costs lookups and no memory. */
const KEPT_MAX = 100_000;

/** What an answer is about; a key nobody has is known by its digest alone. */
export interface About {
  readonly digest: Digest;
  readonly keyId: string | null;
  readonly ownerId: string | null;
}

type Touched = Map<string, { readonly number: number; readonly at: number }>;

/**
 * The newest change of each key, owner and digest. An answer is current when no known change after its `asOf`
 * touches what it is about. One rule serves the caches and answers still under way: an answer begun before a
 * revocation can never bring the key back.
 */
export class Changes {
  readonly #clock: Clock;
  readonly #keys: Touched = new Map();
  readonly #owners: Touched = new Map();
  readonly #digests: Touched = new Map();
  #forgotten = 0;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rises whenever an answer that was current may be so no longer. */
  get count(): number {
    return this.#count;
  }

  apply({ number, keyId, ownerId, digest }: Change): void {
    this.#count++;
    this.#note(this.#keys, keyId, number);
    this.#note(this.#owners, ownerId, number);
    this.#note(this.#digests, digest, number);
  }

  /** What happened up to this change is not known, so that older answers cannot be judged any more. */
  forget(number: number): void {
    this.#count++;
    this.#forgotten = Math.max(this.#forgotten, number);
  }

  /** Numbers start anew. */
  clear(): void {
    this.#count++;
    this.#forgotten = 0;
    for (const touched of [this.#keys, this.#owners, this.#digests]) touched.clear();
  }

  isCurrent({ digest, keyId, ownerId }: About, asOf: number): boolean {
    return (
      asOf >= this.#forgotten &&
      (this.#digests.get(digest)?.number ?? 0) <= asOf &&
      (keyId === null || (this.#keys.get(keyId)?.number ?? 0) <= asOf) &&
      (ownerId === null || (this.#owners.get(ownerId)?.number ?? 0) <= asOf)
    );
  }

  #note(touched: Touched, name: string | null, number: number): void {
    const at = this.#clock.monotonic();
    if (name !== null) {
      // Set again, so that the map's order is the order of change.
      const before = touched.get(name)?.number ?? 0;
      touched.delete(name);
      touched.set(name, { number: Math.max(before, number), at });
    }
    for (const [oldest, change] of touched) {
      if (change.at >= at - KEPT_MS && touched.size <= KEPT_MAX) break;
      touched.delete(oldest);
      this.#forgotten = Math.max(this.#forgotten, change.number);
    }
  }
}
