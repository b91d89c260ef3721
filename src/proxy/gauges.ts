import { hostname } from 'node:os';
import type { ConnectionState, Gauges, MemberGauges } from '../core/gauges.ts';
import type { RunningKeys } from './keys/start.ts';
import type { ProxyOptions } from './start.ts';
import type { Traffic } from './traffic.ts';

interface GaugedParts {
  readonly traffic: Traffic;
  readonly keys: RunningKeys;
  readonly isDraining: () => boolean;
}

/** What this process tells of itself whenever it is called; with each call the next interval begins. */
export function gaugesOf(
  { clock, version, redis, limits }: Pick<ProxyOptions, 'clock' | 'version' | 'redis' | 'limits'>,
  { traffic, keys, isDraining }: GaugedParts,
): () => Gauges {
  const lasting = { startedAt: clock.now(), version, host: hostname() };
  return () => ({
    ...lasting,
    ...traffic.take(),
    at: clock.now(),
    state: isDraining() ? 'draining' : 'serving',
    cacheEntries: keys.keys.entries,
    breaker: keys.silence.isOpen ? 'open' : 'closed',
    redis: { keys: stateOf(redis?.cache.isUp ?? null), limits: stateOf(limits?.isUp ?? null) },
    member: memberOf(keys),
  });
}

function stateOf(isUp: boolean | null): ConnectionState | null {
  return isUp === null ? null : isUp ? 'up' : 'away';
}

function memberOf(keys: RunningKeys): MemberGauges {
  const state = keys.state();
  return {
    mode: state.mode,
    epoch: state.epoch,
    applied: state.applied,
    fenceMs: state.fence_ms,
    staleIfErrorMs: state.stale_if_error_ms,
    renewalAgeMs: state.renewal_age_ms,
    redisRun: state.redis_run,
    newsChannelUp: state.news_channel_up,
  };
}
