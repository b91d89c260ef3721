import type { InboundHead } from './request-head.ts';

/** Gets the body of a request. */
export interface BodyTaker {
  data(part: Buffer): void;
  /** Behind the last byte. */
  end(): void;
}

/** Holds the client back while nobody takes what it sends. */
export interface Flow {
  pause(): void;
  resume(): void;
}

/** A request as it came from a client. What of its body has come before anybody takes it waits here, and the client with it. */
export class InboundRequest {
  readonly head: InboundHead;
  /** Of the client's connection, without the form in which IPv6 writes IPv4. */
  readonly peer: string;
  readonly isEncrypted: boolean;
  readonly #flow: Flow;
  readonly #parts: Buffer[] = [];
  #taker: BodyTaker | null = null;
  /** Whoever takes it has had enough for now. */
  #isHeld = false;
  #isComplete: boolean;

  constructor(
    head: InboundHead,
    { peer, isEncrypted }: { readonly peer: string; readonly isEncrypted: boolean },
    flow: Flow,
  ) {
    this.head = head;
    this.peer = peer;
    this.isEncrypted = isEncrypted;
    this.#flow = flow;
    this.#isComplete = !this.hasBody;
  }

  get hasBody(): boolean {
    return this.head.isChunked || (this.head.contentLength ?? 0) > 0;
  }

  /** Whether all of it has come. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** From now on the body goes to `taker`, first what has come already. */
  give(taker: BodyTaker): void {
    this.#taker = taker;
    this.#isHeld = false;
    for (let part = this.#parts.shift(); part !== undefined; part = this.#parts.shift()) {
      taker.data(part);
      // It may leave at any of them.
      if (this.#taker !== taker) return;
    }
    if (this.#isComplete) taker.end();
    else if (!this.#isHeld) this.#flow.resume();
  }

  /** `taker` gets no more, where it got any, and the client waits. */
  letGo(taker: BodyTaker): void {
    if (this.#taker !== taker) return;
    this.#taker = null;
    this.pause();
  }

  pause(): void {
    this.#isHeld = true;
    if (!this.#isComplete) this.#flow.pause();
  }

  resume(): void {
    this.#isHeld = false;
    this.#flow.resume();
  }

  /** For whoever reads the connection. */
  push(part: Buffer): void {
    if (this.#taker !== null) {
      this.#taker.data(part);
      return;
    }
    this.#parts.push(part);
    this.#flow.pause();
  }

  /** For whoever reads the connection: that was the body. */
  finish(): void {
    this.#isComplete = true;
    // Whether the client leaves has to be heard of from now on.
    this.#flow.resume();
    this.#taker?.end();
  }
}
