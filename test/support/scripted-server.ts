import { createServer, type AddressInfo, type Socket } from 'node:net';

/** Answers one request, byte by byte as the test wants it. `head` and `body` are as they came. */
export type Script = (socket: Socket, request: { readonly head: string; readonly body: string }) => void;

export interface ScriptedServer {
  readonly origin: string;
  /** Heads of the requests that came in whole. */
  readonly requests: readonly string[];
  /** Connections accepted since the start, and those open now. */
  readonly connections: number;
  readonly openConnections: number;
  /** What requests from now on get. */
  follow(script: Script): void;
  stop(): Promise<void>;
}

/** A server on a bare socket for what no HTTP server would answer. */
export async function startScripted(first: Script): Promise<ScriptedServer> {
  let script = first;
  let connections = 0;
  const requests: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    let pending = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      pending += text;
      const end = pending.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = pending.slice(0, end);
      const size = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (pending.length < end + 4 + size) return;
      const body = pending.slice(end + 4, end + 4 + size);
      pending = pending.slice(end + 4 + size);
      requests.push(head);
      script(socket, { head, body });
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connections() {
      return connections;
    },
    get openConnections() {
      return open.size;
    },
    follow(next) {
      script = next;
    },
    stop() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** A whole answer; `headers` come beside the length of the body. */
export function answer(status: string, body: string, headers = 'content-type: application/json\r\n'): Script {
  const bytes = `HTTP/1.1 ${status}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  return (socket) => void socket.write(bytes);
}
