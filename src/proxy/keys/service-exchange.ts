/**
 * The whole answer, or why there is none, as what the other side did. `sent`: it may have seen some of the request.
 */
export type ExchangeOutcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly contentType: string;
      readonly body: Buffer;
    }
  | { readonly kind: 'failed'; readonly detail: string; readonly sent: boolean };

/** What the HTTP client lets a request do while it is under way. */
interface Controller {
  abort(reason: Error): void;
}

const UNWANTED = new Error('the answer is not waited for');

/**
 * One request to the key service and its answer, kept as a whole up to `mostBytes`. It settles exactly once; what
 * comes later ends the connection it comes on, so that no other answer is taken for this one's rest.
 */
export class Exchange {
  readonly #mostBytes: number;
  readonly #settle: (outcome: ExchangeOutcome) => void;
  #controller: Controller | null = null;
  #settled = false;
  #head: { readonly status: number; readonly contentType: string } | null = null;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(mostBytes: number, settle: (outcome: ExchangeOutcome) => void) {
    this.#mostBytes = mostBytes;
    this.#settle = settle;
  }

  /** Waits no longer, whether the request has found a connection yet or not. */
  giveUp(detail: string): void {
    if (this.#settled) return;
    this.#fail(detail);
    this.#controller?.abort(UNWANTED);
  }

  /** What is thrown here ends the request before any of it is written, and the connection stays. */
  onRequestStart(controller: Controller): void {
    if (this.#settled) throw UNWANTED;
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Controller,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    const contentType = headers['content-type'];
    this.#head = { status, contentType: typeof contentType === 'string' ? contentType : '' };
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    if (this.#settled) return;
    this.#size += chunk.byteLength;
    if (this.#size > this.#mostBytes) this.giveUp(`answered with more than ${this.#mostBytes} bytes`);
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#settled || this.#head === null) return;
    this.#end({ kind: 'answered', ...this.#head, body: Buffer.concat(this.#chunks) });
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    if (this.#settled) return;
    this.#fail(`${this.#head === null ? 'did not answer' : 'broke off its answer'} (${codeOf(error)})`);
  }

  #fail(detail: string): void {
    this.#end({ kind: 'failed', detail, sent: this.#controller !== null });
  }

  #end(outcome: ExchangeOutcome): void {
    this.#settled = true;
    this.#chunks = [];
    this.#settle(outcome);
  }
}

/** The code alone: messages of the HTTP client may repeat parts of an answer. */
function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
