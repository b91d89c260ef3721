import { ChunkReader } from '../http1/chunk-reader.ts';
import { UnreadableMessage } from '../http1/fields.ts';
import { readAnswerHead, type AnswerHead } from './answer-head.ts';

/** Told of one answer, in this order, and of nothing behind its end. */
export interface AnswerListener {
  /** A head of status 1xx; another one follows. */
  interim(status: number): void;
  head(head: AnswerHead): void;
  /** A part of the body, in memory that is used again: whoever keeps it MUST copy it. */
  data(part: Buffer): void;
  end(): void;
}

/** A head of more bytes, without the empty line, is not read. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** Each is a sign of life to whoever waits for the answer, so that there has to be an end of them. */
export const MAX_INTERIM = 100;
const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);
const SWITCHING_PROTOCOLS = 101;

type Phase = 'head' | 'length' | 'chunks' | 'until-close' | 'over';

/** Reads the bytes of a connection as the answer to one request: its interim heads, its head, its body and its end. */
export class AnswerReader {
  readonly #listener: AnswerListener;
  /** An answer to HEAD has no body, whatever its head says. */
  readonly #isToHead: boolean;
  #phase: Phase = 'head';
  /** The start of a head of which the end has not come. */
  #begun: Buffer = NOTHING;
  /** Of a body with a length, in bytes. */
  #left = 0;
  #chunks: ChunkReader | null = null;
  #head: AnswerHead | null = null;
  #interim = 0;

  constructor(listener: AnswerListener, isToHead: boolean) {
    this.#listener = listener;
    this.#isToHead = isToHead;
  }

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** What the final head said; null while it has not come. */
  get head(): AnswerHead | null {
    return this.#head;
  }

  /**
   * Takes the next bytes and returns how many of them belong to the answer; fewer than all only where it is over.
   * Throws `UnreadableMessage`; the reader MUST NOT be used after that.
   */
  take(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#phase !== 'over') {
      if (this.#phase === 'head') at = this.#takeHead(bytes, at);
      else if (this.#phase === 'length') at = this.#takeLength(bytes, at);
      else if (this.#phase === 'chunks') at = this.#takeChunks(bytes, at);
      else {
        this.#listener.data(at === 0 ? bytes : bytes.subarray(at));
        at = bytes.length;
      }
    }
    return at;
  }

  /** The connection has ended in order; returns whether the answer is whole. */
  close(): boolean {
    if (this.#phase === 'until-close') this.#end();
    return this.#phase === 'over';
  }

  #takeHead(bytes: Buffer, at: number): number {
    const before = this.#begun.length;
    const all = before === 0 ? bytes : Buffer.concat([this.#begun, bytes.subarray(at)]);
    const start = before === 0 ? at : 0;
    // The end may stand astride of what came before.
    const end = all.indexOf(HEAD_END, Math.max(start, before - HEAD_END.length + 1));
    // A part of the empty line may have come already.
    const length = (end === -1 ? all.length - HEAD_END.length + 1 : end) - start;
    if (length > MAX_HEAD_BYTES) throw new UnreadableMessage('a head too large');
    if (end === -1) {
      checkBegun(all, start);
      this.#begun = Buffer.from(all.subarray(start));
      return bytes.length;
    }
    this.#begun = NOTHING;
    this.#takeWholeHead(readAnswerHead(all.toString('latin1', start, end)));
    return bytes.length - (all.length - end - HEAD_END.length);
  }

  #takeWholeHead(head: AnswerHead): void {
    const { status, isChunked, contentLength } = head;
    if (status === SWITCHING_PROTOCOLS) throw new UnreadableMessage('a switch of protocols');
    if (status < 200) {
      if (!head.keepsAlive) throw new UnreadableMessage('an end before the answer');
      if (++this.#interim > MAX_INTERIM) throw new UnreadableMessage('too many interim heads');
      this.#listener.interim(status);
      return;
    }
    this.#head = head;
    this.#listener.head(head);
    const hasNoBody = this.#isToHead || status === 204 || status === 304;
    if (hasNoBody || contentLength === 0) this.#end();
    else if (isChunked) {
      this.#phase = 'chunks';
      this.#chunks = new ChunkReader();
    } else if (contentLength === null) this.#phase = 'until-close';
    else {
      this.#phase = 'length';
      this.#left = contentLength;
    }
  }

  #takeLength(bytes: Buffer, at: number): number {
    const to = Math.min(bytes.length, at + this.#left);
    this.#left -= to - at;
    this.#listener.data(bytes.subarray(at, to));
    if (this.#left === 0) this.#end();
    return to;
  }

  #takeChunks(bytes: Buffer, at: number): number {
    const chunks = this.#chunks as ChunkReader;
    const to = chunks.take(bytes, at, this.#listener);
    if (chunks.isOver) this.#end();
    return to;
  }

  #end(): void {
    this.#phase = 'over';
    this.#listener.end();
  }
}

const START = Buffer.from('HTTP/1.');

/** What speaks another protocol may wait for us to go on, and would be waited for. */
function checkBegun(bytes: Buffer, start: number): void {
  const length = Math.min(bytes.length - start, START.length);
  if (bytes.compare(START, 0, length, start, start + length) !== 0)
    throw new UnreadableMessage('no status line of HTTP/1.x');
}
