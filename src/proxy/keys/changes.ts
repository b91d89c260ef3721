import type { Clock } from '../../core/clock.ts';
import type { Digest } from '../../core/secret.ts';
import type { Change } from '../../core/wire.ts';

/** Longer than any answer may be under way or kept. */
const KEPT_MS = 15 * 60_000;

/** What an answer is about; a key nobody has is known by its digest alone. */
export interface About {
  readonly digest: Digest;
  readonly keyId: string | null;
  readonly ownerId: string | null;
}

/**
 * The newest change of each key, owner and digest. An answer is current when no known change after its `asOf`
 * touches what it is about. One rule serves the cache and answers still under way: an answer begun before a
 * revocation can never bring the key back.
 */
export class Changes {
  readonly #clock: Clock;
  readonly #touched = new Map<string, { number: number; at: number }>();
  /** Answers older than this cannot be judged any more. */
  #forgotten = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  apply(change: Change): void {
    const at = this.#clock.monotonic();
    for (const name of namesOf(change)) {
      // Set again, so that the map's order is the order of change.
      this.#touched.delete(name);
      this.#touched.set(name, { number: change.number, at });
    }
    for (const [name, touched] of this.#touched) {
      if (touched.at >= at - KEPT_MS) break;
      this.#touched.delete(name);
      this.#forgotten = Math.max(this.#forgotten, touched.number);
    }
  }

  isCurrent(about: About, asOf: number): boolean {
    if (asOf < this.#forgotten) return false;
    if (this.#touched.size === 0) return true;
    return namesOf(about).every((name) => (this.#touched.get(name)?.number ?? 0) <= asOf);
  }
}

function namesOf(about: { keyId: string | null; ownerId: string | null; digest: Digest | null }): string[] {
  const names: string[] = [];
  if (about.keyId !== null) names.push(`key:${about.keyId}`);
  if (about.ownerId !== null) names.push(`owner:${about.ownerId}`);
  if (about.digest !== null) names.push(`digest:${about.digest}`);
  return names;
}
