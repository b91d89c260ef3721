/** A header line as it stood on the wire, read as latin-1, its value without the spaces around it. */
export type HeaderLine = readonly [name: string, value: string];

export interface MessageHead {
  readonly startLine: string;
  readonly headers: readonly HeaderLine[];
}

export interface Message extends MessageHead {
  /** Without the framing of chunks. */
  readonly body: Buffer;
  /** Every byte of the message, framing included. */
  readonly bytes: Buffer;
  /** False where the connection ended before the message did. */
  readonly complete: boolean;
}

/** Where a message's body ends; the reader MUST be told, since it differs between requests and answers. */
export type Framing = 'none' | 'chunked' | 'until-close' | number;

export interface MessageEvents {
  framing(head: MessageHead): Framing;
  head?(head: MessageHead): void;
  body?(bytes: Buffer): void;
  message(message: Message): void;
}

/** The values of every line of that name, in the order they came. */
export function valuesOf(message: MessageHead, name: string): string[] {
  return message.headers
    .filter((line) => line[0].toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
}

/**
 * Reads HTTP/1.1 messages from a byte stream. It is a second reader beside Node's own on purpose: what the gate
 * wrote is checked by other code than the code that could be wrong. Throws on anything that is not HTTP.
 */
export class MessageReader {
  readonly #events: MessageEvents;
  #waiting: Buffer = Buffer.alloc(0);
  #head: MessageHead | null = null;
  #left: Framing = 'none';
  /** Bytes of the chunk being read that have not come yet; null between chunks. */
  #chunkLeft: number | null = null;
  #body: Buffer[] = [];
  #bytes: Buffer[] = [];

  constructor(events: MessageEvents) {
    this.#events = events;
  }

  push(bytes: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    while (this.#step());
  }

  /** The connection has ended; a message that was under way is handed out as it is. */
  end(): void {
    if (this.#head === null) {
      if (this.#waiting.length > 0) throw new Error(`not a message: ${this.#waiting.toString('latin1')}`);
      return;
    }
    this.#finish(this.#left === 'until-close');
  }

  #step(): boolean {
    if (this.#head === null) return this.#readHead();
    if (this.#left === 'chunked') return this.#readChunk();
    if (this.#left === 'until-close') return this.#readBody(this.#waiting.length) && false;
    const left = this.#left === 'none' ? 0 : this.#left;
    if (left === 0) return this.#finish(true);
    const taken = Math.min(left, this.#waiting.length);
    this.#left = left - taken;
    return this.#readBody(taken);
  }

  #readHead(): boolean {
    const end = this.#waiting.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const [startLine = '', ...lines] = this.#take(end + 4)
      .toString('latin1')
      .slice(0, -4)
      .split('\r\n');
    const headers = lines.map((line): HeaderLine => {
      const colon = line.indexOf(':');
      if (colon < 1) throw new Error(`not a header line: ${line}`);
      return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
    });
    this.#head = { startLine, headers };
    this.#left = this.#events.framing(this.#head);
    this.#events.head?.(this.#head);
    return true;
  }

  #readChunk(): boolean {
    if (this.#chunkLeft === null) {
      const end = this.#waiting.indexOf('\r\n');
      if (end === -1) return false;
      const size = this.#waiting.toString('latin1', 0, end).split(';')[0] ?? '';
      if (!/^[0-9a-f]+$/i.test(size)) throw new Error(`not a chunk size: ${size}`);
      if (Number.parseInt(size, 16) > 0) {
        this.#take(end + 2);
        this.#chunkLeft = Number.parseInt(size, 16);
        return true;
      }
      const trailerEnd = this.#waiting.indexOf('\r\n\r\n', end);
      if (trailerEnd === -1) return false;
      this.#take(trailerEnd + 4);
      return this.#finish(true);
    }
    if (this.#chunkLeft === 0) {
      if (this.#waiting.length < 2) return false;
      if (this.#take(2).toString() !== '\r\n') throw new Error('a chunk is longer than it said');
      this.#chunkLeft = null;
      return true;
    }
    const taken = Math.min(this.#chunkLeft, this.#waiting.length);
    this.#chunkLeft -= taken;
    return this.#readBody(taken);
  }

  #readBody(length: number): boolean {
    if (length === 0) return false;
    const bytes = this.#take(length);
    this.#body.push(bytes);
    this.#events.body?.(bytes);
    return true;
  }

  #take(length: number): Buffer {
    const bytes = this.#waiting.subarray(0, length);
    this.#waiting = this.#waiting.subarray(length);
    this.#bytes.push(bytes);
    return bytes;
  }

  #finish(complete: boolean): boolean {
    const head = this.#head;
    if (head === null) return false;
    const message = { ...head, body: Buffer.concat(this.#body), bytes: Buffer.concat(this.#bytes), complete };
    this.#head = null;
    this.#chunkLeft = null;
    this.#body = [];
    this.#bytes = [];
    this.#events.message(message);
    return this.#waiting.length > 0;
  }
}

/** RFC 9112 section 6.3 for a message whose length its own headers say; `otherwise` where they say nothing. */
export function framingByHeaders(head: MessageHead, otherwise: 'none' | 'until-close'): Framing {
  const codings = valuesOf(head, 'transfer-encoding');
  if (codings.length > 0) return 'chunked';
  const [length] = valuesOf(head, 'content-length');
  return length === undefined ? otherwise : Number(length);
}
