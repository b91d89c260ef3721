/** The longest frame header of RFC 6455 section 5.2: two bytes, an eight-byte length, a four-byte mask. */
const HEADER_MAX = 14;
const CLOSE = 0x8;

/**
 * Follows one direction of a WebSocket and knows where its frames end (RFC 6455 section 5.2), so that a frame of
 * our own is never written into the middle of another one. It looks at frame headers only, keeps no payload, and
 * any bytes at all are safe to give it.
 */
export class FrameBoundary {
  readonly #header = Buffer.alloc(HEADER_MAX);
  #headerBytes = 0;
  /** Payload bytes of the current frame that are still to come. */
  #left = 0;
  #closed = false;

  /** Whether what has gone by so far ends with a whole frame. */
  get between(): boolean {
    return this.#left === 0 && this.#headerBytes === 0;
  }

  /** Whether a close frame has gone by; nothing may be sent after it. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Takes the whole chunk. */
  pass(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at = this.#step(chunk, at);
  }

  /** Takes bytes up to the end of the current frame and says how many; all of them where the frame goes on. */
  passFrame(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length && !this.between) at = this.#step(chunk, at);
    return at;
  }

  #step(chunk: Buffer, at: number): number {
    if (this.#left > 0) {
      const taken = Math.min(this.#left, chunk.length - at);
      this.#left -= taken;
      return at + taken;
    }
    this.#header[this.#headerBytes++] = chunk[at] ?? 0;
    this.#readHeader();
    return at + 1;
  }

  #readHeader(): void {
    if (this.#headerBytes < 2) return;
    const second = this.#header[1] ?? 0;
    const short = second & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const maskBytes = second >= 0x80 ? 4 : 0;
    if (this.#headerBytes < 2 + lengthBytes + maskBytes) return;
    this.#left =
      lengthBytes === 8
        ? Number(this.#header.readBigUInt64BE(2))
        : lengthBytes === 2
          ? this.#header.readUInt16BE(2)
          : short;
    if (((this.#header[0] ?? 0) & 0x0f) === CLOSE) this.#closed = true;
    this.#headerBytes = 0;
  }
}
