import { once } from 'node:events';
import { connectAll } from './connection.ts';

/** `idle.ts ORIGIN KEY COUNT`: opens connections, has one answer on each, says so, and does nothing more. */
const [origin = '', key = '', count = '0'] = process.argv.slice(2);
const AT_ONCE = 100;

for (let left = Number(count); left > 0; left -= AT_ONCE) {
  const sockets = await connectAll(origin, Math.min(AT_ONCE, left));
  await Promise.all(
    sockets.map(async (socket) => {
      socket.write(`GET /models HTTP/1.1\r\nHost: bench\r\nx-api-key: ${key}\r\n\r\n`);
      await once(socket, 'data');
      socket.on('error', () => process.exit(1));
    }),
  );
}
process.stdout.write('open\n');
setInterval(() => undefined, 60_000);
