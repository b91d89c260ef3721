import { describe, expect, test } from 'vitest';
import type { Gauges } from '../../../src/core/gauges.ts';
import { TrafficLog } from '../../../src/key-service/console/traffic-log.ts';
import { ratesBetween } from '../../../src/key-service/console/traffic-rates.ts';
import { gaugesSample } from '../../support/gauges-sample.ts';
import { testService } from '../fixture.ts';

const reported = (member: string, gauges: Gauges) => ({ member, reportedAt: gauges.at, gauges });
const before = (...all: [string, Gauges][]): ReadonlyMap<string, Gauges> => new Map(all);
const first = gaugesSample();

function later(seconds: number, allowed: number, more: Partial<Gauges> = {}): Gauges {
  const requests = { ...first.requests, allowed: first.requests.allowed + allowed };
  return gaugesSample({ at: first.at + seconds * 1000, requests, ...more });
}

describe('rates', () => {
  test('are how much the counts of all gates have risen, each by its own time', () => {
    const rates = ratesBetween(before(['a', first], ['b', first]), [
      reported('a', later(2, 20)),
      reported('b', later(4, 20, { added: { p50Ms: 3, p99Ms: 4 } })),
    ]);
    expect(rates?.outcomes).toEqual({ allowed: 15, refused: 0, unavailable: 0, failed: 0 });
    expect(rates?.added).toEqual({ p50: 3, p99: 4 });
  });

  test('of a gate that has just started count from its start, of one that was not seen before not at all', () => {
    const young = gaugesSample({ startedAt: first.at + 1000, at: first.at + 2000 });
    expect(ratesBetween(before(['a', first]), [reported('b', young)])?.outcomes['allowed']).toBe(100);
    expect(ratesBetween(before(['a', first]), [reported('b', later(2, 5))])).toBeNull();
    expect(ratesBetween(before(), [reported('a', first)])).toBeNull();
    expect(ratesBetween(before(['a', first]), [])).toBeNull();
  });

  test('never fall below nothing', () => {
    const fewer = later(2, -50);
    expect(ratesBetween(before(['a', first]), [reported('a', fewer)])?.outcomes['allowed']).toBe(0);
  });
});

describe('the traffic that is remembered', () => {
  test('has a point for each look, null where no gate reported, and the owners nearest to a limit', async () => {
    const { service, clock } = await testService();
    const log = new TrafficLog(service.history, clock);
    expect(log.answer(60)).toMatchObject({ available: false, at: [], outcomes: [], owners: [] });
    let sequence = 0;
    const look = async (gauges: Gauges | null): Promise<void> => {
      clock.at += 2000;
      const base = { usage: [], refusals: [], suppressed: [] };
      if (gauges !== null) await service.report({ ...base, member: 'a', sequence: ++sequence, gauges });
      await log.look();
    };
    await look(first);
    await look(later(2, 30));
    await look(later(4, 40, { refusals: { ...first.refusals, rate_limited: 6 } }));
    const answer = log.answer(60);
    const values = (list: typeof answer.outcomes, name: string) =>
      list.find((one) => one.name === name)?.values;
    expect([answer.available, answer.step_ms, answer.at.length]).toEqual([true, 2000, 3]);
    expect(values(answer.outcomes, 'allowed')).toEqual([null, 15, 5]);
    expect(values(answer.reasons, 'rate_limited')).toEqual([null, 0, 2]);
    expect(values(answer.added_ms, 'p99')).toEqual([null, 1.9, 1.9]);
    expect(answer.layers.map(({ name }) => name)).toEqual(['key_service', 'memory', 'redis']);
    expect(answer.owners).toEqual([
      { owner_id: 'acme', tier: 'basic', limit: '100/minute', quota: 100, used: 97, rate: 19.99 },
      { owner_id: 'free', tier: 'none', limit: null, quota: 0, used: 0, rate: 2.499 },
    ]);
  });

  test('has what shadow limits would have refused beside what limits refused, of tiers that have some', async () => {
    const { service, clock } = await testService();
    const log = new TrafficLog(service.history, clock);
    expect(log.whatIf(60)).toMatchObject({ available: false, at: [], limits: [] });
    const base = { usage: [], refusals: [], suppressed: [], member: 'a' };
    const tiers = {
      'plexe/basic': { refused: 8, wouldRefuse: 19 },
      'plexe/pro': { refused: 5, wouldRefuse: 0 },
    };
    for (const [i, gauges] of [first, later(2, 0, { tiers })].entries()) {
      clock.at += 2000;
      await service.report({ ...base, sequence: i + 1, gauges });
      await log.look();
    }
    expect(log.whatIf(60)).toMatchObject({
      available: true,
      limits: [{ name: 'plexe/basic', refused: [null, 2], would_refuse: [null, 5] }],
    });
  });

  test('of a long time is told in few steps, and of more than an hour not at all', async () => {
    const { service, clock } = await testService();
    const log = new TrafficLog(service.history, clock);
    const base = { usage: [], refusals: [], suppressed: [], member: 'a' };
    for (let i = 10; i <= 1900; i += 10) {
      clock.at += 20_000;
      await service.report({ ...base, sequence: i, gauges: later(2 * i, 40 * i) });
      await log.look();
    }
    const answer = log.answer(3600);
    expect(answer.at.length).toBeLessThanOrEqual(300);
    expect(Date.parse(answer.at[0] ?? '')).toBeGreaterThan(clock.at - 3_600_000);
    expect(answer.outcomes[0]?.values.at(-1)).toBe(20);
  });
});
