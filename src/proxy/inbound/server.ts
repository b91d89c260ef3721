import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Roll } from '../roll.ts';
import type { ClientTimeouts } from './patience.ts';
import { InboundConnection, type InboundBounds, type InboundListener } from './connection.ts';

export interface InboundOptions {
  readonly bounds: InboundBounds;
  /** PEM texts; null: in clear. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

/** A server of HTTP/1.1 and 1.0 that does not listen yet. */
export type InboundServer = Server & {
  /** Clients may take this long from now on. */
  adopt(timeouts: ClientTimeouts): void;
  /** Ends the connections that have been served and wait for another request. */
  closeIdleConnections(): void;
};

/** How often late clients are looked for, at most; a client's time begins with the first look behind what it did. */
const SWEEP_MS = 1000;

export function createInboundServer(
  { bounds: { headerBytes, timeouts }, tls }: InboundOptions,
  listener: InboundListener,
): InboundServer {
  const connections = new Roll<InboundConnection>();
  const bounds: InboundBounds = { headerBytes, timeouts };
  const { headerMs } = timeouts;
  const accept = (socket: Socket): void => {
    if (socket.destroyed) return;
    const connection = new InboundConnection(socket, bounds, listener);
    connections.add(connection);
    socket.once('close', () => connections.remove(connection));
  };
  const options = { noDelay: true };
  const server =
    tls === null
      ? createServer(options, accept)
      : createTlsServer(
          { ...options, ...tls, ALPNProtocols: ['http/1.1'], handshakeTimeout: headerMs },
          accept,
        );
  const sweeper = setInterval(
    () => {
      const now = performance.now();
      connections.forEach((connection) => connection.endIfLate(now));
    },
    Math.min(SWEEP_MS, headerMs),
  ).unref();
  server.once('close', () => clearInterval(sweeper));
  server.on('tlsClientError', (_: Error, socket: Socket) => socket.destroy());
  return Object.assign(server, {
    adopt: (next: ClientTimeouts) => {
      bounds.timeouts = next;
    },
    closeIdleConnections: () =>
      connections.forEach((connection) => {
        if (connection.isIdle) connection.destroy();
      }),
  });
}
