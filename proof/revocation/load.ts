import { setTimeout as pause } from 'node:timers/promises';
import { Connection, ConnectionLost, requestWith, type Answer } from './connection.ts';
import type { Gate } from './fleet.ts';

export interface LoadOptions<K> {
  readonly gates: readonly Gate[];
  readonly connectionsPerGate: number;
  /** At least this long between two requests of one connection; 0: as fast as it goes. */
  readonly everyMs: number;
  /** Whose key the next request carries; null: nobody's, look again in a moment. */
  next(gate: Gate): { readonly key: string; readonly about: K } | null;
  seen(exchange: Exchange<K>): void;
}

export interface Exchange<K> {
  readonly gate: Gate;
  readonly about: K;
  readonly answer: Answer;
}

const IDLE_MS = 5;

/** Requests on keep-alive connections to every gate, each connection one after another, until it is stopped. */
export class Load<K> {
  readonly #options: LoadOptions<K>;
  readonly #lines: Promise<void>[];
  readonly #open = new Set<Connection>();
  #running = true;
  /** Requests answered. */
  answered = 0;
  /** Requests whose connection ended without an answer. */
  lost = 0;

  constructor(options: LoadOptions<K>) {
    this.#options = options;
    this.#lines = options.gates.flatMap((gate) =>
      Array.from({ length: options.connectionsPerGate }, () => this.#line(gate)),
    );
    // What `seen` throws is told by `stop`.
    for (const line of this.#lines) line.catch(() => undefined);
  }

  /** Resolves when what is under way has been answered; connections to a process that is stopped are dropped. */
  async stop(): Promise<void> {
    this.#running = false;
    const late = setTimeout(() => {
      for (const connection of this.#open) connection.close();
    }, 2000);
    await Promise.all(this.#lines);
    clearTimeout(late);
  }

  async #line(gate: Gate): Promise<void> {
    const options = this.#options;
    const { everyMs } = options;
    let connection: Connection | null = null;
    let dueAt = performance.now() + Math.random() * everyMs;
    while (this.#running) {
      const waitMs = dueAt - performance.now();
      if (waitMs > 0) await pause(waitMs);
      const chosen = options.next(gate);
      if (chosen === null) {
        await pause(IDLE_MS);
        continue;
      }
      // Who falls behind does not make up for it.
      dueAt = Math.max(dueAt + everyMs, performance.now() - everyMs);
      if (connection === null || !connection.isOpen) connection = this.#connect(gate, connection);
      try {
        const answer = await connection.ask(requestWith(chosen.key));
        this.answered++;
        options.seen({ gate, about: chosen.about, answer });
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        if (!this.#running) break;
        this.lost++;
        await pause(IDLE_MS);
      }
    }
    connection?.close();
  }

  #connect(gate: Gate, before: Connection | null): Connection {
    if (before !== null) this.#open.delete(before);
    const connection = new Connection(gate.port);
    this.#open.add(connection);
    return connection;
  }
}
