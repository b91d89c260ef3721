import type { IncomingMessage } from 'node:http';

/**
 * An answer may be through before its request is. The rest is taken and dropped: a client that sends all of it before
 * it reads would else wait for ever, and the connection is good for the next request.
 */
export function dropRest(request: IncomingMessage, idleMs: number): void {
  const stalled = setTimeout(() => request.destroy(), idleMs);
  request.once('close', () => {
    clearTimeout(stalled);
  });
  // Not `resume` alone, which does nothing while the forwarder has not let go of the request.
  request.on('data', () => stalled.refresh()).resume();
}
