import { randomUUID } from 'node:crypto';
import { openRedis } from '../../src/runtime/redis/connect.ts';
import type { RedisConnection } from '../../src/runtime/redis/redis.ts';
import type { RedisConfig } from '../../src/config/config.ts';
import type { NamedLimit } from '../../src/core/limit.ts';
import { SharedLimiter } from '../../src/proxy/limiter/shared.ts';
import type { WhenDown } from '../../src/proxy/limiter/shared-books.ts';
import { VirtualRedis, VirtualServer, type Fate } from './virtual-redis.ts';
import { VirtualTime, type VirtualProcess } from './virtual-time.ts';

/** A registry made anew is believed after this time. */
const SETTLED_MS = 2200;

export interface Replica {
  readonly limiter: SharedLimiter;
  readonly process: VirtualProcess;
  /** What the metrics have heard, by name. */
  readonly heard: Record<string, number>;
}

export interface ReplicaOptions {
  readonly algorithm: 'exact' | 'leased';
  readonly whenDown?: WhenDown;
  readonly name?: string;
  readonly clock?: { readonly rate?: number; readonly aheadMs?: number };
  readonly fate?: (call: unknown) => Fate;
  readonly delayMs?: () => number;
  readonly isCluster?: boolean;
  readonly limits?: readonly NamedLimit[];
}

/** Replicas that share limits through a real Redis, in virtual time. */
export class VirtualFleet {
  readonly time = new VirtualTime();
  readonly server = new VirtualServer();
  readonly #real: RedisConnection;

  constructor(real: RedisConnection) {
    this.#real = real;
  }

  /** A new process. It takes part once time passes. */
  start({ algorithm, whenDown = 'share', name, clock = {}, limits = [], ...link }: ReplicaOptions): Replica {
    const process = this.time.process(clock);
    const heard: Record<string, number> = {};
    const count = (name: string, by = 1): void => {
      heard[name] = (heard[name] ?? 0) + by;
    };
    const limiter = new SharedLimiter({
      algorithm,
      whenDown,
      name: name ?? null,
      redis: new VirtualRedis({ time: this.time, process, real: this.#real, server: this.server, ...link }),
      clock: process,
      timers: process,
      events: {
        called: (operation, result) => count(`${operation} ${result}`),
        leased: (units) => count('leased', units),
        exception: (kind) => count(kind),
      },
    });
    void limiter.start(limits);
    return { limiter, process, heard };
  }

  /** Passes until a new registry is believed. */
  settle(): Promise<void> {
    return this.time.pass(SETTLED_MS);
  }

  /** Whatever Redis held is gone. */
  async empty(): Promise<void> {
    await this.#real.run(FLUSH, [], []);
  }

  /** A replica has all that Redis holds now. */
  async replicate(): Promise<void> {
    await this.#real.run(REPLICATE, [], []);
  }

  /** The replica is the master from now on: it lacks what was written since. */
  async failOver(): Promise<void> {
    await this.#real.run(PROMOTE, [], []);
    this.server.run = newRun();
  }
}

/** A name that no Redis process had before. */
export function newRun(): string {
  return randomUUID().replaceAll('-', '');
}

const FLUSH = { name: 'flush', lua: "return redis.call('FLUSHALL')", numberOfKeys: 0 };

const COPY = `
local function copy(from, to)
  for _, key in ipairs(redis.call('KEYS', to .. '*')) do redis.call('DEL', key) end
  for _, key in ipairs(redis.call('KEYS', from .. '*')) do
    redis.call('SET', to .. string.sub(key, #from + 1), redis.call('GET', key))
  end
end
`;
const REPLICATE = { name: 'replicate', lua: `${COPY}copy('plexgate', 'replica')`, numberOfKeys: 0 };
const PROMOTE = { name: 'promote', lua: `${COPY}copy('replica', 'plexgate')`, numberOfKeys: 0 };

export async function connectTo(config: RedisConfig): Promise<RedisConnection> {
  return openRedis(config, {
    purpose: 'test',
    deadlineMs: 5000,
    events: { up: () => {}, command: () => {} },
    log: { info: () => {}, warn: () => {} },
  });
}
