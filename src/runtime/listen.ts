import { isIPv6, type AddressInfo, type Server, type Socket } from 'node:net';

/** The open connections of servers that listen, with when they came. Those that were upgraded are in no list of http.Server. */
const connections = new WeakMap<Server, Map<Socket, number>>();

/** Listens and returns the port; a port of 0 asks the system for a free one. Rejects with what was tried. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  const open = new Map<Socket, number>();
  connections.set(server, open);
  server.on('connection', (socket) => {
    open.set(socket, performance.now());
    socket.once('close', () => open.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(failure(host, port, error)));
    server.listen(port, host, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

const CAUSES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process has this port',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not take this port',
  ENOTFOUND: 'no address has this name',
};

/** What a failed start tells the person who started it. */
function failure(host: string, port: number, error: NodeJS.ErrnoException): Error {
  const why = CAUSES[error.code ?? ''] ?? error.message;
  return new Error(`cannot listen on ${hostAndPort(host, port)}: ${why}`, { cause: error });
}

/** An IPv6 address stands in brackets (RFC 3986 section 3.2.2). */
export function hostAndPort(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

const SWEEP_MS = 50;
/** A connection that has only just come has its request still to bring; ended now, it would be lost. */
const FIRST_REQUEST_MS = 250;

export interface ClosingServer extends Server {
  closeIdleConnections(): void;
}

/** Ends a server: no new connections, idle ones closed, the others, upgraded ones among them, when `graceMs` is over at the latest. */
export function closeServer(server: ClosingServer, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    // Again and again, since an answer that ends now leaves its connection open for another request.
    const sweeping = setInterval(() => closeIdle(server), SWEEP_MS);
    const cutting = setTimeout(() => {
      for (const socket of connections.get(server)?.keys() ?? []) socket.destroy();
    }, graceMs);
    server.close(() => {
      clearInterval(sweeping);
      clearTimeout(cutting);
      resolve();
    });
    closeIdle(server);
  });
}

function closeIdle(server: ClosingServer): void {
  server.closeIdleConnections();
  // A connection on which nothing has come yet is none of those.
  const before = performance.now() - FIRST_REQUEST_MS;
  for (const [socket, openedAt] of connections.get(server) ?? [])
    if (socket.bytesRead === 0 && openedAt < before) socket.destroy();
}
