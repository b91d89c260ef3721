import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { isInChunks } from './request-head.ts';

/**
 * Sends the body of a request as the server reads it, with back-pressure, framed as the client framed it; what was in
 * its trailer stays behind. `done` is called behind its last byte. Returns what stops it; the request is paused then.
 */
export function sendBody(
  request: IncomingMessage,
  socket: Socket,
  caller: { bodySent(bytes: number): void },
  done: () => void,
): () => void {
  const inChunks = isInChunks(request);
  const take = (part: Buffer): void => {
    const flows = inChunks ? writeChunk(socket, part) : socket.write(part);
    caller.bodySent(part.byteLength);
    if (!flows) request.pause();
  };
  const goOn = (): void => {
    caller.bodySent(0);
    request.resume();
  };
  const stop = (): void => {
    request.off('data', take).off('end', end).pause();
    socket.off('drain', goOn);
  };
  const end = (): void => {
    stop();
    if (inChunks) socket.write('0\r\n\r\n', 'latin1');
    done();
  };
  socket.on('drain', goOn);
  request.on('data', take).once('end', end).resume();
  return stop;
}

function writeChunk(socket: Socket, part: Buffer): boolean {
  socket.cork();
  socket.write(`${part.byteLength.toString(16)}\r\n`, 'latin1');
  socket.write(part);
  const flows = socket.write('\r\n', 'latin1');
  socket.uncork();
  return flows;
}
