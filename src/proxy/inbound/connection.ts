import type { Socket } from 'node:net';
import { plainAddress } from '../../core/address.ts';
import { ChunkReader } from '../http1/chunk-reader.ts';
import { UnreadableMessage } from '../http1/fields.ts';
import type { OnRoll } from '../roll.ts';
import { InboundAnswer } from './answer.ts';
import { sendLastAnswer } from './last-answer.ts';
import { Patience, type ClientTimeouts } from './patience.ts';
import { InboundRequest } from './request.ts';
import { HeadTooLarge, readRequestHead, type InboundHead } from './request-head.ts';

/** Gets what clients ask. */
export interface InboundListener {
  /** One at a time on each connection: the next one when this one's answer is out and its body has come. */
  request(request: InboundRequest, answer: InboundAnswer): void;
  /**
   * A WebSocket or CONNECT is wanted. The socket is the listener's, paused; `early` came behind the request. Null: Upgrade
   * is ignored, and CONNECT ends the connection.
   */
  readonly upgrade: ((request: InboundRequest, socket: Socket, early: Buffer) => void) | null;
  /** What came could not be read, or not in time, and was answered with a bare status. `head`: of it, where that could be. */
  refused(status: number, peer: string, head: InboundHead | null): void;
}

/** How large a head may be, and how long clients may take. */
export interface InboundBounds {
  readonly headerBytes: number;
  /** Those in force. */
  timeouts: ClientTimeouts;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);
const CR = 0x0d;
const LF = 0x0a;
/** In the start of a head: what no head has, a CR or an LF by itself. */
const NO_START = /[^\t\r\n\x20-\x7e\x80-\xff]|(?<!\r)\n|\r(?!\n|$)/;
const LONGEST_METHOD = 20;
const METHOD_START = /^[A-Z-]{1,20}(?: |$)/;
/** Of requests sent ahead; a client that sends more is held back. */
const MAX_AHEAD_BYTES = 256 * 1024;
const MAX_AHEAD_PARTS = 64;
const PHRASES = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
} as const;

/**
 * A client's connection. It is read as one request at a time, however many were sent ahead (RFC 9112 section 9.3.2): what
 * comes behind a request is not looked at before that one is through, and not at all where its answer ends the connection.
 */
export class InboundConnection implements OnRoll {
  place = 0;
  readonly #socket: Socket;
  readonly #bounds: InboundBounds;
  readonly #listener: InboundListener;
  readonly #client: { readonly peer: string; readonly isEncrypted: boolean };
  /** `behind`: all of the request has come. */
  #phase: 'head' | 'body' | 'behind' | 'over' = 'head';
  /** The start of a head of which the end has not come. */
  #begun: Buffer = NOTHING;
  #request: InboundRequest | null = null;
  #answer: InboundAnswer | null = null;
  /** Of a body with a length, in bytes. */
  #left = 0;
  #chunks: ChunkReader | null = null;
  /** What came behind the request. */
  #ahead: Buffer[] = [];
  #aheadBytes = 0;
  readonly #patience = new Patience();

