import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RedisConfig } from '../../src/config/config.ts';
import { startRedis, startRedisSentinel, type RedisServer } from '../../test/support/redis-servers.ts';
import { freePorts } from '../../test/support/redis-programs.ts';
import type { RedisSentinel } from '../../test/support/redis-sentinel.ts';
import { keysFileOf, type Account } from './accounts.ts';
import { GateProcess } from './gate-process.ts';
import type { Random } from './random.ts';
import { Relay } from './relay.ts';
import { startUpstream, type Upstream } from './upstream.ts';

/** How limits are kept: in one gate's memory, or over all gates in one of the two ways. */
export type Mode = 'memory' | 'exact' | 'leased';

export interface FleetPlan {
  readonly mode: Mode;
  readonly redis: 'none' | 'single' | 'sentinel';
  /** Whether a stretch of network that can be cut lies between each gate and Redis. */
  readonly relays: boolean;
  /** One gate for each: how far its wall clock is off. */
  readonly clockShiftsMs: readonly number[];
  readonly accounts: readonly Account[];
}

/** Gates, their upstream and their Redis, all of this run's own. */
export interface Fleet {
  readonly gates: readonly GateProcess[];
  /** By gate; empty where the plan has none. */
  readonly relays: readonly Relay[];
  readonly upstream: Upstream;
  readonly single: RedisServer | null;
  readonly sentinel: RedisSentinel | null;
  /** Orderly: what the gates have to log is in their files afterwards. */
  stop(): Promise<void>;
}

export async function startFleet(plan: FleetPlan, folder: string, random: Random): Promise<Fleet> {
  const upstream = await startUpstream();
  const single = plan.redis === 'single' ? await startRedis() : null;
  const sentinel = plan.redis === 'sentinel' ? await startRedisSentinel(3) : null;
  const relays: Relay[] = [];
  if (plan.relays && single !== null) {
    for (const _ of plan.clockShiftsMs) relays.push(await Relay.open(single.port, random));
  }
  const keysFile = join(folder, 'keys.yaml');
  writeFileSync(keysFile, JSON.stringify(keysFileOf(plan.accounts), null, 2));
  const ports = await freePorts(plan.clockShiftsMs.length);
  const gates = plan.clockShiftsMs.map((clockShiftMs, i) => {
    const relay = relays[i];
    const redis =
      relay === undefined ? redisSection(single?.config ?? sentinel?.config) : redisAt(relay.port);
    const config = configOf(plan.mode, ports[i] ?? 0, redis, keysFile, upstream.origin);
    return new GateProcess({ name: `gate-${i + 1}`, folder, config, clockShiftMs });
  });
  const stop = async (): Promise<void> => {
    await Promise.all(gates.map((gate) => gate.stop()));
    for (const relay of relays) relay.close();
    upstream.close();
    await single?.stop();
    await sentinel?.stop();
  };
  try {
    await Promise.all(gates.map((gate) => gate.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { gates, relays, upstream, single, sentinel, stop };
}

/** A gate that was killed comes back where it was, and so takes the place that it had. */
function configOf(mode: Mode, port: number, redis: object | null, keysFile: string, origin: string): object {
  return {
    admin: { port: 0 },
    ...(redis === null ? {} : { redis }),
    proxy: {
      host: '127.0.0.1',
      port,
      keys: { file: keysFile },
      limits: { mode: mode === 'exact' ? 'exact' : 'leased', whenRedisIsDown: 'share' },
      failedAuthentication: 'off',
      drain: { delay: '0s', timeout: '5s' },
      routes: [{ profile: 'standard', upstream: origin }],
    },
  };
}

function redisAt(port: number): object {
  return { url: `redis://127.0.0.1:${port}` };
}

function redisSection(config: RedisConfig | undefined): object | null {
  if (config === undefined) return null;
  const { servers, password } = config;
  if (servers.kind === 'single') return redisAt(servers.port);
  if (servers.kind === 'cluster') throw new Error('no trial has a cluster');
  return {
    sentinels: servers.sentinels.map(({ host, port }) => `${host}:${port}`),
    name: servers.name,
    ...(password === null ? {} : { password: password.reveal() }),
  };
}
