import type { Clock } from '../../core/clock.ts';
import type { KeyServiceLog } from '../log.ts';
import { within } from './deadline.ts';
import { HeadLog } from './head-log.ts';

/** Where the store stands: all numbers up to `number` are given out in this epoch. */
export interface Head {
  readonly epoch: string;
  readonly number: number;
}

/** What the key service needs of Redis. */
export interface RedisAnnouncements {
  /** The head that stands there, if it is genuine, and the run id of the Redis process, both of one moment. */
  read(): Promise<HeadInRedis>;
  /** Never lowers the head within an epoch; answers what stands there afterwards. */
  raise(epoch: string, number: number): Promise<HeadInRedis>;
  /** Tells the members that listen. */
  publish(news: { readonly epoch: string; readonly head: number }): Promise<void>;
}

export interface HeadInRedis {
  readonly run: string;
  readonly head: Head | null;
}

const DEADLINE_MS = 100;

/** Tells Redis of every change, and remembers since when which Redis process has known of it. */
export class Announcer {
  readonly #redis: RedisAnnouncements | null;
  readonly #clock: Clock;
  readonly #log: KeyServiceLog | null;
  readonly #held = new HeadLog();
  /** What is to be said next. */
  #wanted: Head | null = null;
  /** The end of the line of calls: one at a time, so that an older answer is never taken for a head that fell. */
  #lastCall: Promise<unknown> = Promise.resolve();
  /** Which of the two Redis did not do last time. */
  readonly #failing = new Set<'head' | 'news'>();

  constructor(redis: RedisAnnouncements | null, clock: Clock, log: KeyServiceLog | null) {
    this.#redis = redis;
    this.#clock = clock;
    this.#log = log;
  }

  get hasRedis(): boolean {
    return this.#redis !== null;
  }

  /** Writes the head and says so on the channel, at least this one. Never rejects. */
  async announce(head: Head): Promise<void> {
    const redis = this.#redis;
    if (redis === null) return;
    this.#wanted = head;
    await this.#inTurn(async () => {
      // Who waited for the same turn has said the newest of what both had to say.
      if (this.#wanted === null) return;
      const { epoch, number } = this.#wanted;
      this.#wanted = null;
      const [raised] = await Promise.all([
        this.#asked('head', redis.raise(epoch, number)),
        this.#asked('news', redis.publish({ epoch, head: number })),
      ]);
      if (raised !== null) this.#note(raised);
    });
  }

  /** Null where Redis does not answer, or where there is none. */
  async look(): Promise<HeadInRedis | null> {
    const redis = this.#redis;
    if (redis === null) return null;
    return this.#inTurn(async () => {
      const found = await this.#asked('head', redis.read());
      if (found !== null) this.#note(found);
      return found;
    });
  }

  /** Since when this Redis process has had a head of that epoch of at least `number`; null: that is not known. */
  heldSince(run: string, { epoch, number }: Head): number | null {
    return this.#held.since(scopeOf(run, epoch), number);
  }

  /** `call` never rejects. */
  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    const called = this.#lastCall.then(call);
    this.#lastCall = called;
    return called;
  }

  #note({ run, head }: HeadInRedis): void {
    if (head === null) this.#held.forget();
    else this.#held.note(scopeOf(run, head.epoch), head.number, this.#clock.monotonic());
  }

  async #asked<T>(what: 'head' | 'news', call: Promise<T>): Promise<T | null> {
    try {
      const answer = await within(DEADLINE_MS, 'Redis', call);
      if (this.#failing.delete(what)) this.#log?.info({ detail: what }, 'Redis serves the key service again');
      return answer;
    } catch (error) {
      if (this.#failing.has(what)) return null;
      this.#failing.add(what);
      const detail = `${what}: ${error instanceof Error ? error.message : 'unknown error'}`;
      this.#log?.warn({ detail }, 'Redis does not serve the key service');
      return null;
    }
  }
}

function scopeOf(run: string, epoch: string): string {
  return `${run} ${epoch}`;
}
