import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { StreamCase } from '../cases.ts';
import { connectAll, runFor } from './connection.ts';
import { Times, type Attempt, type Loaded } from './loaded.ts';

const MESSAGE_BYTES = 100;
/** A last frame of bytes, masked with zeros, which leave it as it is. */
const FRAME = Buffer.concat([
  Buffer.from([0x82, 0x80 | MESSAGE_BYTES, 0, 0, 0, 0]),
  Buffer.alloc(MESSAGE_BYTES, 'x'),
]);
const ANSWER_BYTES = 2 + MESSAGE_BYTES;

/** WebSockets, each with one message on its way at a time. */
export async function echo({ path, connections }: StreamCase, attempt: Attempt): Promise<Loaded> {
  const times = new Times();
  const sockets = await connectAll(attempt.origin, connections);
  for (const socket of sockets) converse(socket, times);
  const handshake = (): string =>
    `GET ${path} HTTP/1.1\r\nHost: bench\r\nx-api-key: ${attempt.key}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`;
  for (const socket of sockets) socket.write(handshake());
  return times.after(await runFor(attempt.seconds, sockets));
}

function converse(socket: Socket, times: Times): void {
  let head = '';
  let isOpen = false;
  let received = 0;
  let sentAt = 0;
  const send = (): void => {
    sentAt = performance.now();
    socket.write(FRAME);
  };
  socket.on('error', () => times.failed++);
  socket.on('data', (chunk: Buffer) => {
    if (!isOpen) {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      isOpen = true;
      if (head.startsWith('HTTP/1.1 101')) send();
      else times.refused++;
      return;
    }
    received += chunk.length;
    if (received < ANSWER_BYTES) return;
    received -= ANSWER_BYTES;
    times.add(performance.now() - sentAt);
    send();
  });
}
