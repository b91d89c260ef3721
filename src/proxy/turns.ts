import type { Duplex } from 'node:stream';

/** A connection that owes more answers than this to requests sent ahead is ended. */
const MOST_WAITING = 1000;

/**
 * The requests of one client connection, served one after another however many of them were sent ahead (RFC 9112
 * section 9.3.2): what comes behind a request is not decided on before that is through, and not at all where its
 * answer ends the connection.
 */
export class Turns {
  readonly #socket: Duplex;
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  get isTaken(): boolean {
    return this.#isTaken;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Null: it is this one's turn at once. Each turn MUST be ended by `end`. */
  take(): Promise<void> | null {
    if (!this.#isTaken) {
      this.#isTaken = true;
      return null;
    }
    if (this.#waiting.length >= MOST_WAITING) this.#socket.destroy();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next();
  }
}
