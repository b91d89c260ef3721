import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { InboundListener } from '../../../src/proxy/inbound/connection.ts';
import { createInboundServer } from '../../../src/proxy/inbound/server.ts';

/** A request, its body put together, each byte a character. */
export interface Said {
  readonly method: string;
  readonly target: string;
  readonly raw: readonly string[];
  readonly body: string;
}

/** What a server made of the bytes of a connection. */
export interface Reading {
  /** Those whose end has come. */
  readonly requests: readonly Said[];
  /** The bare status it was told; null: none. */
  readonly refused: number | null;
  /** What was written, without Date fields. */
  readonly answers: string;
  /** Whether the server ended the connection by itself. */
  readonly isEnded: boolean;
}

export const HEADER_BYTES = 8 * 1024;
/** A pipelined request is begun in another turn than the one before. */
const TURNS = 4;

/** The server's end of a connection on which pieces of text come, each character a byte, one by one. */
export class SpokenTo extends Duplex {
  written = '';
  /** Asked whenever something happens. */
  steps = 0;

  constructor() {
    super();
    this.on('error', () => undefined);
  }

  say(piece: string): void {
    this.push(Buffer.from(piece, 'latin1'));
  }

  /** Waits until nothing happens any more. */
  async quiet(): Promise<void> {
    for (let [seen, turns] = [-1, 0]; turns < TURNS; turns++) {
      if (seen !== this.steps) [seen, turns] = [this.steps, 0];
      await turn();
    }
  }

  override _read(): void {
    // What comes is pushed as it is said.
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.written += bytes.toString('latin1');
    this.steps++;
    done();
  }
}

const bounds = {
  headerBytes: HEADER_BYTES,
  timeouts: { headerMs: 60_000, bodyIdleMs: 60_000, idleMs: 60_000 },
};

/** Reads text as a connection of ours, cut at these places. Each request is answered with 200 when its body has come. */
export async function readingOf(text: string, cuts: readonly number[] = []): Promise<Reading> {
  const line = new SpokenTo();
  const requests: Said[] = [];
  let refused: number | null = null;
  const listener: InboundListener = {
    request(request, answer) {
      let body = '';
      void answer.closed.then(() => (refused = answer.refusedAs ?? refused));
      request.give({
        data: (part) => (body += part.toString('latin1')),
        end: () => {
          const { method, target, raw } = request.head;
          requests.push({ method, target, raw, body });
          line.steps++;
          answer.writeHead(200, ['Content-Length', String(body.length)]);
          answer.end(body);
        },
      });
    },
    upgrade: null,
    refused: (status) => (refused = status),
  };
  const server = createInboundServer({ bounds, tls: null }, listener);
  server.emit('connection', line);
  for (const [i, to] of [...cuts, text.length].entries()) {
    line.say(text.slice(cuts[i - 1] ?? 0, to));
    if (i < cuts.length) await turn();
  }
  await line.quiet();
  const isEnded = line.writableEnded || line.destroyed;
  line.destroy();
  // It has never listened, so that only this ends what watches its clients.
  server.emit('close');
  await turn();
  return { requests, refused, answers: withoutDates(line.written), isEnded };
}

export function withoutDates(text: string): string {
  return text.replaceAll(/\r\nDate: [^\r]*/g, '');
}
