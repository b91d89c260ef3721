import type { Socket } from 'node:net';
import type { BodyTaker, InboundRequest } from '../inbound/request.ts';

/**
 * Sends the body of a request as it comes from the client, with back-pressure, framed as the client framed it; what was in
 * its trailer stays behind. `done` is called behind its last byte. Returns what stops it; the client waits then.
 */
export function sendBody(
  request: InboundRequest,
  socket: Socket,
  caller: { bodySent(bytes: number): void },
  done: () => void,
): () => void {
  const inChunks = request.head.isChunked;
  const goOn = (): void => {
    caller.bodySent(0);
    request.resume();
  };
  const taker: BodyTaker = {
    data(part) {
      const flows = inChunks ? writeChunk(socket, part) : socket.write(part);
      caller.bodySent(part.byteLength);
      if (!flows) request.pause();
    },
    end() {
      socket.off('drain', goOn);
      if (inChunks) socket.write('0\r\n\r\n', 'latin1');
      done();
    },
  };
  socket.on('drain', goOn);
  request.give(taker);
  return () => {
    socket.off('drain', goOn);
    request.letGo(taker);
  };
}

function writeChunk(socket: Socket, part: Buffer): boolean {
  socket.cork();
  socket.write(`${part.byteLength.toString(16)}\r\n`, 'latin1');
  socket.write(part);
  const flows = socket.write('\r\n', 'latin1');
  socket.uncork();
  return flows;
}
