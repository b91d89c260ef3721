import { passAnswerHeaders } from '../core/forward-headers.ts';
import { DEPRECATION_FIELD_NAMES } from '../core/deprecation-fields.ts';
import { RATE_LIMIT_FIELD_NAMES } from '../core/rate-limit-fields.ts';
import type { Forward } from './forward.ts';
import type { ClientWatcher } from './inbound/answer.ts';
import type { AnswerHead } from './upstream/answer-head.ts';
import type { Caller, Connection } from './upstream/connection.ts';
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

/** A body as short as this goes out in one piece with its head, where it came whole. */
const SHORT_BYTES = 8 * 1024;
/** Reason phrases that pass; RFC 9112 section 4 gives them no meaning. */
const PHRASE = /^[\t\x20-\x7e]+$/;
const CONTINUE = 100;
const EVENT_STREAM = /^text\/event-stream\b/i;
/** Methods that change nothing, so that one which met a connection the upstream had just closed may go again. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const BROKEN_OFF: ReadonlySet<string> = new Set(['UPSTREAM_CLOSED', 'ECONNRESET', 'EPIPE']);
/** Fields of the upstream in whose place ours stand: always, where a limit holds, for callers of a replaced key. */
const REPLACED: ReadonlySet<string> = new Set(['x-request-id']);
const REPLACED_WHERE_LIMITED: ReadonlySet<string> = new Set([...REPLACED, ...RATE_LIMIT_FIELD_NAMES]);
const REPLACED_WHERE_DEPRECATED: ReadonlySet<string> = new Set([...REPLACED, ...DEPRECATION_FIELD_NAMES]);
const REPLACED_WHERE_BOTH: ReadonlySet<string> = new Set([
  ...REPLACED_WHERE_LIMITED,
  ...DEPRECATION_FIELD_NAMES,
]);

