import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  Connection,
  IDLE_MS,
  type Caller,
  type ConnectionEvents,
  type UpstreamRequest,
} from './connection.ts';

/** One for all: what is read is taken in the same tick, and copied by whoever keeps it. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);
const TCP_KEEP_ALIVE_MS = 60_000;

export interface PoolOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  /** PEM of the authorities that may vouch for it; null: the public ones. */
  readonly ca: string | null;
  readonly monotonic: () => number;
}

/** The connections to one origin: as many as there are requests under way, the last one that was used first. */
export class Pool implements ConnectionEvents {
  readonly #options: PoolOptions;
  readonly #url: URL;
  readonly #idle: Connection[] = [];
  /** Of the last TLS connection, so that the next one is cheaper. */
  #session: Buffer | undefined;
  #isRetired = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#url = new URL(options.origin);
  }

  /**
   * Returns the connection that carries the request. `again`: one that lay idle has broken off under it; the others may
   * have ended with that one, so it goes on a new one.
   */
  send(request: UpstreamRequest, caller: Caller, again = false): Connection {
    const connection = (again ? null : this.#takeIdle()) ?? this.#open();
    connection.carry(request, caller);
    return connection;
  }

  free(connection: Connection, idleMs: number | null): void {
    if (this.#isRetired) {
      connection.close();
      return;
    }
    if (idleMs !== null) connection.idleUntil = this.#options.monotonic() + idleMs;
    // It has carried nothing yet.
    else if (connection.idleUntil === 0) connection.idleUntil = this.#options.monotonic() + IDLE_MS;
    this.#idle.push(connection);
  }

  closed(connection: Connection): void {
    const place = this.#idle.indexOf(connection);
    if (place !== -1) this.#idle.splice(place, 1);
  }

  /** Closes what has lain idle for too long. */
  sweep(now: number): void {
    for (let i = this.#idle.length - 1; i >= 0; i--) {
      const connection = this.#idle[i];
      if (connection === undefined || connection.idleUntil > now) continue;
      this.#idle.splice(i, 1);
      connection.close();
    }
  }

  /** Idle connections end now, others with what is under way on them. */
  retire(): void {
    this.#isRetired = true;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  #takeIdle(): Connection | null {
    if (this.#idle.length === 0) return null;
    const now = this.#options.monotonic();
    for (let one = this.#idle.pop(); one !== undefined; one = this.#idle.pop()) {
      // Behind a pause of the process nobody has swept, and the end of the upstream has not been read.
      if (one.isOpen && one.idleUntil > now) return one;
      one.close();
    }
    return null;
  }

  #open(): Connection {
    const isEncrypted = this.#url.protocol === 'https:';
    const dial = (take: (bytes: Buffer) => void): Socket =>
      isEncrypted ? this.#dialTls(take) : connect(this.#dialing(take));
    return new Connection(dial, isEncrypted ? 'secureConnect' : 'connect', this);
  }

  #dialing(take: (bytes: Buffer) => void) {
    const { protocol, port, hostname } = this.#url;
    const callback = (bytes: number, buffer: Uint8Array): boolean => {
      take((buffer as Buffer).subarray(0, bytes));
      return true;
    };
    return {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || (protocol === 'https:' ? 443 : 80)),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      onread: { buffer: READ_BUFFER, callback },
    };
  }

  #dialTls(take: (bytes: Buffer) => void): Socket {
    const dialing = this.#dialing(take);
    const { ca } = this.#options;
    const socket = connectTls({
      ...dialing,
      ...(isIP(dialing.host) === 0 ? { servername: dialing.host } : {}),
      ...(ca === null ? {} : { ca }),
      ...(this.#session === undefined ? {} : { session: this.#session }),
      ALPNProtocols: ['http/1.1'],
    });
    socket.on('session', (session) => (this.#session = session));
    socket.once('error', () => (this.#session = undefined));
    return socket;
  }
}
