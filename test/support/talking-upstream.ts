import { createServer, type AddressInfo, type Socket } from 'node:net';
import { MessageReader, framingByHeaders, type MessageHead } from './http-message.ts';

/** A request whose head has arrived; its body follows in `body`. */
export interface Call extends MessageHead {
  readonly socket: Socket;
  /** Which connection it came on, from 0. */
  readonly connection: number;
  readonly body: () => string;
  /** Whether the body is there to its end. */
  readonly whole: () => boolean;
  /** Fulfilled when it is; never, where it does not come. */
  readonly ended: Promise<void>;
}

/** An upstream that does what a test says with the bare socket of each request, and remembers every byte it got. */
export interface TalkingUpstream {
  readonly origin: string;
  readonly calls: readonly Call[];
  /** Everything that came, by connection. */
  readonly received: readonly string[];
  readonly openConnections: number;
  /** What happens with requests from now on, when their head has come. */
  does(action: (call: Call) => void): void;
  stop(): Promise<void>;
}

export async function startTalkingUpstream(): Promise<TalkingUpstream> {
  const calls: Call[] = [];
  const received: string[] = [];
  const sockets = new Set<Socket>();
  let act: (call: Call) => void = answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  const server = createServer((socket) => {
    const connection = received.push('') - 1;
    sockets.add(socket);
    let body: Buffer[] = [];
    let whole = { done: false, tell: (): void => undefined };
    const reader = new MessageReader({
      framing: (head) => framingByHeaders(head, 'none'),
      head: (head) => {
        const parts: Buffer[] = [];
        const end = { done: false, tell: (): void => undefined };
        const ended = new Promise<void>((resolve) => (end.tell = resolve));
        body = parts;
        whole = end;
        const call: Call = {
          ...head,
          socket,
          connection,
          body: () => Buffer.concat(parts).toString('latin1'),
          whole: () => end.done,
          ended,
        };
        calls.push(call);
        act(call);
      },
      body: (bytes) => void body.push(Buffer.from(bytes)),
      message: () => {
        whole.done = true;
        whole.tell();
      },
    });
    socket.on('data', (bytes: Buffer) => {
      received[connection] += bytes.toString('latin1');
      reader.push(bytes);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    received,
    get openConnections() {
      return sockets.size;
    },
    does: (action) => {
      act = action;
    },
    stop: async () => {
      const stopped = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await stopped;
    },
  };
}

/** Sends exactly these bytes as soon as the head of a request is there. */
export function answering(text: string): (call: Call) => void {
  return ({ socket }) => void socket.write(Buffer.from(text, 'latin1'));
}
