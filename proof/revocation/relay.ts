import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Stage } from './proof.ts';

interface Line {
  readonly near: Socket;
  readonly far: Socket;
  /** What the near side asked last. */
  asked: string;
  /** When the answers so far have all been passed on. */
  freeAt: number;
}

/** How long to hold an answer back, by the first line of the request it belongs to. */
export type Delay = (requestLine: string) => number;

export function isLookup(requestLine: string): boolean {
  return requestLine.includes('/v1/keys/resolve');
}

const none: Delay = () => 0;

/**
 * A stretch of network between two processes that can be cut, slowed down, closed, and made to lie. It carries one request at a time on each
 * connection, so that an answer belongs to the request before it.
 */
export class Relay {
  readonly #server: Server;
  readonly #target: () => number;
  readonly #lines = new Set<Line>();
  #isCut = false;
  #delay = none;
  #nonsense: (() => Buffer) | null = null;
  #port = 0;
  /** Hears all that passes, in both directions. */
  overheard: ((bytes: Buffer) => void) | null = null;
  /** Questions for a key that have passed. */
  lookups = 0;

  private constructor(target: () => number) {
    this.#target = target;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (near) => this.#accept(near));
  }

  /** `target` is asked for a port of loopback for each connection. */
  static async open(stage: Stage, target: () => number): Promise<Relay> {
    const relay = new Relay(target);
    await relay.reopen();
    stage.atEnd(() => relay.#close());
    return relay;
  }

  get port(): number {
    return this.#port;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Nothing passes from here on, in neither direction, and nobody is told: packets are lost. */
  cut(): void {
    this.#isCut = true;
    for (const { near, far } of this.#lines) {
      near.pause();
      far.pause();
    }
  }

  /** Connections from before the cut are gone, as they are when a network has lost what was on its way. */
  heal(): void {
    this.#isCut = false;
    this.#endAll();
  }

  /** Connections end, and new ones are refused, as those to a process that is gone. */
  shut(): void {
    this.#server.close();
    this.#endAll();
  }

  /** Takes connections again, on its port. */
  async reopen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Whatever is asked is answered with this, and reaches nobody; null: no longer, on new connections. */
  answerWith(nonsense: (() => Buffer) | null): void {
    this.#nonsense = nonsense;
    if (nonsense === null) this.#endAll();
  }

  delayAnswers(delay: Delay | null): void {
    this.#delay = delay ?? none;
  }

  #accept(near: Socket): void {
    const far = connect({ port: this.#target(), host: '127.0.0.1', noDelay: true });
    const line: Line = { near, far, asked: '', freeAt: 0 };
    this.#lines.add(line);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#lines.delete(line);
        // Behind a cut the other side does not hear of it.
        if (!this.#isCut) other.destroy();
      });
    }
    near.on('data', (bytes: Buffer) => {
      this.overheard?.(bytes);
      if (this.#nonsense !== null) return void near.write(this.#nonsense());
      const asked = firstLineOf(bytes);
      if (asked !== null && isLookup(asked)) this.lookups++;
      line.asked = asked ?? line.asked;
      far.write(bytes);
    });
    far.on('data', (bytes: Buffer) => this.#answer(line, bytes));
    if (!this.#isCut) near.resume();
    else far.pause();
  }

  #answer(line: Line, bytes: Buffer): void {
    this.overheard?.(bytes);
    if (this.#nonsense !== null) return;
    const now = performance.now();
    const at = Math.max(line.freeAt, now + this.#delay(line.asked));
    line.freeAt = at;
    if (at <= now) {
      line.near.write(bytes);
      return;
    }
    setTimeout(() => {
      if (!this.#isCut) line.near.write(bytes);
    }, at - now);
  }

  #close(): void {
    this.#server.close();
    this.#isCut = false;
    this.#endAll();
  }

  #endAll(): void {
    for (const { near, far } of this.#lines) {
      near.destroy();
      far.destroy();
    }
  }
}

function firstLineOf(bytes: Buffer): string | null {
  const text = bytes.subarray(0, 200).toString('latin1');
  return /^[A-Z]+ \S+ HTTP\/1\.1\r\n/.exec(text)?.[0].trimEnd() ?? null;
}
