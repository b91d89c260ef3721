import type { RedisConfig } from '../../src/config/config.ts';
import { Seal } from '../../src/core/seal.ts';
import type { Secret } from '../../src/core/secret.ts';
import { redisAnnouncements } from '../../src/key-service/fleet/redis-announcements.ts';
import type { KeyPartners } from '../../src/proxy/keys/start.ts';
import type { Log } from '../../src/runtime/log.ts';
import { openRedis } from '../../src/runtime/redis/connect.ts';
import { subscribeRedis } from '../../src/runtime/redis/subscribe.ts';

/** As long as any machine takes: what is slow is another test's. */
const DEADLINE_MS = 2000;

/** What a gate and the key service beside it have of Redis. */
export async function connectGateRedis(config: RedisConfig, token: Secret, log: Log) {
  const events = { up: () => undefined, command: () => undefined };
  const open = (purpose: string) => openRedis(config, { purpose, deadlineMs: DEADLINE_MS, events, log });
  const [cache, head, limits] = await Promise.all([open('cache'), open('head'), open('limits')]);
  const seal = new Seal([token]);
  const forGate: NonNullable<KeyPartners['redis']> = {
    cache,
    subscribe: (channel, listener) =>
      subscribeRedis(config, channel, listener, { purpose: 'news', events, log }),
    seal,
  };
  return {
    forGate,
    forLimits: limits,
    forKeyService: redisAnnouncements(head, seal),
    async close() {
      await Promise.all([cache, head, limits].map((connection) => connection.close()));
    },
  };
}
