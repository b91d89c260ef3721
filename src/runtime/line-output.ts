import type { Writable } from 'node:stream';

const CHUNK_CHARACTERS = 16 * 1024;
/** Beyond this, lines are dropped: a reader that has stopped must not cost memory, let alone the traffic. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

/** Writes lines to a stream, several at a time, and never waits for its reader. */
export class LineOutput {
  readonly #stream: Writable;
  #lines = '';

  constructor(stream: Writable) {
    this.#stream = stream;
    // The reader may leave; the traffic goes on.
    stream.on('error', () => undefined);
  }

  write(line: string): void {
    this.#lines += line;
    if (this.#lines.length >= CHUNK_CHARACTERS) this.flush();
  }

  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '' && this.#stream.writableLength < WAITING_BYTES_MAX) this.#stream.write(lines);
  }
}
