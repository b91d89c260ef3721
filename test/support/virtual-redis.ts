import { RedisError, type RedisConnection, type RedisScript } from '../../src/runtime/redis/redis.ts';
import type { VirtualProcess, VirtualTime } from './virtual-time.ts';

/** What may happen to a call on its way. */
export type Fate = 'arrives' | 'never arrives' | 'reply lost' | 'connection killed' | 'arrives late';

export interface VirtualRedisOptions {
  readonly time: VirtualTime;
  /** Whose calls these are. */
  readonly process: VirtualProcess;
  readonly real: RedisConnection;
  /** One way, in milliseconds. */
  readonly delayMs?: () => number;
  readonly fate?: (call: unknown) => Fate;
  readonly isCluster?: boolean;
  /** What the scripts read as Redis' clock, and as its run id. */
  readonly server: VirtualServer;
}

/** The clock and the name of the Redis process, as a test wants them. */
export class VirtualServer {
  aheadMs = 0;
  run = 'a'.repeat(40);
  isUp = true;
  calls = 0;
}

const DEADLINE_MS = 100;

/**
 * A real Redis whose TIME and run id are the test's: scripts are given both in place of what they would read there,
 * which only a script changed by a test can be.
 */
export class VirtualRedis implements RedisConnection {
  readonly isUp = true;
  readonly isCluster: boolean;
  readonly #options: VirtualRedisOptions;

  constructor(options: VirtualRedisOptions) {
    this.#options = options;
    this.isCluster = options.isCluster ?? false;
  }

  run(
    script: RedisScript,
    keys: readonly string[],
    parameters: readonly (string | number)[],
  ): Promise<unknown> {
    const { time, process, server, delayMs = () => 0.25, fate = () => 'arrives' } = this.#options;
    server.calls++;
    const happens = fate(JSON.parse(String(parameters[0])));
    return new Promise((resolve, reject) => {
      const { promise, resolve: done, reject: failed } = Promise.withResolvers<unknown>();
      promise.catch(() => {});
      if (!server.isUp) {
        process.at(time.now + delayMs(), () => reject(new RedisError('refused', 'nobody listens')));
        return;
      }
      const lateMs = happens === 'arrives late' ? 60 + 200 * Math.random() : 0;
      if (happens !== 'never arrives') {
        time.at(time.now + delayMs() + lateMs, async () => {
          try {
            done(await this.#execute(script, keys, parameters));
          } catch (error) {
            failed(error);
          }
        });
      }
      if (happens === 'arrives') {
        promise.then(
          (reply) => process.at(time.now + delayMs(), () => resolve(reply)),
          (error: unknown) => process.at(time.now + delayMs(), () => reject(error)),
        );
      }
      const lostMs = happens === 'connection killed' ? 1 : DEADLINE_MS;
      process.at(time.now + lostMs, () => reject(new RedisError('unknown', 'no reply came')));
    });
  }

  async #execute(
    script: RedisScript,
    keys: readonly string[],
    parameters: readonly (string | number)[],
  ): Promise<unknown> {
    const { time, server, real } = this.#options;
    const micros = Math.round((time.now + server.aheadMs) * 1000);
    const clock = [Math.floor(micros / 1e6), micros % 1e6];
    return real.run(variantOf(script), keys, [...parameters, ...clock, `master_replid:${server.run}`]);
  }

  get(): Promise<never> {
    return Promise.reject(new Error('not used here'));
  }

  set(): Promise<never> {
    return Promise.reject(new Error('not used here'));
  }

  publish(): Promise<never> {
    return Promise.reject(new Error('not used here'));
  }

  async close(): Promise<void> {}
}

const VARIANTS = new Map<string, RedisScript>();

function variantOf(script: RedisScript): RedisScript {
  let variant = VARIANTS.get(script.name);
  if (variant === undefined) {
    const lua = script.lua
      .replace("redis.call('TIME')", '{ARGV[2], ARGV[3]}')
      .replace("redis.call('INFO', 'replication')", 'ARGV[4]')
      // The server itself would forget by the time outside.
      .replaceAll(", 'PX', keep)", ')');
    if (/'(?:TIME|INFO|PX)'/.test(lua)) throw new Error('the script tells the time elsewhere, too');
    variant = { ...script, name: `virtual${script.name}`, lua };
    VARIANTS.set(script.name, variant);
  }
  return variant;
}
