import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Stage } from '../revocation/proof.ts';
import { count, noCounts, type Counts } from './counted.ts';

const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const BODY = 'answered';

/** An answer of the upstream to somebody's request, on this process's monotonic clock. */
export interface AnsweredAt {
  readonly at: number;
  /** What the client said of the gate it asked. */
  readonly via: string;
}

/**
 * The service behind the gates. It counts each answer whose head it writes, by the key that the gate names and by the
 * first part of the path, which is the route. What it does is said by the rest of the path:
 *
 * `/answer/404` answers so; `/break/200` ends its answer in the middle; `/hang-up` ends the connection in place of an
 * answer; `/silent` never answers; `/events` and `/chat` open streams.
 */
export class CountingUpstream {
  readonly #counts = new Map<string, Counts>();
  readonly #answers: AnsweredAt[] = [];
  #port = 0;

  static async start(stage: Pick<Stage, 'atEnd'>): Promise<CountingUpstream> {
    const upstream = new CountingUpstream();
    const server = createServer((request, response) => upstream.#answer(request, response));
    server.keepAliveTimeout = 0;
    server.requestTimeout = 0;
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    server.on('upgrade', (request: IncomingMessage, socket: Socket) => upstream.#upgrade(request, socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    upstream.#port = (server.address() as AddressInfo).port;
    stage.atEnd(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return upstream;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Of requests whose caller the gate has named. */
  get byKey(): ReadonlyMap<string, Counts> {
    return this.#counts;
  }

  get answered(): number {
    return this.#answers.length;
  }

  /** Answers to requests through one gate, between two instants. */
  answeredVia(via: string, from: number, to: number): number {
    return this.#answers.filter((one) => one.via === via && one.at >= from && one.at <= to).length;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { route, act, status } = readPath(request.url ?? '');
    request.resume();
    switch (act) {
      case 'silent':
        return;
      case 'hang-up':
        request.socket.destroy();
        return;
      case 'events':
        this.#count(request, route, 200);
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: open\n\n');
        return;
      case 'break':
        this.#count(request, route, status);
        response.writeHead(status, { 'Content-Length': BODY.length * 2 });
        // After the head is with the gate, so that there is an answer to be broken off.
        response.write(BODY, () => request.socket.end());
        return;
      default:
        this.#count(request, route, status);
        response.writeHead(status, { 'Content-Length': BODY.length });
        response.end(BODY);
    }
  }

  #upgrade(request: IncomingMessage, socket: Socket): void {
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1')
      .update(key + WEBSOCKET_GUID)
      .digest('base64');
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    this.#count(request, readPath(request.url ?? '').route, 101);
    socket.write([...lines, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
  }

  #count({ headers }: IncomingMessage, route: string, status: number): void {
    const keyId = headers['x-key-id'];
    // Nobody's key: an open route, which has no usage.
    if (typeof keyId !== 'string') return;
    const counts = this.#counts.get(keyId) ?? noCounts();
    this.#counts.set(keyId, counts);
    count(counts, route, status);
    this.#answers.push({ at: performance.now(), via: String(headers['x-via'] ?? '') });
  }
}

function readPath(url: string): { route: string; act: string; status: number } {
  const [, route = '', act = '', status = '200'] = url.split('/');
  return { route: `/${route}`, act, status: Number(status) };
}
