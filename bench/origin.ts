import { createHash } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * The upstream of the benchmark as a process of its own; it prints its port. It shares its core with the load, so it
 * does no more than it must: it reads a request's first line and length, and answers bytes that lie ready. Targets:
 * `/models` 128 bytes, `/large` 100,000, `/upload` takes a body, `/events` streams, `/echo` is a WebSocket.
 */
const EVENT_MS = 10;
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
const HEAD_END = '\r\n\r\n';

const SMALL = answerOf(128);
const LARGE = answerOf(100_000);
const NO_LENGTH = Buffer.from('HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n');
const EVENTS = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n',
);

const listeners = new Set<Socket>();

function answerOf(bytes: number): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${bytes}\r\n\r\n`;
  return Buffer.from(head + 'x'.repeat(bytes));
}

/** What one connection still expects. */
class Exchange {
  readonly #socket: Socket;
  #bodyLeft = 0;
  #waiting: Buffer = Buffer.alloc(0);
  #echoes = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  take(chunk: Buffer): void {
    if (this.#bodyLeft > chunk.length) {
      this.#bodyLeft -= chunk.length;
      return;
    }
    if (this.#bodyLeft > 0) {
      const rest = chunk.subarray(this.#bodyLeft);
      this.#bodyLeft = 0;
      this.#socket.write(SMALL);
      if (rest.length > 0) this.take(rest);
      return;
    }
    const bytes = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    const end = this.#echoes ? this.#echo(bytes) : this.#readHead(bytes);
    this.#waiting = bytes.subarray(end);
  }

  /** Answers the request whose head is there; returns how many bytes of it have been read. */
  #readHead(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    if (end === -1) return 0;
    const head = bytes.toString('latin1', 0, end);
    const path = head.slice(head.indexOf(' ') + 1, head.indexOf(' ', head.indexOf(' ') + 1));
    if (path === '/models') this.#socket.write(SMALL);
    else if (path === '/large') this.#socket.write(LARGE);
    else if (path === '/events') this.#stream();
    else if (path === '/echo') this.#shakeHands(head);
    else this.#expectBody(head, bytes.subarray(end + HEAD_END.length));
    return path === '/upload' ? bytes.length : end + HEAD_END.length;
  }

  #expectBody(head: string, begun: Buffer): void {
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) {
      this.#socket.end(NO_LENGTH);
      return;
    }
    this.#bodyLeft = Number(length);
    if (begun.length > 0) this.take(begun);
  }

  #stream(): void {
    this.#socket.write(EVENTS);
    listeners.add(this.#socket);
  }

  #shakeHands(head: string): void {
    const key = /\r\nsec-websocket-key: *(\S+)/i.exec(head)?.[1] ?? '';
    const accept = createHash('sha1')
      .update(key + WEBSOCKET_GUID)
      .digest('base64');
    this.#socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}${HEAD_END}`,
    );
    this.#echoes = true;
  }

  /** Sends short frames back; a server's are not masked. */
  #echo(bytes: Buffer): number {
    const head = bytes[0] ?? 0;
    const second = bytes[1] ?? 0;
    const length = second & LENGTH_BITS;
    const isMasked = (second & MASKED) !== 0;
    const from = isMasked ? 6 : 2;
    if (bytes.length < from + length) return 0;
    const payload = Buffer.from(bytes.subarray(from, from + length));
    if (isMasked) {
      for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (bytes[2 + (i % 4)] ?? 0);
    }
    this.#socket.write(Buffer.concat([Buffer.from([head, length]), payload]));
    return from + length;
  }
}

setInterval(() => {
  if (listeners.size === 0) return;
  const event = `data: ${process.hrtime.bigint()}\n\n`;
  const chunk = Buffer.from(`${event.length.toString(16)}\r\n${event}\r\n`);
  for (const socket of listeners) socket.write(chunk);
}, EVENT_MS);

const server = createServer({ noDelay: true }, (socket) => {
  const exchange = new Exchange(socket);
  socket.on('data', (chunk) => exchange.take(chunk));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => listeners.delete(socket));
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
