import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { backOff, type Client } from './client.ts';
import { reasonOf } from './reason.ts';

export interface PresenceOptions {
  /** What the connection is for; servers list it under this name, and the log does. */
  readonly purpose: string;
  readonly events: PresenceEvents;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

export interface PresenceEvents {
  /** Told of every change; as long as nothing was told it is down. */
  up(isUp: boolean): void;
}

/** How long an opening waits for the first connection before it leaves connecting to the background. */
const PATIENCE_MS = 1000;
const CLOSE_MS = 300;
const LOST = 'the connection was lost';

/**
 * Whether a client is connected and prepared: told, and logged once for each outage. Where the client gives up, it is
 * started anew. A Cluster is there when its slots are known; single nodes may be away.
 */
export class Presence {
  readonly #client: Client;
  readonly #options: PresenceOptions;
  readonly #prepare: () => Promise<void>;
  readonly #settled = Promise.withResolvers<void>();
  #isUp = false;
  #isOutageLogged = false;
  #isClosed = false;
  #reason = LOST;
  /** In a row, beyond those that the client counts. */
  #failures = 0;

  /** `prepare` is what each new connection needs before it counts as up. */
  constructor(client: Client, options: PresenceOptions, prepare: () => Promise<void>) {
    this.#client = client;
    this.#options = options;
    this.#prepare = prepare;
    client.on('error', (error: unknown) => this.#failed(error));
    client.on('ready', () => void this.#connected());
    client.on('close', () => this.#down());
    client.on('end', () => this.#ended());
  }

  get isUp(): boolean {
    return this.#isUp && this.#client.status === 'ready';
  }

  /** Begins to connect; resolves when it is up, or has failed once, or has kept the caller waiting for long enough. */
  async open(): Promise<void> {
    this.#connect();
    await Promise.race([this.#settled.promise, sleep(PATIENCE_MS, undefined, { ref: false })]);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ended = new Promise<void>((resolve) => this.#client.once('end', () => resolve()));
    this.#client.disconnect();
    // A client that is between two attempts has nothing to close, and says nothing.
    await Promise.race([ended, sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  #connect(): void {
    // What became of it is told by events.
    this.#client.connect().catch(() => {});
  }

  async #connected(): Promise<void> {
    try {
      await this.#prepare();
    } catch (error) {
      this.#failed(error);
      this.#again(() => this.#client.disconnect(true));
      return;
    }
    if (this.#isUp || this.#isClosed || this.#client.status !== 'ready') return;
    this.#isUp = true;
    this.#reason = LOST;
    this.#failures = 0;
    this.#options.events.up(true);
    if (this.#isOutageLogged) this.#options.log.info({ detail: this.#options.purpose }, 'redis is back');
    this.#isOutageLogged = false;
    this.#settled.resolve();
  }

  #failed(error: unknown): void {
    this.#reason = reasonOf(error);
    if (!this.#isUp) this.#down();
  }

  #down(): void {
    this.#settled.resolve();
    if (this.#isUp) {
      this.#isUp = false;
      this.#options.events.up(false);
    }
    if (this.#isClosed || this.#isOutageLogged) return;
    this.#isOutageLogged = true;
    const { purpose, log } = this.#options;
    log.warn({ detail: `${purpose}: ${this.#reason}` }, 'redis is away');
  }

  /** The client has given up for good. */
  #ended(): void {
    this.#down();
    this.#again(() => this.#connect());
  }

  #again(attempt: () => void): void {
    this.#failures += 1;
    setTimeout(() => {
      if (!this.#isClosed) attempt();
    }, backOff(this.#failures));
  }
}
