/**
 * How long a partner may say nothing at all with a question before it: so many times what its answers took lately, and
 * within these bounds. One that has not answered yet has the most, which is a little less than a question has.
 */
const [TIMES, LEAST_MS, MOST_MS] = [4, 250, 950];
/** What remains, with each answer, of the time that a slower one took. */
const REMAINS = 0.8;
/** How often a silent one is asked whether it is back, by requests that do not wait for it. */
const ASK_AGAIN_MS = 250;

/**
 * The breaker before the key service. What costs requests is waiting, so it opens by silence: when questions have
 * been before the partner for a while and it has answered none. Then nobody waits any more, those who do are let go, and
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
  #isOpen = false;
  #hasAnswered = false;
  /** Of its answers, the slow ones more than the quick. */
  #tookMs = MOST_MS;
  #askedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  readonly #turned: (isOpen: boolean) => void;

  /** `turned` is told whenever it opens or closes; it is closed at first. */
  constructor(monotonic: () => number, turned: (isOpen: boolean) => void = () => undefined) {
    this.#monotonic = monotonic;
    this.#turned = turned;
  }

  /** Nobody waits for the partner. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether a question may go out now. */
  mayAsk(): boolean {
    if (!this.#isOpen) return true;
    const now = this.#monotonic();
    if (now - this.#askedAt < ASK_AGAIN_MS) return false;
    this.#askedAt = now;
    return true;
  }

  /** The partner is there: it has answered another kind of question. */
  end(): void {
    this.#turn(false);
  }

  /** A question to the partner; fulfilled means answered. */
  async over<T>(question: Promise<T>): Promise<T> {
    const askedAt = this.#monotonic();
    if (this.#open++ === 0) this.#since = askedAt;
    this.#watch();
    try {
      const answer = await question;
      this.#since = this.#monotonic();
      this.#tookMs = Math.max(this.#since - askedAt, this.#hasAnswered ? this.#tookMs * REMAINS : 0);
      this.#hasAnswered = true;
      this.#turn(false);
      return answer;
    } finally {
      if (--this.#open === 0) this.#sleep();
      else this.#watch();
    }
  }

  /** What becomes of a question; null as soon as the partner is silent. */
  async waitFor<T>(question: Promise<T>): Promise<T | null> {
    if (this.#isOpen) return null;
    const silent = Promise.withResolvers<null>();
    const letGo = (): void => silent.resolve(null);
    this.#waiting.add(letGo);
    try {
      return await Promise.race([question, silent.promise]);
    } finally {
      this.#waiting.delete(letGo);
    }
  }

  #turn(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#turned(isOpen);
  }

  get #patienceMs(): number {
    return Math.min(Math.max(this.#tookMs * TIMES, LEAST_MS), MOST_MS);
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#isOpen) return;
    const leftMs = this.#patienceMs - (this.#monotonic() - this.#since);
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
    if (this.#monotonic() - this.#since < this.#patienceMs) return this.#watch();
    this.#turn(true);
    this.#askedAt = this.#monotonic();
    this.#sleep();
    for (const letGo of this.#waiting) letGo();
    this.#waiting.clear();
  }
}
