import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { valuesOf } from '../core/header-lines.ts';

/** Bytes of each connection up to the end of its last request with an Upgrade that was ignored. */
const accounted = new WeakMap<Socket, number>();

/**
 * Whether the connection must end with the answer to this request, which has an Upgrade field that the server ignores.
 * The parser stops behind such a request as if the bytes behind it were of the other protocol, and those that came
 * with it are lost: the next ones would be read from the middle of something. So the connection goes on only where
 * nothing can have come with it, which its own size tells; that is what `curl --http2` and Java's client send.
 */
export function endsConnection(request: IncomingMessage): boolean {
  // Not of `headers`, which the server would put together for nothing else.
  if (valuesOf(request.rawHeaders, 'upgrade').length === 0) return false;
  const { socket } = request;
  const before = accounted.get(socket) ?? 0;
  if (socket.bytesRead !== before + sizeOf(request)) return true;
  accounted.set(socket, socket.bytesRead);
  return false;
}

/** Bytes of the request as clients write it: one space around the target and behind each colon. */
function sizeOf({ method = '', url = '', rawHeaders, headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return Number.NaN;
  let size = `${method} ${url} HTTP/1.1\r\n\r\n`.length + Number(headers['content-length'] ?? 0);
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    size += (rawHeaders[i] ?? '').length + (rawHeaders[i + 1] ?? '').length + ': \r\n'.length;
  }
  return size;
}
