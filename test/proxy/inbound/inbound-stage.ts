import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { InboundAnswer } from '../../../src/proxy/inbound/answer.ts';
import type { InboundListener } from '../../../src/proxy/inbound/connection.ts';
import type { BodyTaker, InboundRequest } from '../../../src/proxy/inbound/request.ts';
import { createInboundServer, type InboundServer } from '../../../src/proxy/inbound/server.ts';
import { RawConnection } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

export interface Patience {
  readonly headerMs: number;
  readonly bodyIdleMs: number;
  readonly idleMs: number;
}

/** Longer than any test. */
export const PATIENT: Patience = { headerMs: 60_000, bodyIdleMs: 60_000, idleMs: 60_000 };

/** A request as the listener got it. */
export class Arrival {
  readonly request: InboundRequest;
  readonly answer: InboundAnswer;
  /** What has come of its body since it was taken, each byte a character. */
  body = '';
  isWhole = false;
  /** How often its watcher was told. */
  drained = 0;
  left = 0;
  /** Whether all of its answer is out, or the client has left. */
  isClosed = false;
  #taker: BodyTaker | null = null;

  constructor(request: InboundRequest, answer: InboundAnswer) {
    this.request = request;
    this.answer = answer;
    answer.watcher = { drained: () => void this.drained++, left: () => void this.left++ };
    void answer.closed.then(() => (this.isClosed = true));
  }

  take(then: () => void = () => undefined): void {
    this.#taker = {
      data: (part) => (this.body += part.toString('latin1')),
      end: () => {
        this.isWhole = true;
        then();
      },
    };
    this.request.give(this.#taker);
  }

  letGo(): void {
    if (this.#taker !== null) this.request.letGo(this.#taker);
  }

  /** Answers with 200, a length and this text. */
  say(text: string, ...fields: readonly string[]): void {
    this.answer.writeHead(200, ['Content-Length', String(text.length), ...fields]);
    this.answer.end(text);
  }
}

/** A server of ours on a socket, and what came to it. */
export class InboundStage {
  readonly arrivals: Arrival[] = [];
  readonly refusals: { readonly status: number; readonly target: string | null }[] = [];
  /** Its ends of the connections, in the order they came. */
  readonly sockets: Socket[] = [];
  readonly server: InboundServer;
  /** What becomes of a request. */
  does: (arrival: Arrival) => void = () => undefined;

  constructor(timeouts: Patience = PATIENT, headerBytes = 8 * 1024) {
    const listener: InboundListener = {
      request: (request, answer) => {
        const arrival = new Arrival(request, answer);
        this.arrivals.push(arrival);
        this.does(arrival);
      },
      upgrade: null,
      refused: (status, _, head) => void this.refusals.push({ status, target: head?.target ?? null }),
    };
    this.server = createInboundServer({ bounds: { headerBytes, timeouts }, tls: null }, listener);
    this.server.on('connection', (socket) => this.sockets.push(socket));
  }

  static async start(timeouts: Patience = PATIENT): Promise<InboundStage> {
    const stage = new InboundStage(timeouts);
    await new Promise<void>((resolve) => stage.server.listen(0, '127.0.0.1', resolve));
    return stage;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get lastArrival(): Arrival {
    const last = this.arrivals.at(-1);
    if (last === undefined) throw new Error('no request has come');
    return last;
  }

  /** A client's connection, and the server's end of it. */
  async open(method = 'GET'): Promise<{ client: RawConnection; socket: Socket }> {
    const client = await RawConnection.open(this.port, method);
    const find = (): Socket | undefined =>
      this.sockets.find(({ remotePort }) => remotePort === client.socket.localPort);
    await until('the connection at the server', () => find() !== undefined);
    return { client, socket: find() as Socket };
  }

  /** Waits for that many requests to have come. */
  async came(count: number): Promise<void> {
    await until(`${count} requests`, () => this.arrivals.length >= count);
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** Writes pieces of text, each character a byte, and each only when the server has read the one before. */
export async function sendPieces(client: Socket, socket: Socket, pieces: readonly string[]): Promise<void> {
  let sent = socket.bytesRead;
  for (const piece of pieces) {
    if (client.destroyed || client.readableEnded) return;
    client.write(piece, 'latin1');
    sent += piece.length;
    while (socket.bytesRead < sent && !socket.destroyed) await turn();
  }
}

/** A while in which what must not happen could. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}
