import type { Socket } from 'node:net';
import type { InboundRequest } from '../inbound/request.ts';
import type { AnswerHead } from './answer-head.ts';
import { AnswerReader, type AnswerListener } from './answer-reader.ts';
import { sendBody } from './body.ts';
import { headText } from './request-head.ts';

/** A request as it goes to an upstream. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Flat, without Transfer-Encoding, Connection and Expect. */
  readonly headers: readonly string[];
  /** Null: there is none. */
  readonly body: InboundRequest | null;
  /** Whether the upstream is asked first if it wants the body. */
  readonly expectsContinue: boolean;
}

/** Whoever sends a request and gets its answer. After `end`, `fail` and its own `abort` it is told nothing more. */
export interface Caller extends AnswerListener {
  /** In the tick that writes the first byte, before it. Returns whether to write it; if not, nothing else is called. */
  begin(): boolean;
  bodySent(bytes: number): void;
  /** Behind the last byte of a body. */
  requestSent(): void;
  /** All that has arrived so far has been told, and the answer is not over. */
  caughtUp(): void;
  fail(error: Error): void;
}

/** The upstream ended the connection before its answer was whole. */
export class ClosedEarly extends Error {
  readonly code = 'UPSTREAM_CLOSED';
}

export interface ConnectionEvents {
  /** It may carry another request, `idleMs` from now on at most; null: nothing was sent, and what held goes on. */
  free(connection: Connection, idleMs: number | null): void;
  /** Called once. */
  closed(connection: Connection): void;
}

/** Idle connections are closed by us, so that they are seldom closed by the upstream under a request. */
export const IDLE_MS = 4000;
const LONGEST_IDLE_MS = 60_000;
/** Earlier than the upstream by this. */
const IDLE_MARGIN_MS = 1000;

/**
 * One connection to an upstream. It carries one request at a time, and another one only where nothing is left of the one
 * before: all of it was sent, and the answer ended where its head said, with not a byte behind it.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  /** By the clock of whoever keeps it. */
  idleUntil = 0;
  #isReady = false;
  #request: UpstreamRequest | null = null;
  #caller: Caller | null = null;
  #reader: AnswerReader | null = null;
  /** Null: nothing is left to send. */
  #stopBody: (() => void) | null = null;

  /** `dial` is told who takes what arrives, in memory that is used again. */
  constructor(dial: (take: (bytes: Buffer) => void) => Socket, ready: string, events: ConnectionEvents) {
    this.#events = events;
    this.#socket = dial((bytes) => this.#take(bytes));
    this.#socket.once(ready, () => {
      this.#isReady = true;
      if (this.#caller !== null) this.#begin(this.#caller);
    });
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => {
      this.#fail(new ClosedEarly('the upstream closed the connection'));
      events.closed(this);
    });
  }

  /** Whether it may carry a request. */
  get isOpen(): boolean {
    return this.#socket.writable;
  }

  /** Sends the request, once there is a connection. Nothing MUST be under way on it. */
  carry(request: UpstreamRequest, caller: Caller): void {
    this.#request = request;
    this.#caller = caller;
    if (this.#isReady) this.#begin(caller);
  }

  /** Ends the connection with what is under way on it; its caller is told of the error. */
  abort(error: Error): void {
    this.#fail(error);
  }

  close(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  #begin(caller: Caller): void {
    const request = this.#request as UpstreamRequest;
    if (!caller.begin()) {
      this.#free(null);
      return;
    }
    let text: string;
    try {
      text = headText(request);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#reader = new AnswerReader(caller, request.method === 'HEAD');
    this.#socket.write(text, 'latin1');
    if (request.body !== null) {
      let isSent = false;
      const stop = sendBody(request.body, this.#socket, caller, () => {
        isSent = true;
        this.#stopBody = null;
        caller.requestSent();
      });
      if (!isSent) this.#stopBody = stop;
    }
  }

  #take(bytes: Buffer): void {
    const reader = this.#reader;
    if (reader === null) {
      // Nobody has asked for it. What follows could not be told apart.
      this.#socket.destroy();
      return;
    }
    try {
      const used = reader.take(bytes);
      // It may have been ended by its caller in the meantime.
      if (this.#reader !== reader) return;
      if (reader.isOver) this.#answered(reader, used === bytes.length);
      else this.#caller?.caughtUp();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #answered(reader: AnswerReader, isClean: boolean): void {
    const idleMs = isClean ? this.#idleMs(reader) : 0;
    if (idleMs > 0) this.#free(idleMs);
    else this.#drop();
  }

  /** How long it may lie idle for another request; 0 where none may follow. */
  #idleMs({ head }: AnswerReader): number {
    // An upstream that sends a body to a HEAD would be sending the start of the next answer.
    if (head === null || !head.keepsAlive || this.#request?.method === 'HEAD' || announcesMore(head))
      return 0;
    // An upstream that has answered may read no further.
    if (this.#stopBody !== null || this.#socket.writableLength > 0) return 0;
    if (head.idleSeconds === null) return IDLE_MS;
    return Math.min(LONGEST_IDLE_MS, head.idleSeconds * 1000 - IDLE_MARGIN_MS);
  }

  #ended(): void {
    const reader = this.#reader;
    if (reader?.close() === true) this.#drop();
    else this.#fail(new ClosedEarly('the upstream closed the connection'));
  }

  #free(idleMs: number | null): void {
    this.#forget();
    // Its caller may have been held up by the last of the answer, and lets go of it with that.
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#events.free(this, idleMs);
  }

  #fail(error: Error): void {
    const caller = this.#caller;
    this.#drop();
    caller?.fail(error);
  }

  #drop(): void {
    this.#stopBody?.();
    this.#forget();
    this.#socket.destroy();
  }

  #forget(): void {
    this.#request = null;
    this.#caller = null;
    this.#reader = null;
    this.#stopBody = null;
  }
}

/** Whether the head tells of a body where none can be. It may follow. */
function announcesMore({ status, isChunked, contentLength }: AnswerHead): boolean {
  if (status === 204) return isChunked || (contentLength ?? 0) > 0;
  return status === 304 && isChunked;
}
