import type { RedisConfig } from './config/config.ts';
import type { Process } from './process.ts';
import { openRedis } from './runtime/redis/connect.ts';
import { memoryPolicy } from './runtime/redis/memory-policy.ts';
import type { RedisConnection, RedisListener, RedisSubscription } from './runtime/redis/redis.ts';
import { subscribeRedis } from './runtime/redis/subscribe.ts';

/** A connection for each purpose, so that what is slow at one does not hold up another. */
export type RedisPurpose = 'cache' | 'limits' | 'head';

/**
 * What Redis may take to answer; what needs longer is away. A request waits for the cache, and has the key service
 * to ask without it; limits have nobody else, and what is cut off from them needs a window to find its part.
 */
const DEADLINES_MS = { cache: 40, limits: 100, head: 100 } as const satisfies Record<RedisPurpose, number>;
const RESULTS = ['ok', 'error', 'timeout'] as const;

export async function connectRedis(
  config: RedisConfig,
  purpose: RedisPurpose,
  { log, metrics, stops }: Process,
): Promise<RedisConnection> {
  const results = Object.fromEntries(
    RESULTS.map((result) => [result, metrics.redisCommands.labels(purpose, result)]),
  );
  for (const child of Object.values(results)) child.inc(0);
  metrics.redisCommandDuration.zero({ connection: purpose });
  const duration = metrics.redisCommandDuration.labels(purpose);
  const connection = await openRedis(config, {
    purpose,
    deadlineMs: DEADLINES_MS[purpose],
    log,
    events: {
      up: upEvent(purpose, metrics, metrics.breakerOpen.labels(`redis_${purpose}`)),
      command(result, durationMs) {
        results[result]?.inc();
        duration.observe(durationMs / 1000);
      },
    },
  });
  stops.push(`redis ${purpose}`, () => connection.close());
  return connection;
}

export function subscribeTo(
  config: RedisConfig,
  { log, metrics }: Process,
): (channel: string, listener: RedisListener) => Promise<RedisSubscription> {
  const purpose = 'news';
  const events = { up: upEvent(purpose, metrics) };
  return (channel, listener) => subscribeRedis(config, channel, listener, { purpose, log, events });
}

/** Redis that forgets books when its memory is full lets more through than the limits say. */
export async function warnOfEviction(redis: RedisConnection, { log }: Process): Promise<void> {
  const policy = await memoryPolicy(redis).catch(() => null);
  if (policy === null || policy === 'noeviction') return;
  const detail = `maxmemory-policy is ${policy}; noeviction is needed, or limits may be forgotten when its memory is full`;
  log.warn({ detail }, 'redis may forget limits');
}

/** A connection that is down is asked nothing, so that it is its own breaker. */
function upEvent(
  purpose: string,
  { redisUp }: Process['metrics'],
  breaker: { set(value: number): void } | null = null,
): (isUp: boolean) => void {
  const gauge = redisUp.labels(purpose);
  const tell = (isUp: boolean): void => {
    gauge.set(isUp ? 1 : 0);
    breaker?.set(isUp ? 0 : 1);
  };
  tell(false);
  return tell;
}
