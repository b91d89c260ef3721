import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** As many connections as asked for, open. */
export async function connectAll(origin: string, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(origin);
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await once(socket, 'connect');
      return socket;
    }),
  );
}

/** Waits for the time of the measurement; then nothing more is taken from the connections. */
export async function runFor(seconds: number, sockets: readonly Socket[]): Promise<number> {
  const startedAt = performance.now();
  await sleep(seconds * 1000);
  for (const socket of sockets) socket.destroy();
  return (performance.now() - startedAt) / 1000;
}
