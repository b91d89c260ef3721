import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** The connections of each server that listens. Those that were upgraded are in no list of http.Server. */
const connections = new WeakMap<Server, Set<Socket>>();

/** Listens and returns the port; a port of 0 asks the system for a free one. Rejects with what was tried. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  const open = new Set<Socket>();
  connections.set(server, open);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Error(`cannot listen on ${host}:${port}: ${error.message}`));
    });
    server.listen(port, host, () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/**
 * Ends a server: no new connections, idle ones closed at once, all others, upgraded ones among them, when `graceMs` is
 * over at the latest.
 */
export function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      for (const socket of connections.get(server) ?? []) socket.destroy();
    }, graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
