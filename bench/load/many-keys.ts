import { connectAll, runFor } from './connection.ts';
import { Times } from './loaded.ts';

/**
 * `many-keys.ts ORIGIN SALT KEYS each|SECONDS`: requests with keys made of the salt and a number, each of them once or
 * drawn by chance for some seconds.
 */
const [origin = '', salt = '', keys = '1', how = 'each'] = process.argv.slice(2);
const CONNECTIONS = 32;
const count = Number(keys);
const times = new Times();
const sockets = await connectAll(origin, CONNECTIONS);
let next = 0;

const drawn = (): number => (how === 'each' ? next++ : Math.floor(Math.random() * count));

const conversations = sockets.map(
  (socket) =>
    new Promise<void>((resolve) => {
      let sentAt = 0;
      const send = (): void => {
        const key = drawn();
        if (key >= count || socket.destroyed) {
          resolve();
          return;
        }
        sentAt = performance.now();
        socket.write(`GET /models HTTP/1.1\r\nHost: bench\r\nx-api-key: ${salt}${key}\r\n\r\n`);
      };
      // An answer of 128 bytes comes in one piece.
      socket.on('data', (chunk: Buffer) => {
        if (Number(chunk.toString('latin1', 9, 12)) !== 200) times.refused++;
        times.add(performance.now() - sentAt);
        send();
      });
      socket.on('error', () => resolve());
      send();
    }),
);
const seconds = how === 'each' ? 0 : Number(how);
if (how === 'each') await Promise.all(conversations);
else await runFor(seconds, sockets);
process.stdout.write(`${JSON.stringify(times.after(seconds))}\n`);
process.exit(0);
