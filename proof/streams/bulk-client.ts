import { connect, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { sendBytes, type Tally } from './bulk-origin.ts';

/** Reads an answer of so many bytes. */
export async function download(port: number, count: number): Promise<Tally> {
  const tally: Tally = { bytes: 0, checksum: 0 };
  const socket = await open(port);
  socket.write(`GET /down?${count} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await read(socket, (body) => {
    tally.bytes += body.length;
    tally.checksum = crc32(body, tally.checksum);
    return tally.bytes >= count;
  });
  return tally;
}

/** Sends so many bytes and waits for the answer. */
export async function upload(port: number, count: number): Promise<Tally> {
  const tally: Tally = { bytes: 0, checksum: 0 };
  const socket = await open(port);
  socket.write(`POST /up HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${count}\r\n\r\n`);
  const answered = read(socket, () => false);
  await sendBytes(socket, count, tally);
  await answered;
  return tally;
}

/** Milliseconds that each event took from the upstream to here. */
export async function readEvents(port: number, count: number): Promise<number[]> {
  const latencies: number[] = [];
  const socket = await open(port);
  socket.write(`GET /events?${count} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await read(socket, (body) => {
    const now = performance.now();
    for (const [, sentAt] of body.toString('latin1').matchAll(/data: ([\d.]+)\n\n/g))
      latencies.push(now - Number(sentAt));
    return false;
  });
  return latencies;
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', () => undefined);
  return socket;
}

/** Hands out what comes behind the head, until it is enough or the connection ends. */
function read(socket: Socket, enough: (body: Buffer) => boolean): Promise<void> {
  return new Promise((resolve) => {
    let head: Buffer | null = Buffer.alloc(0);
    socket.once('close', () => resolve());
    socket.on('data', (bytes: Buffer) => {
      let body = bytes;
      if (head !== null) {
        head = Buffer.concat([head, bytes]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        body = head.subarray(end + 4);
        head = null;
      }
      if (enough(body)) socket.destroy();
    });
  });
}
