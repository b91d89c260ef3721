import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Stage } from './proof.ts';

export interface Upstream {
  readonly origin: string;
}

const BACKLOG = 8192;
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Who the gate says is calling, as the body of every answer. */
export interface Caller {
  readonly keyId: string;
  readonly ownerId: string;
  readonly tier: string;
}

/**
 * The service behind the gates: answers with who is calling, serves events that never end at `/events`, and takes
 * every WebSocket, on which it never says anything.
 */
export async function startUpstream(stage: Pick<Stage, 'atEnd'>, port = 0): Promise<Upstream> {
  const server = createServer((request, response) => {
    if (request.url === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: open\n\n');
      return;
    }
    const body = JSON.stringify(callerOf(request));
    response.writeHead(200, { 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
  server.keepAliveTimeout = 0;
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1')
      .update(key + WEBSOCKET_GUID)
      .digest('base64');
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    socket.write([...lines, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
  });
  // A proof may have thousands of requests forwarded at one moment, each on a connection of its own.
  const at = { port, host: '127.0.0.1', backlog: BACKLOG };
  await new Promise<void>((resolve) => server.listen(at, resolve));
  stage.atEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function callerOf({ headers }: IncomingMessage): Caller {
  const said = (name: string): string => headers[name]?.toString() ?? '';
  return { keyId: said('x-key-id'), ownerId: said('x-owner-id'), tier: said('x-tier') };
}
