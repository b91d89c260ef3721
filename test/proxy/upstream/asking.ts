import type { AnswerHead } from '../../../src/proxy/upstream/answer-head.ts';
import type { Caller, Connection, UpstreamRequest } from '../../../src/proxy/upstream/connection.ts';
import type { Pool } from '../../../src/proxy/upstream/pool.ts';

export function requestTo(path: string, about: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return { method: 'GET', path, headers: ['Host', 'up.test'], body: null, expectsContinue: false, ...about };
}

/** One request to a pool, and what came of it. */
export class Asking implements Caller {
  readonly connection: Connection;
  readonly interims: number[] = [];
  answer: AnswerHead | null = null;
  /** Each byte a character. */
  body = '';
  error: (Error & { code?: string }) | null = null;
  /** Whether its answer came to its end. */
  isWhole = false;
  /** Whoever holds it up, asks with each part. */
  onData: () => void = () => undefined;
  /** Fulfilled when it is over, however. */
  readonly over: Promise<this>;
  readonly #permitted: boolean;
  #settle: (asking: this) => void = () => undefined;

  constructor(pool: Pool, request: UpstreamRequest, permitted = true) {
    this.#permitted = permitted;
    this.over = new Promise((resolve) => (this.#settle = resolve));
    this.connection = pool.send(request, this);
  }

  begin(): boolean {
    if (!this.#permitted) this.#settle(this);
    return this.#permitted;
  }

  bodySent(): void {
    // Whoever counts, looks at the other end.
  }

  requestSent(): void {
    // As above.
  }

  interim(status: number): void {
    this.interims.push(status);
  }

  head(head: AnswerHead): void {
    this.answer = head;
  }

  data(part: Buffer): void {
    this.body += part.toString('latin1');
    this.onData();
  }

  caughtUp(): void {
    // It waits for the end.
  }

  end(): void {
    this.isWhole = true;
    this.#settle(this);
  }

  fail(error: Error): void {
    this.error = error;
    this.#settle(this);
  }
}
