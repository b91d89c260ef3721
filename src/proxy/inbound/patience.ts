import type { ProxyConfig } from '../../config/config.ts';

/** What a client is waited for: the rest of a head, another request, the rest of a body nobody wants, the reading of an answer. */
export type Awaited = 'head' | 'request' | 'rest' | 'reading';

export type ClientTimeouts = Pick<ProxyConfig['timeouts'], 'headerMs' | 'bodyIdleMs' | 'idleMs'>;

/** Behind what the client was told, since it may just be sending. */
const IDLE_GRACE_MS = 1000;

/** How long a client is waited for. No clock is read but by whoever looks for those that are late. */
export class Patience {
  #awaited: Awaited | null = 'head';
  /** 0 where it begins with the next look. */
  #until = 0;
  /** Of an answer that is being read, in bytes. */
  #unread = 0;

  get awaited(): Awaited | null {
    return this.#awaited;
  }

  await(awaited: Awaited | null): void {
    this.#awaited = awaited;
    this.#until = 0;
  }

  /** The client has done something of what it is waited for. */
  renew(): void {
    this.#until = 0;
  }

  /** Whether it has an end. `unread`: bytes of the answer that the client has not taken. */
  isOver(now: number, timeouts: ClientTimeouts, unread: number): boolean {
    if (this.#awaited === null) return false;
    if (unread < this.#unread) this.#until = 0;
    this.#unread = unread;
    if (this.#until > 0) return now >= this.#until;
    this.#until = now + patienceMs(this.#awaited, timeouts);
    return false;
  }
}

function patienceMs(awaited: Awaited, { headerMs, bodyIdleMs, idleMs }: ClientTimeouts): number {
  if (awaited === 'head') return headerMs;
  return awaited === 'request' ? idleMs + IDLE_GRACE_MS : bodyIdleMs;
}
