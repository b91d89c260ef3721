import type { Seal } from '../../core/seal.ts';
import { NEWS_CHANNEL, openNews } from '../../runtime/redis/news.ts';
import type { RedisListener, RedisSubscription } from '../../runtime/redis/redis.ts';
import type { Knowledge } from './knowledge.ts';

/** Rejects only for a configuration that cannot work. */
export type Subscribe = (channel: string, listener: RedisListener) => Promise<RedisSubscription>;

export interface RedisNewsOptions {
  readonly subscribe: Subscribe;
  readonly seal: Seal;
  readonly knowledge: Knowledge;
  /** A message came, and what it was. */
  readonly heard: (result: 'received' | 'forged') => void;
}

/**
 * What the key service publishes in Redis, as news. A message only says that there is something to renew for; what has
 * changed the key service tells. One that is not sealed says nothing.
 */
export class RedisNews {
  readonly #options: RedisNewsOptions;
  #subscription: RedisSubscription | null = null;

  constructor(options: RedisNewsOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#subscription?.isUp ?? false;
  }

  /** Listens from now on. */
  async open(listener: () => void): Promise<void> {
    const { subscribe, seal, knowledge, heard } = this.#options;
    this.#subscription = await subscribe(NEWS_CHANNEL, {
      message(text) {
        const news = openNews(seal, text);
        heard(news === null ? 'forged' : 'received');
        if (news === null) return;
        if (news.epoch !== knowledge.epoch || news.head > knowledge.applied) listener();
      },
      // What was published meanwhile is lost.
      connected: listener,
    });
  }

  async close(): Promise<void> {
    await this.#subscription?.close();
  }
}
