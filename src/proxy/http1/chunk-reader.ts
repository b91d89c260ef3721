import { UnreadableMessage } from './fields.ts';

/** Of a size with its extension, and of a line of the trailer. */
const MAX_LINE_BYTES = 4 * 1024;
/** Of the whole trailer, which nobody gets. */
const MAX_TRAILER_BYTES = 16 * 1024;
/** As many digits as a number holds exactly. */
const SIZE = /^[\dA-Fa-f]{1,13}/;
/** RFC 9112 section 7.1.1, without the blanks that nobody writes; what it says is dropped. */
const EXTENSIONS =
  /^(?:;[!#$%&'*+\-.^_`|~\dA-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~\dA-Za-z]+|"(?:[\t\x20!#-[\]-~\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*$/;
/** RFC 9112 section 7.1.2; what it says is dropped. What would say where the answer ends stands in its head or nowhere. */
const TRAILER_LINE =
  /^(?!(?:content-length|transfer-encoding):)[!#$%&'*+\-.^_`|~\dA-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/i;
const CR = 0x0d;
const LF = 0x0a;

type Phase = 'size' | 'data' | 'behind-data' | 'trailer' | 'over';

/** Reads a body in chunks (RFC 9112 section 7.1), strictly: lines end with CRLF, and sizes are hex digits. */
export class ChunkReader {
  #phase: Phase = 'size';
  /** The start of a line of which the end has not come, each byte a character. */
  #line = '';
  /** Of the chunk, in bytes. */
  #left = 0;
  #trailerBytes = 0;

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** Takes bytes from `at` on and returns where it stopped: at their end, or behind the body's. Throws `UnreadableMessage`. */
  take(bytes: Buffer, from: number, to: { data(part: Buffer): void }): number {
    let at = from;
    while (at < bytes.length && this.#phase !== 'over') {
      if (this.#phase === 'data') {
        const end = Math.min(bytes.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#phase = 'behind-data';
        to.data(bytes.subarray(at, end));
        at = end;
        continue;
      }
      const end = bytes.indexOf(LF, at);
      const stop = end === -1 ? bytes.length : end + 1;
      this.#line += bytes.toString('latin1', at, stop);
      at = stop;
      if (this.#line.length > MAX_LINE_BYTES) throw new UnreadableMessage('a line of a chunk too large');
      if (end !== -1) this.#takeLine();
    }
    return at;
  }

  #takeLine(): void {
    const line = this.#line.slice(0, -2);
    if (this.#line.charCodeAt(this.#line.length - 2) !== CR)
      throw new UnreadableMessage('a bare LF in a chunk');
    this.#line = '';
    if (this.#phase === 'size') {
      const digits = SIZE.exec(line)?.[0] ?? '';
      if (digits === '' || (digits.length < line.length && !EXTENSIONS.test(line.slice(digits.length))))
        throw new UnreadableMessage('a size of a chunk that is none');
      this.#left = Number.parseInt(digits, 16);
      this.#phase = this.#left === 0 ? 'trailer' : 'data';
    } else if (this.#phase === 'behind-data') {
      if (line !== '') throw new UnreadableMessage('a chunk longer than its size');
      this.#phase = 'size';
    } else if (line === '') this.#phase = 'over';
    else {
      this.#trailerBytes += line.length;
      if (!TRAILER_LINE.test(line) || this.#trailerBytes > MAX_TRAILER_BYTES)
        throw new UnreadableMessage('a trailer that is none');
    }
  }
}
