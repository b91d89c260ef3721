import type { Socket } from 'node:net';
import type { HttpCase } from '../cases.ts';
import { connectAll, runFor } from './connection.ts';
import { Times, type Attempt, type Loaded } from './loaded.ts';

/** Requests one after the other on each connection: what wrk does, where there is none. */
export async function requests(which: HttpCase, attempt: Attempt): Promise<Loaded> {
  const bytes = bytesOf(which, attempt);
  const times = new Times();
  const sockets = await connectAll(attempt.origin, which.connections);
  const pauseMs = attempt.perSecond === null ? 0 : (which.connections / attempt.perSecond) * 1000;
  for (const socket of sockets) repeat(socket, bytes, pauseMs, times);
  return times.after(await runFor(attempt.seconds, sockets));
}

function bytesOf({ method, bodyBytes }: HttpCase, { path, key, headers }: Attempt): Buffer {
  const length = method === 'POST' ? `Content-Length: ${bodyBytes}\r\n` : '';
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\nx-api-key: ${key}\r\n${more.join('')}${length}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bodyBytes, 'x')]);
}

function repeat(socket: Socket, bytes: Buffer, pauseMs: number, times: Times): void {
  let sentAt = 0;
  let left = 0;
  let head = '';
  const send = (): void => {
    if (socket.destroyed) return;
    sentAt = performance.now();
    socket.write(bytes);
  };
  const pause = (): void => {
    if (pauseMs === 0) send();
    else setTimeout(send, Math.random() * 2 * pauseMs);
  };
  socket.on('error', () => times.failed++);
  socket.on('data', (chunk: Buffer) => {
    if (left > 0) left -= chunk.length;
    else {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      if (Number(head.slice(9, 12)) >= 400) times.refused++;
      left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0) - (head.length - end - 4);
      head = '';
    }
    if (left > 0) return;
    times.add(performance.now() - sentAt);
    pause();
  });
  pause();
}
