import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { httpDate } from './http-date.ts';
import type { InboundHead } from './request-head.ts';

/** Hears of the client while it is being answered. */
export interface ClientWatcher {
  /** It has taken what it was sent; more may follow. */
  drained(): void;
  /** It has left before the end of its answer. */
  left(): void;
}

/** What an answer is written on. */
export interface AnswerLine {
  readonly socket: Socket;
  readonly head: InboundHead;
  /** For how long the client may leave the connection idle, in whole seconds. */
  readonly idleSeconds: number;
  /** A part of the answer is still here, since the client does not read. */
  isHeldUp(): void;
  /** Sends the last bytes of the connection. */
  sendLast(text: string, sent: (error?: Error | null) => void): void;
  /** All of the answer is out. `keeps`: the client may send another request. */
  answered(keeps: boolean): void;
}

/** What no header value may have: control bytes, and characters that are no single byte. */
const UNWRITABLE = /[^\t\x20-\x7e\x80-\xff]/;
const NONE: readonly string[] = [];
const LAST_CHUNK = '0\r\n\r\n';

/**
 * The answer to one request. Text is written each character a byte. Where a connection goes on is said here and nowhere
 * else: what the client, the length of the body and the given fields allow.
 */
export class InboundAnswer {
  watcher: ClientWatcher | null = null;
  /** Fulfilled when all of it is out, or the client has left. */
  readonly closed: Promise<void>;
  /** The status of the bare answer that was given instead, since the body of the request could not be read; null: none was. */
  refusedAs: number | null = null;
  readonly #line: AnswerLine;
  #resolve!: () => void;
  #phase: 'open' | 'begun' | 'ending' | 'over' = 'open';
  /** A head that is written with what follows it. */
  #head: string | null = null;
  #framing: 'length' | 'chunks' | 'close' | 'none' = 'none';
  #keeps = true;

  constructor(line: AnswerLine) {
    this.#line = line;
    this.closed = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Whether nobody waits for it any more. */
  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** All of it has been written, and may be on its way. */
  get isEnding(): boolean {
    return this.#phase === 'ending' || this.#phase === 'over';
  }

  get hasBegun(): boolean {
    return this.#phase !== 'open';
  }

  writeContinue(): void {
    this.#line.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  /**
   * The head goes out with the first part of the body, the end, or `flush`. Both lists are flat: `passed` are fields that
   * were read from a message, `fields` the gate's own, of which each value is looked at once more; names are tokens in
   * both. Date, Connection and the framing are added where they are missing. Throws where a value cannot be written.
   */
  writeHead(
    status: number,
    fields: readonly string[],
    passed: readonly string[] = NONE,
    phrase = STATUS_CODES[status] ?? '',
  ): void {
    const { head, idleSeconds } = this.#line;
    const { method, httpVersion, keepsAlive } = head;
    const stated = new Stated();
    let text = `HTTP/1.1 ${status} ${phrase}\r\n`;
    for (let i = 0; i + 1 < passed.length; i += 2) text += stated.line(passed[i] ?? '', passed[i + 1] ?? '');
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const value = fields[i + 1] ?? '';
      if (UNWRITABLE.test(value)) throw new TypeError('a header cannot be sent');
      text += stated.line(fields[i] ?? '', value);
    }
    if (method === 'HEAD' || status === 204 || status === 304) this.#framing = 'none';
    else if (stated.length) this.#framing = 'length';
    else this.#framing = httpVersion === '1.1' ? 'chunks' : 'close';
    this.#keeps = keepsAlive && !stated.close && this.#framing !== 'close';
    if (!stated.date) text += `Date: ${httpDate()}\r\n`;
    if (this.#keeps) text += `Connection: keep-alive\r\nKeep-Alive: timeout=${idleSeconds}\r\n`;
    else if (!stated.close) text += 'Connection: close\r\n';
    if (this.#framing === 'chunks') text += 'Transfer-Encoding: chunked\r\n';
    this.#head = `${text}\r\n`;
    this.#phase = 'begun';
  }

  /** The head does not wait for a body. */
  flush(): void {
    if (this.#head === null) return;
    this.#line.socket.write(this.#head, 'latin1');
    this.#head = null;
  }

  /** A part of the body. Returns whether more may follow at once; else `watcher` is told. */
  write(part: Buffer | string): boolean {
    const { socket } = this.#line;
    if (this.#framing === 'none' || part.length === 0) return true;
    const head = this.#taken();
    const inChunks = this.#framing === 'chunks';
    const before = inChunks ? `${head}${part.length.toString(16)}\r\n` : head;
    const behind = inChunks ? '\r\n' : '';
    if (typeof part === 'string') return socket.write(before + part + behind, 'latin1');
    if (before === '') return socket.write(part);
    socket.cork();
    socket.write(before, 'latin1');
    let flows = socket.write(part);
    if (inChunks) flows = socket.write(behind, 'latin1');
    socket.uncork();
    return flows;
  }

  /** The end, with the last of the body. */
  end(last = ''): void {
    if (this.#phase === 'over') return;
    let text = this.#taken();
    if (this.#framing === 'chunks')
      text += last === '' ? LAST_CHUNK : `${last.length.toString(16)}\r\n${last}\r\n${LAST_CHUNK}`;
    else if (this.#framing !== 'none') text += last;
    this.#phase = 'ending';
    const { socket } = this.#line;
    if (!this.#keeps) {
      this.#line.sendLast(text, this.#finish);
      return;
    }
    if (text !== '') socket.write(text, 'latin1');
    // Nearly always it is with the system at once.
    if (socket.writableLength === 0) this.#finish();
    else {
      this.#line.isHeldUp();
      socket.write('', 'latin1', this.#finish);
    }
  }

  /** The client must not take half an answer for a whole one. */
  breakOff(): void {
    const { socket, head } = this.#line;
    // To HTTP/1.0 an answer may end with its connection, so that only a reset shows that it broke off.
    if (head.httpVersion === '1.0' && !('encrypted' in socket)) socket.resetAndDestroy();
    else socket.destroy();
    this.leave();
  }

  /** Nobody waits for it any more. Repeated calls, and those behind its end, change nothing. */
  leave(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.watcher?.left();
    this.#resolve();
  }

  readonly #finish = (error?: Error | null): void => {
    if (error) this.leave();
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    this.#resolve();
    this.#line.answered(this.#keeps);
  };

  #taken(): string {
    const head = this.#head ?? '';
    this.#head = null;
    return head;
  }
}

/** What the given fields say, so that it is not said again. */
class Stated {
  length = false;
  date = false;
  close = false;

  /** The line of a field. */
  line(name: string, value: string): string {
    // Most names differ in length already.
    if (name.length === 14 && name.toLowerCase() === 'content-length') this.length = true;
    else if (name.length === 4 && name.toLowerCase() === 'date') this.date = true;
    else if (name.length === 10 && name.toLowerCase() === 'connection')
      this.close ||= value.toLowerCase() === 'close';
    return `${name}: ${value}\r\n`;
  }
}
