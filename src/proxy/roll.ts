/** Whoever stands on a roll keeps its own place there. */
export interface OnRoll {
  place: number;
}

/**
 * What is under way, in no order. Not a Set: one that is added to and taken from all the time leaves its outgrown tables
 * behind, each pointing to the next and still holding what was in it, so that in effect every request would live until
 * the next full collection.
 */
export class Roll<T extends OnRoll> {
  readonly #all: T[] = [];

  add(one: T): void {
    one.place = this.#all.length;
    this.#all.push(one);
  }

  /** It MUST have been added, and not been taken out before. */
  remove(one: T): void {
    const last = this.#all.pop();
    if (last === undefined || last === one) return;
    this.#all[one.place] = last;
    last.place = one.place;
  }

  /** Each may be taken out while it is told. */
  forEach(tell: (one: T) => void): void {
    // From the end, since whoever is taken out leaves its place to the last.
    for (let i = this.#all.length - 1; i >= 0; i--) {
      const one = this.#all[i];
      if (one !== undefined) tell(one);
    }
  }
}
