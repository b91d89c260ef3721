/** How long a partner may say nothing at all with a question before it. */
const SILENT_MS = 250;
/** How often a silent one is asked whether it is back, by requests that do not wait for it. */
const ASK_AGAIN_MS = 250;

/**
 * The breaker before the key service. What costs requests is waiting, so it opens by silence: as soon as a question has
 * been before the partner for so long and it has answered none. Then nobody waits any more, those who do are let go, and
 * questions go out now and then, for whose answers nobody waits. It closes with the first answer, of whatever kind.
 * A failure that comes at once costs nothing and opens nothing.
 */
export class Silence {
  readonly #monotonic: () => number;
  readonly #waiting = new Set<() => void>();
  /** Questions under way. */
  #open = 0;
  /** Of the partner's last answer, or of the first question after it. */
  #since = 0;
  #isSilent = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Whether a question may go out now. */
  mayAsk(): boolean {
    if (!this.#isSilent) return true;
    const now = this.#monotonic();
    if (now - this.#askedAt < ASK_AGAIN_MS) return false;
    this.#askedAt = now;
    return true;
  }

  /** The partner is there: it has answered another kind of question. */
  end(): void {
    this.#isSilent = false;
  }

  /** A question to the partner; fulfilled means answered. */
  async over<T>(question: Promise<T>): Promise<T> {
    if (this.#open++ === 0) this.#since = this.#monotonic();
    this.#watch();
    try {
      const answer = await question;
      this.#since = this.#monotonic();
      this.#isSilent = false;
      return answer;
    } finally {
      if (--this.#open === 0) this.#sleep();
      else this.#watch();
    }
  }

  /** What becomes of a question that never rejects; null as soon as the partner is silent. */
  waitFor<T>(question: Promise<T>): Promise<T | null> {
    if (this.#isSilent) return Promise.resolve(null);
    return new Promise((resolve) => {
      const letGo = (): void => resolve(null);
      this.#waiting.add(letGo);
      void question.then((answer) => {
        this.#waiting.delete(letGo);
        resolve(answer);
      });
    });
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#isSilent) return;
    const leftMs = SILENT_MS - (this.#monotonic() - this.#since);
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        // An answer that has arrived while this process was busy is read first.
        setImmediate(() => this.#look());
      },
      Math.max(1, Math.ceil(leftMs)),
    );
    this.#timer.unref();
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    if (this.#open === 0) return;
    if (this.#monotonic() - this.#since < SILENT_MS) return this.#watch();
    this.#isSilent = true;
    this.#askedAt = this.#monotonic();
    this.#sleep();
    for (const letGo of this.#waiting) letGo();
    this.#waiting.clear();
  }
}
