import type { Socket } from 'node:net';
import { FrameBoundary } from './frame-boundary.ts';

export interface TunnelOptions {
  /** How long one side may go on alone once the other has ended, and how long a close frame waits for its answer. */
  readonly lingerMs: number;
  /** Without a byte in either direction for this long (at most a quarter more) the WebSocket is ended; null: never. */
  readonly idleMs: number | null;
}

/** Bytes after the handshake: `bytesIn` from the client, `bytesOut` to it. */
export interface TunnelBytes {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** RFC 6455 section 7.4.1: the endpoint is going away. */
export const GOING_AWAY = 1001;

/**
 * An open WebSocket between two sockets that are piped into each other already. It adds what pipes lack: when one
 * side ends, fails or falls silent, both are gone soon after; and it can end the WebSocket in good order.
 */
export class Tunnel {
  /** Fulfilled when both sockets are closed; never rejected. */
  readonly closed: Promise<TunnelBytes>;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #lingerMs: number;
  readonly #frames = new FrameBoundary();
  readonly #bytesBefore: number;
  #bytesOut = 0;
  /** `ending` waits for the end of the frame under way; once `ended`, nothing more goes to the client. */
  #phase: 'passing' | 'ending' | 'ended' = 'passing';
  #closeCode = GOING_AWAY;
  #linger: NodeJS.Timeout | null = null;
  #idle: NodeJS.Timeout | null = null;

  /** MUST be made in the tick in which the sockets were piped, so that no byte goes by unseen. */
  constructor(client: Socket, upstream: Socket, { lingerMs, idleMs }: TunnelOptions) {
    this.#client = client;
    this.#upstream = upstream;
    this.#lingerMs = lingerMs;
    this.#bytesBefore = upstream.bytesWritten;
    upstream.on('data', (chunk: Buffer) => {
      this.#follow(chunk);
    });
    const both = [client, upstream].map(
      (side) =>
        new Promise<void>((resolve) => {
          side.once('end', () => {
            this.#endSoon();
          });
          side.once('close', () => {
            this.#endSoon();
            resolve();
          });
        }),
    );
    if (idleMs !== null) this.#watch(idleMs);
    this.closed = Promise.all(both).then(() => {
      if (this.#linger !== null) clearTimeout(this.#linger);
      if (this.#idle !== null) clearInterval(this.#idle);
      return { bytesIn: this.#bytesIn(), bytesOut: this.#bytesOut };
    });
  }

  /**
   * Ends the WebSocket: the client gets a close frame with `code` after the frame that is under way, nothing after
   * it, and its answer still reaches the upstream, whose closing handshake that is. Both are closed after
   * `lingerMs` at the latest. Repeated calls change nothing.
   */
  end(code: number): void {
    if (this.#phase !== 'passing') return;
    this.#phase = 'ending';
    this.#closeCode = code;
    this.#endSoon();
    this.#upstream.unpipe(this.#client);
    if (this.#frames.between) this.#sendClose();
    this.#upstream.resume();
  }

  #follow(chunk: Buffer): void {
    if (this.#phase === 'ended') return;
    if (this.#phase === 'passing') {
      this.#bytesOut += chunk.length;
      this.#frames.pass(chunk);
      return;
    }
    const rest = chunk.subarray(0, this.#frames.passFrame(chunk));
    this.#bytesOut += rest.length;
    if (!this.#client.write(rest)) {
      this.#upstream.pause();
      this.#client.once('drain', () => this.#upstream.resume());
    }
    if (this.#frames.between) this.#sendClose();
  }

  #sendClose(): void {
    this.#phase = 'ended';
    if (this.#frames.closed || !this.#client.writable) return;
    const code = this.#closeCode;
    this.#client.write(Buffer.from([0x88, 0x02, code >> 8, code & 0xff]));
  }

  #endSoon(): void {
    this.#linger ??= setTimeout(() => {
      this.#client.destroy();
      this.#upstream.destroy();
    }, this.#lingerMs);
  }

  #watch(idleMs: number): void {
    let seen = 0;
    let quiet = 0;
    this.#idle = setInterval(() => {
      const bytes = this.#bytesIn() + this.#bytesOut;
      quiet = bytes === seen ? quiet + 1 : 0;
      seen = bytes;
      if (quiet >= 4) this.end(GOING_AWAY);
    }, idleMs / 4);
  }

  #bytesIn(): number {
    return this.#upstream.bytesWritten - this.#bytesBefore;
  }
}
