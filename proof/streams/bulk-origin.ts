import { createServer, type AddressInfo, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';

const BLOCK = Buffer.alloc(256 * 1024, 'what goes up comes down as it was, ');

/** Bytes sent or received, and their checksum. */
export interface Tally {
  bytes: number;
  checksum: number;
}

export interface BulkOrigin {
  readonly origin: string;
  /** Of the last upload, as it arrived. */
  readonly uploaded: Tally;
  /** Of the last download, as it was sent. */
  readonly downloaded: Tally;
  stop(): Promise<void>;
}

/**
 * An upstream on bare sockets: `GET /down?N` is answered with N bytes, `POST` is counted to its end, and `GET /events?N`
 * is N events, one each ten milliseconds, that say when they were sent.
 */
export async function startBulkOrigin(): Promise<BulkOrigin> {
  const uploaded: Tally = { bytes: 0, checksum: 0 };
  const downloaded: Tally = { bytes: 0, checksum: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    let head = '';
    const readHead = (bytes: Buffer): void => {
      const before = head.length;
      head += bytes.toString('latin1');
      const end = head.indexOf('\r\n\r\n') + 4;
      if (end < 4) return;
      socket.off('data', readHead);
      const count = Number(/^GET \/\w+\?(\d+) /.exec(head)?.[1] ?? 0);
      if (head.startsWith('GET /events')) void sendEvents(socket, count);
      else if (head.startsWith('GET')) void answerWith(socket, count, downloaded);
      else
        takeUpload(
          socket,
          Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0),
          uploaded,
          bytes.subarray(end - before),
        );
      head = '';
    };
    socket.on('data', readHead);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    uploaded,
    downloaded,
    stop: async () => {
      const stopped = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await stopped;
    },
  };
}

/** Writes so many bytes as fast as they are taken. */
export async function sendBytes(socket: Socket, count: number, tally: Tally): Promise<void> {
  Object.assign(tally, { bytes: 0, checksum: 0 });
  const closed = new Promise<void>((resolve) => socket.once('close', resolve));
  while (tally.bytes < count && !socket.destroyed) {
    const piece = BLOCK.subarray(0, Math.min(BLOCK.length, count - tally.bytes));
    tally.bytes += piece.length;
    tally.checksum = crc32(piece, tally.checksum);
    if (!socket.write(piece))
      await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  }
}

async function answerWith(socket: Socket, count: number, tally: Tally): Promise<void> {
  socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${count}\r\n\r\n`);
  await sendBytes(socket, count, tally);
  socket.end();
}

function takeUpload(socket: Socket, length: number, tally: Tally, first: Buffer): void {
  Object.assign(tally, { bytes: 0, checksum: 0 });
  const take = (bytes: Buffer): void => {
    tally.bytes += bytes.length;
    tally.checksum = crc32(bytes, tally.checksum);
    if (tally.bytes >= length)
      socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  };
  socket.on('data', take);
  take(first);
}

async function sendEvents(socket: Socket, count: number): Promise<void> {
  socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n');
  for (let i = 0; i < count && !socket.destroyed; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    socket.write(`data: ${performance.now()}\n\n`);
  }
  socket.end();
}
