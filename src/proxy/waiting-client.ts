import type { Socket } from 'node:net';

/** Bytes kept. RFC 6455 section 4.1 has the client wait for the answer, so this is more than any should send. */
const EARLY_MAX = 65_536;

/**
 * A client's socket between its upgrade request and the answer. It is read all the time, because a socket nobody
 * reads does not tell that its peer has left; what comes early is kept for the upstream. Beyond 64 KiB reading stops.
 */
export class WaitingClient {
  readonly #socket: Socket;
  readonly #gone: () => void;
  #early: Buffer[];
  #bytes: number;

  /** `gone` is called at most once, and not after `release` or `discard`. A FIN counts: WebSockets know no half-close. */
  constructor(socket: Socket, head: Buffer, gone: () => void) {
    this.#socket = socket;
    this.#gone = gone;
    this.#early = head.length > 0 ? [head] : [];
    this.#bytes = head.length;
    socket.on('data', this.#keep);
    socket.once('end', this.#leave).once('close', this.#leave).resume();
  }

  /** Gives the socket back paused, with everything the client has sent still in it. */
  release(): void {
    this.#stop();
    this.#socket.pause();
    if (this.#early.length > 0) this.#socket.unshift(Buffer.concat(this.#early));
  }

  /** Gives the socket back with what it sends being dropped: unread bytes would turn a later close into a reset. */
  discard(): void {
    this.#stop();
    this.#socket.resume();
  }

  #keep = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > EARLY_MAX) this.#socket.pause();
  };

  #leave = (): void => {
    this.#stop();
    this.#gone();
  };

  #stop(): void {
    this.#socket.off('data', this.#keep).off('end', this.#leave).off('close', this.#leave);
  }
}
