import type { Clock } from '../../src/core/clock.ts';
import type { Timers } from '../../src/runtime/timers.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  readonly action: () => unknown;
  isOff: boolean;
}

/**
 * Time that passes only from one due action to the next: hours in seconds, the same each time. Actions may ask real
 * servers; time stands still until they have answered.
 */
export class VirtualTime {
  #now = 1_000_000;
  #order = 0;
  readonly #due: Due[] = [];

  get now(): number {
    return this.#now;
  }

  at(at: number, action: () => unknown): () => void {
    const due: Due = { at: Math.max(at, this.#now), order: this.#order++, action, isOff: false };
    let i = this.#due.length;
    while (i > 0 && isAfter(this.#due[i - 1], due)) i--;
    this.#due.splice(i, 0, due);
    return () => {
      due.isOff = true;
    };
  }

  /** Does everything that is due until `ms` from now. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#due;
      if (next === undefined || next.at > end) break;
      this.#due.shift();
      if (next.isOff) continue;
      this.#now = Math.max(this.#now, next.at);
      await next.action();
      await settled();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** As a process sees it that was not running meanwhile: what was due is late. */
  jump(ms: number): void {
    this.#now += ms;
  }

  /** Passes until the promise has settled: no time at all, where what is due now is enough. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const state = { isOver: false };
    const over = promise.finally(() => {
      state.isOver = true;
    });
    over.catch(() => {});
    await settled();
    for (let rounds = 0; !state.isOver; rounds++) await this.pass(rounds < 20 ? 0 : 1);
    return over;
  }

  /** A process: its clock makes `rate` of its seconds to one, and is as far ahead as it says. */
  process({
    rate = 1,
    aheadMs = 0,
  }: { readonly rate?: number; readonly aheadMs?: number } = {}): VirtualProcess {
    const startedAt = this.#now;
    const local = (): number => (this.#now - startedAt) * rate + startedAt + aheadMs;
    let frozenUntil = this.#now;
    const at = (when: number, action: () => unknown): (() => void) => {
      let cancel = (): void => {};
      const attempt = (): unknown => {
        if (this.#now >= frozenUntil) return action();
        cancel = this.at(frozenUntil, attempt);
        return null;
      };
      cancel = this.at(when, attempt);
      return () => cancel();
    };
    return {
      now: local,
      monotonic: local,
      after: (ms, action) => at(this.#now + Math.max(0, ms) / rate, action),
      at,
      freeze: (ms) => {
        frozenUntil = Math.max(frozenUntil, this.#now + ms);
      },
    };
  }
}

/** A process's own clock and timers. While it is frozen nothing happens in it, and its clock goes on. */
export interface VirtualProcess extends Clock, Timers {
  /** Does something in the process at a time of ours, or when it is no longer frozen. Returns what calls it off. */
  at(when: number, action: () => unknown): () => void;
  freeze(ms: number): void;
}

function isAfter(a: Due | undefined, b: Due): boolean {
  return a !== undefined && (a.at > b.at || (a.at === b.at && a.order > b.order));
}

/** All that follows from what has happened, but for what waits for time to pass. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
