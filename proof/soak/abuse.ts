import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../revocation/random.ts';

/** What somebody does to a gate, once. `text` is the head of a valid request to the path, without its last line. */
export type Abuse = (port: number, head: (start: string) => string, random: Random) => Promise<void>;

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
/** How long one waits for the gate to end what it should end. */
const PATIENCE_MS = 6000;

export const ABUSES: Readonly<Record<string, Abuse>> = {
  async 'resets at any moment'(port, head, random) {
    const socket = await open(port);
    socket.write(
      `${head(random.oneOf(['GET /', 'GET /large', 'GET /silent', 'POST /']))}Content-Length: 0\r\n\r\n`,
    );
    await pause(random.between(0, 50));
    socket.resetAndDestroy();
  },
  async 'headers byte by byte'(port, head, random) {
    const socket = await open(port);
    const bytes = `${head('GET /')}X-Slow: ${'a'.repeat(200)}`;
    for (let i = 0; i < bytes.length && !socket.destroyed; i++) {
      socket.write(bytes[i] ?? '');
      await pause(random.between(20, 100));
    }
    await closed(socket);
  },
  async 'half-closed sockets'(port, head, random) {
    const socket = await open(port);
    const bytes = `${head(random.oneOf(['GET /', 'GET /silent', 'POST /']))}Content-Length: 10\r\n\r\n12345`;
    socket.end(bytes.slice(0, random.below(bytes.length)));
    await closed(socket);
  },
  async 'oversized headers'(port, head) {
    const socket = await open(port);
    socket.write(`${head('GET /')}X-Large: ${'a'.repeat(40_000)}\r\n\r\n`);
    await closed(socket);
  },
  async 'aborted upgrades'(port, head, random) {
    const socket = await open(port);
    socket.write(`${head(random.oneOf(['GET /socket', 'GET /silent', 'GET /']))}${UPGRADE}\r\n`);
    if (random.chance(0.5)) socket.write(Buffer.from([0x81, 0x85, 1, 2]));
    await pause(random.between(0, 100));
    socket.resetAndDestroy();
  },
  async 'answers that nobody reads'(port, head, random) {
    const socket = await open(port);
    socket.pause();
    socket.write(`${head('GET /large')}\r\n`);
    await pause(random.between(100, 1000));
    socket.destroy();
  },
  async 'uploads that stop'(port, head, random) {
    const socket = await open(port);
    socket.write(`${head('POST /')}Content-Length: 1000000\r\n\r\n`);
    for (let i = 0; i < 5 && !socket.destroyed; i++) {
      socket.write(Buffer.alloc(10_000));
      await pause(random.between(0, 40));
    }
    socket.destroy();
  },
  async 'bodies that are no chunks'(port, head) {
    const socket = await open(port);
    socket.write(`${head('POST /')}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nno chunk\r\n`);
    await closed(socket);
  },
  async 'requests sent ahead and left'(port, head) {
    const socket = await open(port);
    socket.write(`${head('GET /')}\r\n`.repeat(40));
    await pause(200);
    socket.resetAndDestroy();
  },
};

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined).resume();
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), closed(socket)]);
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const late = setTimeout(() => socket.destroy(), PATIENCE_MS);
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(late);
}
