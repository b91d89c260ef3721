import type { StreamCase } from '../cases.ts';
import { connectAll, runFor } from './connection.ts';
import { Times, type Attempt, type Loaded } from './loaded.ts';

const EVENT = /data: (\d+)\n\n/g;
const NANOSECONDS_PER_MS = 1e6;

/** Streams of events; each event says when the upstream sent it, by the clock that all processes share. */
export async function events({ path, connections }: StreamCase, attempt: Attempt): Promise<Loaded> {
  const times = new Times();
  const sockets = await connectAll(attempt.origin, connections);
  for (const socket of sockets) {
    let rest = '';
    socket.on('error', () => times.failed++);
    socket.on('data', (chunk: Buffer) => {
      const now = process.hrtime.bigint();
      const text = rest + chunk.toString('latin1');
      rest = text.slice(text.lastIndexOf('\n\n') + 2);
      for (const [, sentAt = '0'] of text.matchAll(EVENT))
        times.add(Number(now - BigInt(sentAt)) / NANOSECONDS_PER_MS);
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nx-api-key: ${attempt.key}\r\n\r\n`);
  }
  return times.after(await runFor(attempt.seconds, sockets));
}
