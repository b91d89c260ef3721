import { hostname } from 'node:os';
import type { ProxyConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { ratesOf } from '../../core/limit.ts';
import { named } from '../../core/rate-limit-fields.ts';
import type { Metrics } from '../../runtime/metrics.ts';
import type { RedisConnection } from '../../runtime/redis/redis.ts';
import { systemTimers } from '../../runtime/timers.ts';
import type { RunningLimiter } from './limiter.ts';
import { MemoryLimiter } from './memory.ts';
import { SharedLimiter } from './shared.ts';
import type { LimiterEvents } from './shared-books.ts';

export interface LimiterOptions {
  readonly config: ProxyConfig;
  /** Where all replicas keep their limits together; null: each process by itself. */
  readonly redis: RedisConnection | null;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** So many more units are on lease; fewer where it is negative. */
  readonly leased: (units: number) => void;
}

/** The limiter of the configuration, joined with the other replicas where Redis answers. */
export async function startLimiter({
  config,
  redis,
  clock,
  metrics,
  leased,
}: LimiterOptions): Promise<RunningLimiter> {
  if (redis === null) return new MemoryLimiter(clock);
  const { mode, whenRedisIsDown } = config.limits;
  const limiter = new SharedLimiter({
    algorithm: mode,
    whenDown: whenRedisIsDown,
    // A process that listens here where another one did has come in its place.
    name: config.port === 0 ? null : `${hostname()}:${config.port}`,
    redis,
    clock,
    timers: systemTimers,
    events: eventsFor(metrics, leased),
  });
  const tiers = Object.values(config.tiers).flatMap((profile) => [...profile.values()].flat());
  await limiter.start(named('owner', ratesOf(tiers)));
  return limiter;
}

const OPERATIONS = ['take', 'beat', 'slots'] as const;
const EXCEPTIONS = ['open', 'clock_step', 'unreported'] as const;

/** Every series is there from the first scrape on. */
function eventsFor(
  { limitStoreCalls, limitStoreDuration, leasedUnits, limitExceptions }: Metrics,
  leased: LimiterOptions['leased'],
): LimiterEvents {
  const calls = new Map<string, { inc(by?: number): void }>();
  for (const operation of OPERATIONS) {
    limitStoreDuration.zero({ operation });
    for (const result of ['ok', 'error']) {
      const child = limitStoreCalls.labels(operation, result);
      child.inc(0);
      calls.set(`${operation} ${result}`, child);
    }
  }
  for (const kind of EXCEPTIONS) limitExceptions.labels(kind).inc(0);
  const durations = {
    take: limitStoreDuration.labels('take'),
    beat: limitStoreDuration.labels('beat'),
    slots: limitStoreDuration.labels('slots'),
  };
  return {
    called(operation, result, durationMs) {
      calls.get(`${operation} ${result}`)?.inc();
      durations[operation].observe(durationMs / 1000);
    },
    leased(units) {
      leasedUnits.inc(units);
      leased(units);
    },
    exception: (kind) => limitExceptions.labels(kind).inc(),
  };
}
