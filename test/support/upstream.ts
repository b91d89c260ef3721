import { createServer, type AddressInfo, type Socket } from 'node:net';
import { MessageReader, framingByHeaders, type HeaderLine, type Message } from './http-message.ts';

/** A request as its bytes arrived at the upstream. */
export interface RecordedRequest extends Message {
  readonly method: string;
  readonly target: string;
}

/**
 * What the upstream does with a request:
 * - `answers`: sends the whole answer;
 * - `is silent`: reads and never answers;
 * - `hangs up`: reads and closes the connection without an answer;
 * - `dies`: sends head and half of the body, then resets the connection;
 * - `streams`: sends the head and leaves the body to the test, over `streams`.
 */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  readonly body: string;
  readonly behaviour: 'answers' | 'is silent' | 'hangs up' | 'dies' | 'streams';
}

export const OK: UpstreamAnswer = {
  status: 200,
  headers: [['Content-Type', 'application/json']],
  body: '{"ok":true}',
  behaviour: 'answers',
};

/** An answer whose body the test writes piece by piece. */
export interface OpenStream {
  send(text: string): void;
  end(): void;
  /** Resets the connection without an end. */
  cut(): void;
  /** Whether the other side has closed the connection. */
  readonly closed: boolean;
}

export interface Upstream {
  readonly port: number;
  readonly origin: string;
  readonly requests: readonly RecordedRequest[];
  readonly streams: readonly OpenStream[];
  /** Connections accepted since the start. */
  readonly connections: number;
  readonly openConnections: number;
  /** Whether a request is under way whose body, as far as it has come, is this. */
  receiving(body: string): boolean;
  /** What requests from now on get. */
  answerWith(answer: UpstreamAnswer): void;
  /** Stops listening and cuts every connection; may be called again. */
  stop(): Promise<void>;
}

/** An HTTP server on a bare socket, which records what was sent to it byte for byte. */
export async function startUpstream(): Promise<Upstream> {
  const requests: RecordedRequest[] = [];
  const streams: OpenStream[] = [];
  const open = new Map<Socket, Reading>();
  let connections = 0;
  let next = OK;

  const server = createServer((socket) => {
    connections++;
    const reading = readRequests(socket, (request) => {
      requests.push(request);
      if (request.complete) reply(socket, request.method, next, streams);
    });
    open.set(socket, reading);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    requests,
    streams,
    get connections() {
      return connections;
    },
    get openConnections() {
      return open.size;
    },
    receiving: (body) => [...open.values()].some((reading) => reading.body === body),
    answerWith: (answer) => {
      next = answer;
    },
    stop: async () => {
      if (!server.listening) return;
      const stopped = new Promise((resolve) => server.close(resolve));
      for (const socket of open.keys()) socket.destroy();
      await stopped;
    },
  };
}

interface Reading {
  /** Of the request under way or the last one; its first kilobyte at least. */
  body: string;
}

function readRequests(socket: Socket, arrived: (request: RecordedRequest) => void): Reading {
  const reading = { body: '' };
  const reader = new MessageReader({
    framing: (head) => framingByHeaders(head, 'none'),
    head: ({ headers }) => {
      reading.body = '';
      if (headers.some(([name]) => name.toLowerCase() === 'expect'))
        socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    },
    body: (bytes) => {
      if (reading.body.length < 1000) reading.body += bytes.toString('latin1');
    },
    message: (message) => {
      const [method = '', target = ''] = message.startLine.split(' ');
      arrived({ ...message, method, target });
    },
  });
  socket.on('data', (bytes: Buffer) => {
    reader.push(bytes);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    reader.end();
  });
  return reading;
}

function reply(socket: Socket, method: string, answer: UpstreamAnswer, streams: OpenStream[]): void {
  const { status, headers, body, behaviour } = answer;
  const lines = [`HTTP/1.1 ${status} Whatever`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  const bodiless = status === 101 || status === 204 || status === 304 || method === 'HEAD';
  switch (behaviour) {
    case 'is silent':
      return;
    case 'hangs up':
      socket.destroy();
      return;
    case 'streams':
      socket.write([...lines, 'Transfer-Encoding: chunked', '', ''].join('\r\n'));
      streams.push(openStream(socket));
      return;
    case 'dies':
      lines.push(`Content-Length: ${body.length * 2}`);
      socket.write([...lines, '', body].join('\r\n'), () => socket.resetAndDestroy());
      return;
    case 'answers':
      if (!bodiless) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
      socket.write([...lines, '', bodiless ? '' : body].join('\r\n'));
  }
}

function openStream(socket: Socket): OpenStream {
  return {
    send: (text) => {
      socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
    },
    end: () => {
      socket.write('0\r\n\r\n');
    },
    cut: () => {
      socket.resetAndDestroy();
    },
    get closed() {
      return socket.destroyed || socket.readableEnded;
    },
  };
}
