import type { Change, ChangeListener } from '../core/wire.ts';
import type { KeyServiceLog } from './log.ts';

/** Of `members` listeners, `acked` have taken the change. None is ever `fenced`: all are in this process. */
export interface Propagation {
  readonly members: number;
  readonly acked: number;
  readonly fenced: number;
}

interface Subscriber {
  readonly listener: ChangeListener;
  /** Changes not yet taken, in order; empty but for a listener that threw. */
  backlog: readonly Change[];
}

/**
 * Tells listeners of changes, in order. A listener that throws has not taken the change: the change and all after it
 * wait for it, it is offered them again at the next change and whenever somebody asks who has acknowledged, and the
 * others go on. It must be a bug of the listener's, so it is logged and its backlog is not bounded.
 */
export class Subscribers {
  readonly #subscribers = new Set<Subscriber>();
  readonly #log: KeyServiceLog | null;

  constructor(log: KeyServiceLog | null) {
    this.#log = log;
  }

  /** Hears of changes from now on; the answer ends that. */
  add(listener: ChangeListener): () => void {
    const subscriber = { listener, backlog: [] };
    this.#subscribers.add(subscriber);
    return () => {
      this.#subscribers.delete(subscriber);
    };
  }

  publish(changes: readonly Change[]): void {
    for (const subscriber of this.#subscribers) {
      subscriber.backlog = [...subscriber.backlog, ...changes];
      this.#offer(subscriber);
    }
  }

  /** Who has taken the change of that number and all before it. */
  propagation(changeNumber: number): Propagation {
    let acked = 0;
    for (const subscriber of this.#subscribers) {
      this.#offer(subscriber);
      const next = subscriber.backlog[0];
      if (next === undefined || next.number > changeNumber) acked += 1;
    }
    return { members: this.#subscribers.size, acked, fenced: 0 };
  }

  #offer(subscriber: Subscriber): void {
    let taken = 0;
    try {
      for (const change of subscriber.backlog) {
        subscriber.listener(change);
        taken += 1;
      }
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unknown error';
      this.#log?.error({ detail }, 'a listener did not take a change of a key');
    }
    subscriber.backlog = subscriber.backlog.slice(taken);
  }
}
