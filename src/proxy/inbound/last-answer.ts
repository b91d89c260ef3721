import type { Duplex } from 'node:stream';

/** How long a client may keep a connection open that has had its last answer. */
const LINGER_MS = 2000;

/**
 * The last bytes, each a character, of a connection that carries no further request, and its end. What the client still sends is
 * dropped: unread, it would turn the end into a reset and could cost the client the answer. A client that does not
 * close its side is cut off two seconds behind them, since nothing else would ever do so. `sent` is called when all is
 * out, or nothing more can go out.
 */
export function sendLastAnswer(socket: Duplex, bytes: string, sent?: (error?: Error | null) => void): void {
  socket.resume();
  socket.end(bytes, 'latin1', (error?: Error | null) => {
    sent?.(error);
    if (socket.destroyed) return;
    const linger = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => {
      clearTimeout(linger);
    });
  });
}