/** One request on its way to an upstream and its answer on the way back. It settles exactly once. */
export class Flight implements Caller, ClientWatcher {
  /** Among all that are under way. */
  place = 0;
  /** What carries it, once something does. */
  connection: Connection | null = null;
  readonly #forward: Forward;
  readonly #monotonic: () => number;
  readonly #landed: (landing: Landing) => void;
  #phase: 'connecting' | 'sending' | 'waiting' | 'answering' | 'settled' = 'connecting';
  #progressAt: number;
  #answer: { status: number; answeredAt: number; endless: boolean } | null = null;
  #timedOut = false;
  #isContinued = false;
  /** Whether only what came with the answer's head has been told so far. */
  #isFirstRead = true;
  /** The start of the answer's body, where it came with the head, each byte a character: it may be all. */
  #first: string | null = null;
  /** By a client that reads more slowly than the upstream writes. */
  #isHeldUp = false;
  #forget: (() => void) | null = null;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(forward: Forward, monotonic: () => number, landed: (landing: Landing) => void) {
    this.#forward = forward;
    this.#monotonic = monotonic;
    this.#landed = landed;
    this.#progressAt = monotonic();
    forward.answer.watcher = this;
  }

  /** Ends a request that has made no progress for longer than its phase allows. */
  endIfStalled(now: number): void {
    const { connectMs, bodyIdleMs, firstByteMs } = this.#forward.timeouts;
    const idleMs = now - this.#progressAt;
    const stalled =
      (this.#phase === 'connecting' && idleMs > connectMs) ||
      (this.#phase === 'sending' && idleMs > bodyIdleMs) ||
      (this.#phase === 'waiting' && idleMs > firstByteMs) ||
      (this.#phase === 'answering' && idleMs > bodyIdleMs && this.#answer?.endless === false);
    if (!stalled) return;
    this.#timedOut = true;
    this.abort('no progress');
  }

  /** Ends it; whoever waits for it is told of `reason` where no answer has begun. */
  abort(reason: string): void {
    // Behind its end the connection may be another's already.
    if (this.#phase !== 'settled') this.connection?.abort(new Error(reason));
  }

  begin(): boolean {
    if (this.#phase === 'settled') return false;
    if (!this.#forward.permit.stands()) {
      this.#land({ kind: 'withdrawn' });
      return false;
    }
    this.#phase = this.#forward.request.hasBody ? 'sending' : 'waiting';
    this.#progressAt = this.#monotonic();
    return true;
  }

  bodySent(bytes: number): void {
    this.#bytesIn += bytes;
    this.#progressAt = this.#monotonic();
  }

  requestSent(): void {
    if (this.#phase === 'sending') this.#phase = 'waiting';
    this.#progressAt = this.#monotonic();
  }

  interim(status: number): void {
    this.#progressAt = this.#monotonic();
    const { request, answer } = this.#forward;
    if (status !== CONTINUE || !request.head.awaitsContinue || this.#isContinued) return;
    this.#isContinued = true;
    answer.writeContinue();
  }

  head({ status, phrase, raw, contentType }: AnswerHead): void {
    this.#progressAt = this.#monotonic();
    const { request, answer, answerHeaders, permit } = this.#forward;
    this.#forward.answered(status);
    const passed = passAnswerHeaders(raw, replacedIn(permit));
    // Whether the client sends its body behind that is its own affair, so that what follows could be either.
    if (request.head.awaitsContinue && !this.#isContinued) answerHeaders.push('Connection', 'close');
    answer.writeHead(status, answerHeaders, passed, PHRASE.test(phrase) ? phrase : undefined);
    this.#phase = 'answering';
    const endless = contentType !== null && EVENT_STREAM.test(contentType);
    this.#answer = { status, answeredAt: this.#progressAt, endless };
    if (endless) this.#forget = this.#forward.streams(() => this.abort('the key of the stream has ended'));
  }

  data(part: Buffer): void {
    if (this.#phase === 'settled') return;
    // What came with the head came just now.
    if (!this.#isFirstRead) this.#progressAt = this.#monotonic();
    const mayWait = this.#bytesOut === 0 && this.#isFirstRead && part.byteLength <= SHORT_BYTES;
    this.#bytesOut += part.byteLength;
    if (mayWait) this.#first = part.toString('latin1');
    else {
      this.#writeFirst();
      // A copy, since the memory is used for the next read.
      this.#write(Buffer.from(part));
    }
  }

  end(): void {
    if (this.#phase === 'settled') return;
    // Text of one byte a character goes into one string with the head, which costs one write less.
    this.#forward.answer.end(this.#first ?? '');
    this.#first = null;
    this.#finish(true);
  }

  fail(error: Error): void {
    if (this.#phase === 'settled') return;
    if (this.#answer !== null) {
      this.#finish(false);
      this.#forward.answer.breakOff();
      return;
    }
    const unsent = this.#phase === 'connecting';
    const mayRepeat =
      !unsent && !this.#timedOut && !this.#forward.request.hasBody && this.#isRepeatable(error);
    const kind = this.#timedOut ? 'timeout' : upstreamErrorOf(error);
    this.#land({ kind: 'failed', error: kind, detail: codeOf(error), mayRepeat, unsent });
  }

  /** A connection that the upstream closed while it lay idle; the request never reached it, or changed nothing. */
  #isRepeatable(error: Error): boolean {
    return REPEATABLE.has(this.#forward.request.head.method) && BROKEN_OFF.has(codeOf(error));
  }

  /** A head may come long before its body, and the start of a body before the rest. Neither waits for more. */
  caughtUp(): void {
    if (!this.#isFirstRead || this.#phase !== 'answering') return;
    this.#isFirstRead = false;
    if (this.#bytesOut === 0) this.#forward.answer.flush();
    else this.#writeFirst();
  }

  #writeFirst(): void {
    const first = this.#first;
    this.#first = null;
    if (first !== null) this.#write(first);
  }

  #write(part: Buffer | string): void {
    if (this.#forward.answer.write(part)) return;
    this.#isHeldUp = true;
    this.connection?.pause();
  }

  drained(): void {
    if (!this.#isHeldUp || this.#phase === 'settled') return;
    this.#isHeldUp = false;
    this.#progressAt = this.#monotonic();
    this.connection?.resume();
  }

  left(): void {
    if (this.#phase === 'settled') return;
    if (this.#answer === null) this.#land({ kind: 'client_gone' });
    else this.#finish(false);
    this.connection?.abort(new Error('the client has left'));
  }

  #finish(complete: boolean): void {
    const { status, answeredAt } = this.#answer ?? { status: 0, answeredAt: 0 };
    this.#land({ kind: 'answered', status, answeredAt, complete });
  }

  #land(ending: Ending): void {
    this.#phase = 'settled';
    this.#forget?.();
    // Whoever comes next is told instead.
    if (this.#forward.answer.watcher === this) this.#forward.answer.watcher = null;
    this.#landed({ ending, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut });
  }
}

function replacedIn({ key, limits }: Forward['permit']): ReadonlySet<string> {
  const limited = limits.length > 0;
  if (key !== null && key.deprecatedAt !== null)
    return limited ? REPLACED_WHERE_BOTH : REPLACED_WHERE_DEPRECATED;
  return limited ? REPLACED_WHERE_LIMITED : REPLACED;
}
