import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { backOff, type Client } from './client.ts';
import { reasonOf } from './reason.ts';

export interface PresenceEvents {
  /** Told of every change; what is not told yet is down. */
  up(isUp: boolean): void;
}

const CLOSE_MS = 300;

/**
 * Whether a client is connected and ready, told and logged once for each change, and kept so: where the client gives
 * up, it is started anew. Of a Cluster that is when its slots are known; single nodes may be away.
 */
export class Presence {
  readonly #client: Client;
  readonly #purpose: string;
  readonly #events: PresenceEvents;
  readonly #log: Pick<Log, 'info' | 'warn'>;
  #isUp = false;
  /** Whether the log says that it is down, and why it may be. */
  #reported = false;
  #reason = 'the connection was closed';
  #closed = false;
  #restarts = 0;

  constructor(client: Client, purpose: string, events: PresenceEvents, log: Pick<Log, 'info' | 'warn'>) {
    this.#client = client;
    this.#purpose = purpose;
    this.#events = events;
    this.#log = log;
    client.on('error', (error: unknown) => {
      this.#reason = reasonOf(error);
      if (!this.#isUp) this.#down();
    });
    client.on('ready', () => this.#up());
    client.on('close', () => this.#down());
    client.on('end', () => this.#ended());
  }

  get isUp(): boolean {
    return this.#isUp && this.#client.status === 'ready';
  }

  /** Resolves when the first attempt has ended, one way or the other. */
  async connect(): Promise<void> {
    await this.#client.connect().catch(() => {});
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#client.status === 'end') return;
    const ended = new Promise<void>((resolve) => this.#client.once('end', () => resolve()));
    this.#client.disconnect();
    // A client that is between two attempts has nothing to close, and says nothing.
    await Promise.race([ended, sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  #up(): void {
    this.#restarts = 0;
    if (this.#isUp) return;
    this.#isUp = true;
    this.#events.up(true);
    if (this.#reported) this.#log.info({ detail: this.#purpose }, 'redis is back');
    this.#reported = false;
  }

  #down(): void {
    if (this.#isUp) {
      this.#isUp = false;
      this.#events.up(false);
    }
    if (this.#closed || this.#reported) return;
    this.#reported = true;
    this.#log.warn({ detail: `${this.#purpose}: ${this.#reason}` }, 'redis is away');
    this.#reason = 'the connection was closed';
  }

  #ended(): void {
    this.#down();
    if (this.#closed) return;
    this.#restarts += 1;
    setTimeout(() => {
      if (!this.#closed) void this.connect();
    }, backOff(this.#restarts));
  }
}
