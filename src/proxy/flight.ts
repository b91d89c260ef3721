import { STATUS_CODES } from 'node:http';
import type { ProxyConfig } from '../config/config.ts';
import { passAnswerHeaders } from '../core/forward-headers.ts';
import { DEPRECATION_FIELD_NAMES } from '../core/deprecation-fields.ts';
import { RATE_LIMIT_FIELD_NAMES } from '../core/rate-limit-fields.ts';
import type { Forward } from './forward.ts';
import { codeOf, upstreamErrorOf, type UpstreamError } from './upstream-error.ts';

export type Ending =
  /** The upstream's answer has been passed on, whole or, where either side broke off, in part. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly answeredAt: number;
      readonly complete: boolean;
    }
  /** Nothing was sent to the client yet. `mayRepeat`: the same request may go again, on another connection. */
  | {
      readonly kind: 'failed';
      readonly error: UpstreamError;
      readonly detail: string;
      readonly mayRepeat: boolean;
      /** No connection came about: not a byte has left. */
      readonly unsent: boolean;
    }
  /** The permit stood no longer when the connection was ready; nothing was written to the upstream. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'client_gone' };

/** How it ended, with the bytes of the bodies sent to the upstream and to the client. */
export interface Landing {
  readonly ending: Ending;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What the HTTP client lets a request do while it is under way. */
export interface Controller {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
  readonly rawHeaders?: unknown;
}

/** A body as short as this goes out in one piece with its head, where it came whole. */
const SHORT_BYTES = 8 * 1024;
/** Reason phrases that pass; Node refuses to write others, and RFC 9112 section 4 gives them no meaning. */
const PHRASE = /^[\t\x20-\x7e]+$/;
const KEY_ENDED = new Error('the key of the stream has ended');
const EVENT_STREAM = /^text\/event-stream\b/i;
/** Methods that change nothing, so that one which met a connection the upstream had just closed may go again. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Fields of the upstream in whose place ours stand: always, where a limit holds, for callers of a replaced key. */
const REPLACED: ReadonlySet<string> = new Set(['x-request-id']);
const REPLACED_WHERE_LIMITED: ReadonlySet<string> = new Set([...REPLACED, ...RATE_LIMIT_FIELD_NAMES]);
const REPLACED_WHERE_DEPRECATED: ReadonlySet<string> = new Set([...REPLACED, ...DEPRECATION_FIELD_NAMES]);
const REPLACED_WHERE_BOTH: ReadonlySet<string> = new Set([
  ...REPLACED_WHERE_LIMITED,
  ...DEPRECATION_FIELD_NAMES,
]);

/** One request on its way to an upstream and its answer on the way back. It settles exactly once. */
export class Flight {
  /** Among all that are under way. */
  place = 0;
  readonly #forward: Forward;
  readonly #timeouts: ProxyConfig['timeouts'];
  readonly #monotonic: () => number;
  readonly #settle: (landing: Landing) => void;
  #phase: 'connecting' | 'sending' | 'waiting' | 'answering' | 'settled' = 'connecting';
  #controller: Controller | null = null;
  #progressAt: number;
  #answer: { status: number; answeredAt: number; endless: boolean } | null = null;
  #timedOut = false;
  /** Whether the answer's head came in this very tick. */
  #isFirstTick = true;
  /** The start of the answer's body, where it came in that tick, too: it may be all. */
  #first: Buffer | null = null;
  /** By a client that reads more slowly than the upstream writes. */
  #isHeldUp = false;
  #forget: (() => void) | null = null;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(
    forward: Forward,
    timeouts: ProxyConfig['timeouts'],
    monotonic: () => number,
    settle: (landing: Landing) => void,
  ) {
    this.#forward = forward;
    this.#timeouts = timeouts;
    this.#monotonic = monotonic;
    this.#settle = settle;
    this.#progressAt = monotonic();
    forward.response.once('close', this.#onClientClose);
  }

  /** Ends a request that has made no progress for longer than its phase allows. */
  endIfStalled(now: number): void {
    const { bodyIdleMs, firstByteMs } = this.#timeouts;
    const idleMs = now - this.#progressAt;
    const stalled =
      (this.#phase === 'sending' && idleMs > bodyIdleMs) ||
      (this.#phase === 'waiting' && idleMs > firstByteMs) ||
      (this.#phase === 'answering' && idleMs > bodyIdleMs && this.#answer?.endless === false);
    if (!stalled) return;
    this.#timedOut = true;
    this.#controller?.abort(new Error('no progress'));
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#phase === 'settled') {
      controller.abort(new Error('the client has left'));
      return;
    }
    if (!this.#forward.permit.stands()) {
      this.#end({ kind: 'withdrawn' });
      controller.abort(new Error('the permit was withdrawn'));
      return;
    }
    this.#phase = this.#forward.hasBody ? 'sending' : 'waiting';
    this.#progressAt = this.#monotonic();
  }

  onBodySent(chunk: Uint8Array): void {
    this.#bytesIn += chunk.byteLength;
    this.#progressAt = this.#monotonic();
  }

  onRequestSent(): void {
    if (this.#phase === 'sending') this.#phase = 'waiting';
    this.#progressAt = this.#monotonic();
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    statusText?: string,
  ): void {
    this.#progressAt = this.#monotonic();
    if (status < 200 || this.#phase === 'settled') return;
    if (!isReadable(headers['transfer-encoding'])) {
      this.#end({
        kind: 'failed',
        error: 'reset',
        detail: 'an unknown transfer coding',
        mayRepeat: false,
        unsent: false,
      });
      controller.abort(new Error('the answer cannot be read'));
      return;
    }
    const { response, answerHeaders, permit } = this.#forward;
    this.#forward.answered(status);
    const fields = passAnswerHeaders(rawText(controller.rawHeaders), replacedIn(permit));
    for (const field of answerHeaders) fields.push(field);
    if (statusText === undefined || statusText === STATUS_CODES[status] || !PHRASE.test(statusText))
      response.writeHead(status, fields);
    else response.writeHead(status, statusText, fields);
    this.#phase = 'answering';
    const contentType = headers['content-type'];
    this.#answer = {
      status,
      answeredAt: this.#progressAt,
      endless: typeof contentType === 'string' && EVENT_STREAM.test(contentType),
    };
    if (this.#answer.endless) this.#forget = this.#forward.streams(() => this.#controller?.abort(KEY_ENDED));
    // A head may come long before its body, and the start of a body before the rest. Neither waits for another tick.
    process.nextTick(sendBegun, this);
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#progressAt = this.#monotonic();
    const mayWait = this.#bytesOut === 0 && this.#isFirstTick && chunk.byteLength <= SHORT_BYTES;
    this.#bytesOut += chunk.byteLength;
    if (mayWait) this.#first = chunk;
    else {
      this.#writeFirst();
      this.#write(chunk);
    }
  }

  onResponseEnd(): void {
    if (this.#phase === 'settled') return;
    // Text of one byte a character goes into one string with the head, which costs one write less.
    if (this.#first === null) this.#forward.response.end();
    else this.#forward.response.end(this.#first.toString('latin1'), 'latin1');
    this.#first = null;
    this.#finish(true);
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    if (this.#phase === 'settled') return;
    if (this.#answer !== null) {
      // The client must not take half an answer for a whole one.
      this.#forward.response.destroy();
      this.#finish(false);
      return;
    }
    const mayRepeat = !this.#timedOut && !this.#forward.hasBody && this.#isRepeatable(error);
    const kind = this.#timedOut ? 'timeout' : upstreamErrorOf(error);
    const unsent = this.#phase === 'connecting';
    this.#end({ kind: 'failed', error: kind, detail: codeOf(error), mayRepeat, unsent });
  }

  /** A connection that the upstream closed while it lay idle; the request never reached it, or changed nothing. */
  #isRepeatable(error: Error): boolean {
    return (
      this.#controller !== null &&
      REPEATABLE.has(this.#forward.request.method ?? '') &&
      ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error))
    );
  }

  /** Sends what the tick in which the answer began has brought of it. */
  sendBegun(): void {
    this.#isFirstTick = false;
    if (this.#phase !== 'answering') return;
    if (this.#bytesOut === 0) this.#forward.response.flushHeaders();
    else this.#writeFirst();
  }

  #writeFirst(): void {
    const first = this.#first;
    this.#first = null;
    if (first !== null) this.#write(first);
  }

  #write(chunk: Buffer): void {
    const { response } = this.#forward;
    if (response.write(chunk)) return;
    this.#controller?.pause();
    if (this.#isHeldUp) return;
    this.#isHeldUp = true;
    response.once('drain', () => {
      this.#isHeldUp = false;
      if (this.#phase === 'settled') return;
      this.#progressAt = this.#monotonic();
      this.#controller?.resume();
    });
  }

  readonly #onClientClose = (): void => {
    if (this.#phase === 'settled') return;
    if (this.#answer === null) this.#end({ kind: 'client_gone' });
    else this.#finish(false);
    this.#controller?.abort(new Error('the client has left'));
  };

  #finish(complete: boolean): void {
    const { status, answeredAt } = this.#answer ?? { status: 0, answeredAt: 0 };
    this.#end({ kind: 'answered', status, answeredAt, complete });
  }

  #end(ending: Ending): void {
    this.#phase = 'settled';
    this.#forget?.();
    // Behind its answer the response is over, and with it whoever listens to it.
    if (ending.kind !== 'answered') this.#forward.response.off('close', this.#onClientClose);
    this.#settle({ ending, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut });
  }
}

function sendBegun(flight: Flight): void {
  flight.sendBegun();
}

/** Whether a body of this transfer coding arrives as it was before it. */
function isReadable(coding: string | string[] | undefined): boolean {
  return coding === undefined || (typeof coding === 'string' && coding.toLowerCase() === 'chunked');
}

function replacedIn({ key, limits }: Forward['permit']): ReadonlySet<string> {
  const limited = limits.length > 0;
  if (key !== null && key.deprecatedAt !== null)
    return limited ? REPLACED_WHERE_BOTH : REPLACED_WHERE_DEPRECATED;
  return limited ? REPLACED_WHERE_LIMITED : REPLACED;
}

function rawText(raw: unknown): string[] {
  return Array.isArray(raw)
    ? raw.map((part: unknown) => (Buffer.isBuffer(part) ? part.toString('latin1') : String(part)))
    : [];
}
