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
  /** Of the announcement that is under way; whoever has the same to say joins it. */
  #saying: { readonly head: Head; readonly said: Promise<void> } | null = null;
  #isAway = false;

  constructor(redis: RedisAnnouncements | null, clock: Clock, log: KeyServiceLog | null) {
    this.#redis = redis;
    this.#clock = clock;
    this.#log = log;
  }

  get hasRedis(): boolean {
    return this.#redis !== null;
  }

  /** Writes the head and says so on the channel. Never rejects, and ends with the deadline at the latest. */
  async announce(head: Head): Promise<void> {
    if (this.#redis === null) return;
    const { epoch, number } = head;
    if (this.#saying?.head.epoch === epoch && this.#saying.head.number === number) return this.#saying.said;
    const saying = { head, said: this.#say(this.#redis, head) };
    this.#saying = saying;
    await saying.said;
    if (this.#saying === saying) this.#saying = null;
  }

  async #say(redis: RedisAnnouncements, { epoch, number }: Head): Promise<void> {
    const [raised] = await Promise.all([
      this.#asked(redis.raise(epoch, number)),
      this.#asked(redis.publish({ epoch, head: number })),
    ]);
    if (raised !== null) this.#note(raised);
  }

  /** Null where Redis does not answer, or where there is none. */
  async look(): Promise<HeadInRedis | null> {
    if (this.#redis === null) return null;
    const found = await this.#asked(this.#redis.read());
    if (found !== null) this.#note(found);
    return found;
  }

  /** Since when this Redis process has had a head of that epoch of at least `number`; null: that is not known. */
  heldSince(run: string, { epoch, number }: Head): number | null {
    return this.#held.since(scopeOf(run, epoch), number);
  }

  #note({ run, head }: HeadInRedis): void {
    if (head === null) this.#held.forget();
    else this.#held.note(scopeOf(run, head.epoch), head.number, this.#clock.monotonic());
  }

  async #asked<T>(call: Promise<T>): Promise<T | null> {
    try {
      const answer = await within(DEADLINE_MS, 'Redis', call);
      if (this.#isAway) this.#log?.info({}, 'Redis answers the key service again');
      this.#isAway = false;
      return answer;
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unknown error';
      if (!this.#isAway) this.#log?.warn({ detail }, 'Redis does not answer the key service');
      this.#isAway = true;
      return null;
    }
  }
}

function scopeOf(run: string, epoch: string): string {
  return `${run} ${epoch}`;
}
