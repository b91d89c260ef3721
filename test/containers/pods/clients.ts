import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

/** What became of one request. */
export interface Attempt {
  readonly startedAt: number;
  readonly endedAt: number;
  /** A status; `unreached`: there was no connection, so nothing was sent; else how a sent one was left without an answer. */
  readonly outcome: number | string;
}

const UNREACHED = /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/;

/** Clients that ask without a pause, each over a kept connection, wherever `place` says at that moment. */
export class Clients {
  readonly attempts: Attempt[] = [];
  readonly #pools = new Map<string, Pool>();
  readonly #running: Promise<void>[];
  #stopped = false;

  constructor(count: number, key: string, place: () => string | null) {
    this.#running = Array.from({ length: count }, (_, i) => this.#client(i, key, place));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  /** How many requests ended so. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { outcome } of this.attempts) counts[outcome] = (counts[outcome] ?? 0) + 1;
    return counts;
  }

  async #client(turn: number, key: string, place: () => string | null): Promise<void> {
    while (!this.#stopped) {
      const url = place();
      if (url !== null) await this.#ask(url, key, turn);
      if (url === null || this.attempts.at(-1)?.outcome === 'unreached') await pause(10);
    }
  }

  /** Now and then the service takes its time, so that something is always under way. */
  async #ask(url: string, key: string, turn: number): Promise<void> {
    const startedAt = performance.now();
    const note = (outcome: Attempt['outcome']): void =>
      void this.attempts.push({ startedAt, endedAt: performance.now(), outcome });
    try {
      const path = turn % 4 === 0 ? '/?wait=200' : '/';
      const answer = await this.#poolOf(url).request({ path, method: 'GET', headers: { 'x-api-key': key } });
      await answer.body.dump();
      note(answer.statusCode);
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      note(UNREACHED.test(code) ? 'unreached' : `${code} ${message}`);
    }
  }

  #poolOf(url: string): Pool {
    let pool = this.#pools.get(url);
    if (pool === undefined) {
      pool = new Pool(url, { connections: 64, pipelining: 1, connect: { timeout: 2_000 } });
      this.#pools.set(url, pool);
    }
    return pool;
  }
}
