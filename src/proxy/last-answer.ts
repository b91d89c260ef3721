import type { Duplex } from 'node:stream';

/** How long a client may keep a connection open that has had its last answer. */
export const LINGER_MS = 2000;

/**
 * The last bytes of a connection that http.Server looks after no more, and its end. What the client still sends is
 * dropped: unread, it would turn the end into a reset and could cost the client the answer. A client that does not
 * close its side is cut off after two seconds, since nothing else would ever do so. `sent` is called when all is out.
 */
export function sendLastAnswer(socket: Duplex, bytes: string, sent?: () => void): void {
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => {
    clearTimeout(linger);
  });
  socket.resume();
  socket.end(bytes, sent);
}
