/** So many are under way and so many wait that another one is not let in. */
export class TooManyWait extends Error {
  constructor() {
    super('too many are waiting');
  }
}

/** Work that is done a few at a time, in the order it came, with a bounded line before it. */
export class Turns {
  readonly #atOnce: number;
  readonly #most: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number, waiting: number) {
    this.#atOnce = atOnce;
    this.#most = waiting;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running += 1;
    else if (this.#waiting.length >= this.#most) throw new TooManyWait();
    // Who is woken takes the turn of the one that wakes it.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
