import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deny, type Decision, type LookupSource } from '../../src/core/decision.ts';
import type { LimitState } from '../../src/core/limit.ts';
import type { Reason } from '../../src/core/reasons.ts';
import { Durations } from '../../src/proxy/durations.ts';
import { Traffic } from '../../src/proxy/traffic.ts';
import { recordOf } from '../support/key-record.ts';

let now = 0;
const start = () => new Traffic(() => now);

function refused(reason: Reason, ownerId: string | null = null, left: readonly number[] = []) {
  const key = ownerId === null ? null : recordOf({ owner: { id: ownerId, tier: 'pro' } });
  return deny(reason, { key, source: key === null ? null : 'l1', limits: left.map(state) });
}

function state(remaining: number, i: number): LimitState {
  return { limit: { name: `l${i}`, quota: 100, windowMs: 60_000 * (i + 1) }, remaining, resetAfterMs: 0 };
}

function served(traffic: Traffic, decision: Decision<unknown>, addedMs = 1): void {
  traffic.begin();
  traffic.decided(decision);
  traffic.end(decision, null, addedMs);
}

describe('traffic', () => {
  it('counts what the gate refused by reason, and apart from it what it could not judge', () => {
    const traffic = start();
    for (const reason of ['unknown_key', 'unknown_key', 'no_route', 'overloaded'] as const)
      served(traffic, refused(reason));
    const { requests, refusals } = traffic.take();
    expect(requests).toEqual({ allowed: 0, refused: 3, unavailable: 1, failed: 0 });
    expect(refusals).toEqual({ unknown_key: 2, no_route: 1, overloaded: 1 });
  });

  it('tells how many units are on lease at the moment', () => {
    const traffic = start();
    [5, 3, -6].forEach((units) => traffic.leased(units));
    expect([traffic.take().leasedUnits, traffic.take().leasedUnits]).toEqual([2, 2]);
  });

  it('goes on counting from gauges to gauges; what an interval was like is told once', () => {
    const traffic = start();
    served(traffic, refused('rate_limited', 'acme', [0]), 3);
    now += 2000;
    const first = traffic.take();
    expect(first).toMatchObject({ intervalMs: 2000, requests: { refused: 1 }, limits: [{ used: 100 }] });
    expect(first.added?.p50Ms).toBeGreaterThan(2.7);
    now += 500;
    expect(traffic.take()).toMatchObject({
      intervalMs: 500,
      requests: { refused: 1 },
      refusals: { rate_limited: 1 },
      added: null,
      limits: [],
    });
  });

  it('counts by tier what limits refused and what shadow limits would have, and nothing that passed both', () => {
    const traffic = start();
    for (const result of ['allow', 'limit', 'shadow', 'shadow', 'error'] as const)
      traffic.limited('plexe/pro', result);
    traffic.limited('plexe/basic', 'allow');
    expect(traffic.take().tiers).toEqual({ 'plexe/pro': { refused: 1, wouldRefuse: 2 } });
    for (let i = 0; i < 200; i++) traffic.limited(`plexe/t${i}`, 'limit');
    expect(Object.keys(traffic.take().tiers)).toHaveLength(100);
  });

  it('knows how many requests are under way', () => {
    const traffic = start();
    traffic.begin();
    served(traffic, refused('no_route'));
    expect(traffic.take().inFlight).toBe(1);
  });

  it('names the layer that answered for a key', () => {
    const traffic = start();
    const layers: LookupSource[] = ['l1', 'l2', 'l1', 'origin'];
    for (const source of layers) served(traffic, deny('method_not_permitted', { key: recordOf(), source }));
    served(traffic, refused('missing_credential'));
    expect(traffic.take().lookups).toEqual({ l1: 2, l2: 1, origin: 1 });
  });

  it('names the ten owners nearest to a limit, each by its nearest limit as it was last known', () => {
    const traffic = start();
    for (let i = 0; i < 15; i++) served(traffic, refused('rate_limited', `owner-${i}`, [90, 50 + i]));
    served(traffic, refused('rate_limited', 'owner-14', [10, 64]));
    served(traffic, refused('rate_limited', 'unlimited'));
    const { limits } = traffic.take();
    expect(limits).toHaveLength(10);
    expect(limits.slice(0, 2)).toEqual([
      { ownerId: 'owner-14', tier: 'pro', limit: '100/minute', quota: 100, used: 90, requests: 2 },
      { ownerId: 'owner-0', tier: 'pro', limit: '100/2m', quota: 100, used: 50, requests: 1 },
    ]);
    expect(limits.map(({ ownerId }) => ownerId)).not.toContain('unlimited');
  });

  it('names an owner whom no limit holds where there are fewer than ten', () => {
    const traffic = start();
    served(traffic, refused('method_not_permitted', 'unlimited'));
    expect(traffic.take().limits).toEqual([
      { ownerId: 'unlimited', tier: 'pro', limit: null, quota: 0, used: 0, requests: 1 },
    ]);
  });

  it('looks at no more than 2,000 owners in an interval', () => {
    const traffic = start();
    for (let i = 0; i < 2001; i++)
      served(traffic, refused('rate_limited', `owner-${i}`, [i === 2000 ? 0 : 50]));
    expect(traffic.take().limits.map(({ used }) => used)).toEqual(Array.from({ length: 10 }, () => 50));
  });
});

describe('the share of durations', () => {
  it('that is asked for lies at most 10 % above the true one', () => {
    const ms = fc.double({ min: 0.001, max: 60_000, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(ms, { minLength: 1, maxLength: 50 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (all, share) => {
          const durations = new Durations();
          for (const one of all) durations.add(one);
          const sorted = all.toSorted((a, b) => a - b);
          const wanted = sorted[Math.max(1, Math.ceil(share * all.length)) - 1] ?? 0;
          const told = durations.quantile(share) ?? 0;
          expect(told).toBeGreaterThanOrEqual(wanted * 0.999 - 0.0006);
          expect(told).toBeLessThanOrEqual(wanted * 1.1 + 0.0006);
        },
      ),
    );
  });

  it('is none where there was nothing', () => {
    const durations = new Durations();
    durations.add(5);
    durations.clear();
    expect(durations.quantile(0.5)).toBeNull();
  });
});