  constructor(socket: Socket, bounds: InboundBounds, listener: InboundListener) {
    this.#socket = socket;
    this.#bounds = bounds;
    this.#listener = listener;
    this.#client = { peer: plainAddress(socket.remoteAddress ?? ''), isEncrypted: 'encrypted' in socket };
    socket.on('data', this.#take).on('end', this.#ended).on('drain', this.#drained);
    socket.on('close', this.#closed).on('error', ignore);
  }

  /** Whether it has been served and nothing more has come. */
  get isIdle(): boolean {
    return this.#patience.awaited === 'request' && this.#ahead.length === 0;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends it where the client has taken too long. */
  endIfLate(now: number): void {
    const patience = this.#patience;
    if (!patience.isOver(now, this.#bounds.timeouts, this.#socket.writableLength)) return;
    if (patience.awaited === 'head') this.#refuse(408);
    else if (patience.awaited === 'reading' && this.#answer !== null) this.#answer.breakOff();
    else this.#socket.destroy();
  }

  readonly #take = (bytes: Buffer): void => {
    if (this.#phase === 'over') return;
    try {
      const at = this.#phase === 'head' ? this.#takeHead(bytes) : 0;
      // Also in the tick of its head: a request whose body cannot be read is not begun.
      this.#takeBehindHead(bytes, at);
    } catch (error) {
      this.#refuse(error instanceof HeadTooLarge ? 431 : 400);
    }
  };

  #takeBehindHead(bytes: Buffer, from: number): void {
    if (this.#phase === 'body') this.#takeBody(bytes, from);
    else if (this.#phase === 'behind') this.#keep(bytes, from);
    const request = this.#request;
    if (request !== null && this.#answer === null) this.#serve(request);
  }

  /** Returns where the head ended, or the bytes. */
  #takeHead(bytes: Buffer): number {
    const before = this.#begun.length;
    const all = before === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    let start = 0;
    // RFC 9112 section 2.2 has empty lines before a request ignored.
    while (all[start] === CR && all[start + 1] === LF) start += 2;
    const end = all.indexOf(HEAD_END, Math.max(start, before - HEAD_END.length + 1));
    // A part of the empty line may have come already.
    const length = (end === -1 ? all.length - HEAD_END.length + 1 : end) - start;
    if (length > this.#bounds.headerBytes) throw new HeadTooLarge('too many bytes');
    if (end === -1) {
      this.#keepBegun(all.subarray(start), Math.max(0, before - start));
      return bytes.length;
    }
    this.#begun = NOTHING;
    this.#patience.await(null);
    const head = readRequestHead(all.toString('latin1', start, end));
    this.#begin(head);
    return bytes.length - (all.length - end - HEAD_END.length);
  }

  #keepBegun(begun: Buffer, looked: number): void {
    this.#begun = begun;
    if (begun.length === 0) return;
    // What would never become a head is not waited for.
    const from = looked > 0 && begun[looked - 1] === CR ? looked - 1 : looked;
    if (NO_START.test(begun.toString('latin1', from)) || !startsWell(begun))
      throw new UnreadableMessage('no request of HTTP/1.x');
    this.#begun = begun;
    if (this.#patience.awaited === 'request') this.#patience.await('head');
  }

  #begin(head: InboundHead): void {
    this.#request = new InboundRequest(head, this.#client, this.#socket);
    this.#left = head.contentLength ?? 0;
    this.#chunks = head.isChunked ? new ChunkReader() : null;
    this.#phase = this.#request.hasBody ? 'body' : 'behind';
  }

  #takeBody(bytes: Buffer, from: number): void {
    const request = this.#request as InboundRequest;
    if (this.#patience.awaited === 'rest') this.#patience.renew();
    let at = from;
    if (this.#chunks !== null) {
      at = this.#chunks.take(bytes, from, { data: (part) => request.push(part) });
      if (!this.#chunks.isOver) return;
    } else if (from < bytes.length) {
      at = Math.min(bytes.length, from + this.#left);
      this.#left -= at - from;
      request.push(bytes.subarray(from, at));
    }
    if (this.#chunks === null && this.#left > 0) return;
    // Whoever takes it may have given its last answer.
    if (this.#phase !== 'body') return;
    this.#phase = 'behind';
    this.#keep(bytes, at);
    request.finish();
  }

  #keep(bytes: Buffer, from: number): void {
    if (from === bytes.length) return;
    this.#ahead.push(from === 0 ? bytes : bytes.subarray(from));
    this.#aheadBytes += bytes.length - from;
    // It goes on when there is room again; until then nobody hears whether the client leaves.
    if (this.#aheadBytes > MAX_AHEAD_BYTES) this.#socket.pause();
    if (this.#ahead.length > MAX_AHEAD_PARTS) this.#ahead = [Buffer.concat(this.#ahead)];
  }

  #serve(request: InboundRequest): void {
    const { head } = request;
    const { upgrade } = this.#listener;
    if (upgrade !== null && (head.isUpgrade || isConnect(head))) return this.#handOver(request, upgrade);
    if (isConnect(head)) return this.destroy();
    const answer = new InboundAnswer({
      socket: this.#socket,
      head,
      idleSeconds: Math.floor(this.#bounds.timeouts.idleMs / 1000),
      isHeldUp: () => this.#patience.await('reading'),
      sendLast: (text, sent) => this.#sendLast(text, sent),
      answered: (keeps) => keeps && this.#answered(request),
    });
    this.#answer = answer;
    this.#listener.request(request, answer);
  }

  #handOver(request: InboundRequest, upgrade: NonNullable<InboundListener['upgrade']>): void {
    const socket = this.#socket;
    this.#phase = 'over';
    socket.off('data', this.#take).off('end', this.#ended).off('drain', this.#drained).pause();
    // A WebSocket's sides end one after the other.
    socket.allowHalfOpen = true;
    upgrade(request, socket, Buffer.concat(this.#ahead));
  }

  /** Nothing that comes from now on is looked at. */
  #sendLast(text: string, sent?: (error?: Error | null) => void): void {
    this.#phase = 'over';
    this.#patience.await('reading');
    // Not back to whoever lets go of it, who would hold the client back.
    this.#request?.give({ data: ignore, end: ignore });
    sendLastAnswer(this.#socket, text, (error) => {
      this.#patience.await(null);
      sent?.(error);
    });
  }

  #answered(request: InboundRequest): void {
    if (request.isComplete) this.#next();
    else {
      // A client that sends all of its body before it reads would else wait for ever.
      this.#patience.await('rest');
      request.give({ data: ignore, end: () => this.#next() });
    }
  }

  #next(): void {
    this.#request = null;
    this.#answer = null;
    this.#patience.await('request');
    if (this.#ahead.length === 0) {
      this.#phase = 'head';
      return;
    }
    // Others have their turn as well.
    setImmediate(() => {
      if (this.#phase === 'over' || this.#socket.destroyed) return;
      this.#socket.resume();
      const ahead = this.#ahead.length === 1 ? (this.#ahead[0] as Buffer) : Buffer.concat(this.#ahead);
      this.#ahead = [];
      this.#aheadBytes = 0;
      this.#phase = 'head';
      this.#take(ahead);
    });
  }

  readonly #drained = (): void => this.#answer?.watcher?.drained();

  readonly #ended = (): void => {
    if (this.#phase === 'head' && this.#begun.length > 0) this.#refuse(400);
    // Whoever ends its side has left. What is on its way out already still goes.
    else if (this.#answer?.isEnding === true) this.#phase = 'over';
    else if (this.#phase !== 'over') this.#socket.destroy();
  };

  readonly #closed = (): void => {
    this.#phase = 'over';
    this.#patience.await(null);
    this.#answer?.leave();
  };

  #refuse(status: keyof typeof PHRASES): void {
    const { peer } = this.#client;
    const answer = this.#answer;
    if (this.#phase === 'over') return;
    if (answer !== null && answer.hasBegun) {
      this.#socket.destroy();
      return;
    }
    this.#sendLast(`HTTP/1.1 ${status} ${PHRASES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    if (answer === null) this.#listener.refused(status, peer, this.#request?.head ?? null);
    else {
      answer.refusedAs = status;
      // This also ends what was sent upstream.
      answer.leave();
    }
  }
}

/** The start of an empty line, or of a method. */
function startsWell(begun: Buffer): boolean {
  return begun[0] === CR || METHOD_START.test(begun.toString('latin1', 0, LONGEST_METHOD + 1));
}

function isConnect({ method }: InboundHead): boolean {
  return method === 'CONNECT';
}

function ignore(): void {
  // The `close` that follows every error is what counts.
}
