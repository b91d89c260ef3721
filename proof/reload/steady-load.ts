import { setTimeout as pause } from 'node:timers/promises';
import { Connection, ConnectionLost, reasonOf, requestWith } from '../revocation/connection.ts';

export interface SteadyLoadOptions {
  readonly perSecond: number;
  readonly connections: number;
  readonly key: string;
  /** Where new connections go: to one of those that are ready. MUST be one at least. */
  ports(): readonly number[];
}

/** Requests at a steady rate on keep-alive connections, and what became of each that was not answered 200. */
export class SteadyLoad {
  readonly #options: SteadyLoadOptions;
  readonly #lines: Promise<void>[];
  readonly #failed = new Map<string, number>();
  #running = true;
  answered = 0;

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    this.#lines = Array.from({ length: options.connections }, (_, i) => this.#line(i));
  }

  /** How often each kind of failure was met. */
  get failures(): readonly string[] {
    return [...this.#failed].map(([what, count]) => `${count} requests: ${what}`);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#lines);
  }

  async #line(number: number): Promise<void> {
    const { perSecond, connections, key } = this.#options;
    const everyMs = (1000 * connections) / perSecond;
    const request = requestWith(key);
    let connection: Connection | null = null;
    let turn = number;
    let dueAt = performance.now() + (everyMs * number) / connections;
    while (this.#running) {
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await pause(waitMs);
      // Who falls behind does not make up for it.
      dueAt = Math.max(dueAt + everyMs, performance.now() - everyMs);
      if (connection === null || !connection.isOpen) {
        const ports = this.#options.ports();
        connection = new Connection(ports[turn++ % ports.length] ?? 0);
      }
      await this.#ask(connection, request);
    }
    connection?.close();
  }

  async #ask(connection: Connection, request: string): Promise<void> {
    try {
      const answer = await connection.ask(request);
      this.answered++;
      if (answer.status !== 200) this.#fail(`${answer.status} ${reasonOf(answer)}`);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      this.#fail(error.message);
    }
  }

  #fail(what: string): void {
    this.#failed.set(what, (this.#failed.get(what) ?? 0) + 1);
  }
}
