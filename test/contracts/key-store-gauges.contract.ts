import { beforeEach, describe, expect, test } from 'vitest';
import { gaugesToJson } from '../../src/core/gauges.ts';
import type { Report } from '../../src/core/wire.ts';
import { GAUGES_KEPT_MS } from '../../src/key-service/store/ledger.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { gaugesSample } from '../support/gauges-sample.ts';
import { T0 } from './key-store.sample.ts';

export function reportOfGauges(sequence: number, more: Partial<Report> = {}): Report {
  const gauges = gaugesSample({ inFlight: sequence });
  return { member: 'gate-1', sequence, usage: [], refusals: [], suppressed: [], gauges, ...more };
}

/** How every key store keeps the gauges of gates. */
export function gaugesContract(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(() => {
    store = open();
  });

  async function kept(since = 0): Promise<[string, unknown][]> {
    return (await store.gauges(since)).map(({ member, gauges }) => [
      member,
      (gauges as { in_flight: number }).in_flight,
    ]);
  }

  describe('gauges', () => {
    test('are the latest of each member, with when they were taken', async () => {
      await store.takeReport(reportOfGauges(1), T0);
      await store.takeReport(reportOfGauges(1, { member: 'gate-0' }), T0 + 1);
      await store.takeReport(reportOfGauges(2), T0 + 2);
      const json = (inFlight: number) => gaugesToJson(gaugesSample({ inFlight }));
      expect(await store.gauges(0)).toEqual([
        { member: 'gate-0', reportedAt: T0 + 1, gauges: json(1) },
        { member: 'gate-1', reportedAt: T0 + 2, gauges: json(2) },
      ]);
      expect(await kept(T0 + 2)).toEqual([['gate-1', 2]]);
    });

    test('of a report that comes late or a second time change nothing', async () => {
      await store.takeReport(reportOfGauges(3), T0);
      await store.takeReport(reportOfGauges(2), T0 + 1);
      expect(await store.takeReport(reportOfGauges(3, { gauges: gaugesSample() }), T0 + 2)).toBe(false);
      expect(await kept()).toEqual([['gate-1', 3]]);
    });

    test('stay where a report has none', async () => {
      await store.takeReport(reportOfGauges(1), T0);
      const { gauges: _, ...without } = reportOfGauges(2);
      await store.takeReport(without, T0 + 1);
      expect(await kept()).toEqual([['gate-1', 1]]);
    });

    test('go when their member has not reported for 15 minutes, with the next that does', async () => {
      await store.takeReport(reportOfGauges(1, { member: 'gone' }), T0);
      await store.takeReport(reportOfGauges(1, { member: 'late' }), T0 + 1);
      await store.takeReport(reportOfGauges(1), T0 + GAUGES_KEPT_MS + 1);
      expect((await kept()).map(([member]) => member)).toEqual(['gate-1', 'late']);
    });
  });
}
