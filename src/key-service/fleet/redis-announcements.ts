import type { Seal } from '../../core/seal.ts';
import { RedisHead } from '../../runtime/redis/head.ts';
import { NEWS_CHANNEL, sealNews } from '../../runtime/redis/news.ts';
import type { RedisConnection } from '../../runtime/redis/redis.ts';
import type { RedisAnnouncements } from './announcer.ts';

/** Head and news of the key service in Redis. `forged` hears of every head found there that nobody of ours wrote. */
export function redisAnnouncements(
  redis: RedisConnection,
  seal: Seal,
  forged: () => void = () => undefined,
): RedisAnnouncements {
  const head = new RedisHead(redis, seal, forged);
  return {
    read: () => head.read(),
    raise: (epoch, number) => head.raise(epoch, number),
    publish: (news) => redis.publish(NEWS_CHANNEL, sealNews(seal, news)),
  };
}
