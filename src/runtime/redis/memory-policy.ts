import type { RedisConnection, RedisScript } from './redis.ts';

/**
 * What the server does when its memory is full: `noeviction`, or one of the policies under which it forgets what limits
 * have booked. Null where it does not say. Of a Cluster, one node answers for all.
 */
export async function memoryPolicy(redis: RedisConnection): Promise<string | null> {
  const policy = await redis.run(POLICY, [], []);
  return typeof policy === 'string' ? policy : null;
}

/** INFO, as the user need not be allowed CONFIG, which some services do not offer at all. */
const POLICY: RedisScript = {
  name: 'memoryPolicy',
  numberOfKeys: 0,
  lua: "return string.match(redis.call('INFO', 'memory'), 'maxmemory_policy:([%w-]+)')",
};
