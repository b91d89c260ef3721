import type { Gauges } from '../../src/core/gauges.ts';

/** Gauges in which every field says something. */
export function gaugesSample(more: Partial<Gauges> = {}): Gauges {
  const at = Date.UTC(2030, 0, 1, 1);
  return {
    at,
    startedAt: at - 60_000,
    version: '1.2.3',
    host: 'gate-7f9c',
    state: 'serving',
    inFlight: 3,
    requests: { allowed: 100, refused: 7, unavailable: 2, failed: 1 },
    refusals: { unknown_key: 5, rate_limited: 2, overloaded: 2 },
    tiers: { 'plexe/basic': { refused: 4, wouldRefuse: 9 } },
    lookups: { l1: 90, l2: 6, origin: 4 },
    cacheEntries: 12,
    leasedUnits: 5,
    breaker: 'closed',
    intervalMs: 2001,
    added: { p50Ms: 0.12, p99Ms: 1.9 },
    limits: [
      { ownerId: 'acme', tier: 'basic', limit: '100/minute', quota: 100, used: 97, requests: 40 },
      { ownerId: 'free', tier: 'none', limit: null, quota: 0, used: 0, requests: 5 },
    ],
    redis: { keys: 'up', limits: null },
    member: {
      mode: 'renew',
      epoch: 'b1946ac9',
      applied: 41,
      fenceMs: 2000,
      staleIfErrorMs: 60_000,
      renewalAgeMs: 120,
      redisRun: null,
      newsChannelUp: true,
    },
    ...more,
  };
}
