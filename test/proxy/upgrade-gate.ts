import { once } from 'node:events';
import {
  type AddressInfo,
  connect,
  createServer as createRawServer,
  type Server,
  type Socket,
} from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { passHeaders } from '../../src/core/forward-headers.ts';
import { readHead } from '../../src/core/request-head.ts';
import type { InboundAnswer } from '../../src/proxy/inbound/answer.ts';
import type { InboundRequest } from '../../src/proxy/inbound/request.ts';
import { createInboundServer } from '../../src/proxy/inbound/server.ts';
import { createUpgrader, type Upgrade, type Upgrader, type UpgradeOutcome } from '../../src/proxy/upgrade.ts';

const REFUSALS = { unreachable: '502 Bad Gateway', timeout: '504 Gateway Timeout', withdrawn: '401 No' };

/** The smallest gate: every upgrade is forwarded, everything else is told what it was. */
export interface Gate {
  readonly port: number;
  readonly upgrader: Upgrader;
  /** Fulfilled when the first upgrade has come, `decidingMs` before the upgrader is asked. */
  readonly asked: Promise<void>;
  /** The outcome of the first upgrade. */
  readonly outcome: Promise<UpgradeOutcome>;
  /** Every outcome there has been. */
  readonly outcomes: readonly UpgradeOutcome[];
  /** Fulfilled when the first client's socket is closed on our side. */
  readonly clientClosed: Promise<void>;
  /** Bytes on the client's socket before the caller wrote its own. */
  readonly writtenByUpgrader: () => number;
}

export async function startGate(
  upstreamPort: number,
  settings: Partial<Upgrade> = {},
  decidingMs = 0,
): Promise<Gate> {
  const upgrader = createUpgrader({ lingerMs: 300 });
  const outcomes: UpgradeOutcome[] = [];
  const asked = Promise.withResolvers<void>();
  const first = Promise.withResolvers<UpgradeOutcome>();
  const closed = Promise.withResolvers<void>();
  let written = 0;
  const clients: Socket[] = [];
  const take = (request: InboundRequest, socket: Socket, head: Buffer): void => {
    socket.once('close', closed.resolve);
    asked.resolve();
    const upgrade = { ...upgradeOf(request, upstreamPort), socket, head, ...settings };
    const decide = async (): Promise<void> => {
      await sleep(decidingMs);
      const outcome = await upgrader.upgrade(upgrade);
      written = socket.bytesWritten;
      outcomes.push(outcome);
      first.resolve(outcome);
      const line = REFUSALS[outcome.kind as keyof typeof REFUSALS] as string | undefined;
      if (line !== undefined) {
        socket.end(`HTTP/1.1 ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      }
    };
    void decide();
  };
  const bounds = { headerBytes: 16_384, timeouts: { headerMs: 5_000, bodyIdleMs: 5_000, idleMs: 5_000 } };
  const server = createInboundServer(
    { bounds, tls: null },
    { request: answerPlainly, upgrade: take, refused: () => undefined },
  );
  server.on('connection', (socket) => clients.push(socket));
  const port = await listen(server);
  onTestFinished(() => {
    for (const socket of clients) socket.destroy();
    server.close();
  });
  return {
    port,
    upgrader,
    asked: asked.promise,
    outcome: first.promise,
    outcomes,
    clientClosed: closed.promise,
    writtenByUpgrader: () => written,
  };
}

function answerPlainly(request: InboundRequest, answer: InboundAnswer): void {
  const { method, target } = request.head;
  const text = `plain ${method} ${target}`;
  request.give({
    data: () => undefined,
    end() {
      answer.writeHead(200, ['Content-Length', String(text.length)]);
      answer.end(text);
    },
  });
}

function upgradeOf({ head }: InboundRequest, upstreamPort: number): Omit<Upgrade, 'socket' | 'head'> {
  const headers = passHeaders(readHead(head.raw), {
    credential: { kind: 'strip' },
    accepted: null,
    trustedPeer: false,
    assertionHeader: null,
  });
  return {
    origin: `http://127.0.0.1:${upstreamPort}`,
    path: head.target,
    headers: headers.concat('X-Key-Id', 'key-1'),
    answerHeaders: ['X-Request-Id', 'req-1', 'RateLimit', '"owner";r=9;t=1'],
    connectMs: 1_000,
    firstByteMs: 1_000,
  };
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** One end of a TCP connection and the bytes that arrive there, as latin1. */
export class RawPeer {
  readonly socket: Socket;
  /** The other end has sent a FIN or a reset. */
  readonly over: Promise<undefined>;
  text = '';

  constructor(socket: Socket) {
    this.socket = socket;
    this.over = new Promise((resolve) => {
      for (const event of ['end', 'close']) socket.once(event, () => resolve(undefined));
    });
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
    });
    socket.on('error', () => {
      // `close` follows.
    });
    onTestFinished(() => {
      socket.destroy();
    });
  }

  /** All that has come once `part` is in it. */
  async sees(part: string): Promise<string> {
    while (!this.text.includes(part)) {
      const more = await Promise.race([once(this.socket, 'data'), this.over]);
      if (more === undefined && !this.text.includes(part))
        throw new Error(`over before ${part}: ${this.text}`);
    }
    return this.text;
  }
}

/** An upstream that speaks only when the test does. */
export class RawUpstream {
  readonly port: number;
  /** The first connection. */
  readonly peer: Promise<RawPeer>;
  connections = 0;

  private constructor(port: number, peer: Promise<RawPeer>) {
    this.port = port;
    this.peer = peer;
  }

  static async start(): Promise<RawUpstream> {
    const first = Promise.withResolvers<RawPeer>();
    let upstream: RawUpstream | null = null;
    const server = createRawServer({ allowHalfOpen: true }, (socket) => {
      if (upstream !== null) upstream.connections++;
      first.resolve(new RawPeer(socket));
    });
    const port = await listen(server);
    onTestFinished(() => {
      server.close();
    });
    upstream = new RawUpstream(port, first.promise);
    return upstream;
  }

  /** Reads the request head and sends `answer`. */
  async answers(answer: string): Promise<RawPeer> {
    const peer = await this.peer;
    await peer.sees('\r\n\r\n');
    peer.socket.write(Buffer.from(answer, 'latin1'));
    return peer;
  }
}

export function rawClient(port: number): RawPeer {
  return new RawPeer(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
}

/** A client that has sent an upgrade request with these extra header lines and bytes behind it. */
export function upgradeClient(port: number, lines: readonly string[] = [], early = ''): RawPeer {
  const client = rawClient(port);
  client.socket.write(Buffer.from(upgradeRequest('/chat?a=1', lines) + early, 'latin1'));
  return client;
}

export function upgradeRequest(target: string, lines: readonly string[] = []): string {
  return (
    `GET ${target} HTTP/1.1\r\nHost: gate.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
    lines.map((line) => `${line}\r\n`).join('') +
    '\r\n'
  );
}

export const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';
