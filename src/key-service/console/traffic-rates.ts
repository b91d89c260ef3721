import type { Gauges } from '../../core/gauges.ts';
import type { MemberReport } from '../history.ts';

/** Rates of all gates at one moment, per second; `added` is in milliseconds, the largest of all gates. */
export interface Rates {
  readonly outcomes: Counts;
  readonly reasons: Counts;
  readonly layers: Counts;
  /** By tier: refused by its limits, and what its shadow limits would have. */
  readonly refused: Counts;
  readonly wouldRefuse: Counts;
  readonly added: Counts;
}

export type Counts = Readonly<Record<string, number>>;

const LAYERS = { l1: 'memory', l2: 'redis', origin: 'key_service' } as const;

/**
 * What happened between two looks at the gauges. Counts are of gates since their starts, so a gate counts by how much
 * its counts have risen; one that has started since counts from its start. Null: no gate can be compared.
 */
export function ratesBetween(
  before: ReadonlyMap<string, Gauges>,
  after: readonly MemberReport[],
): Rates | null {
  const steps = after.flatMap(({ member, gauges }) => {
    const earlier = before.get(member);
    const seconds = (gauges.at - (earlier?.at ?? gauges.startedAt)) / 1000;
    const isNew = earlier === undefined && !isOlderThan(gauges, before);
    return seconds > 0 && (earlier !== undefined || isNew) ? [{ earlier, gauges, seconds }] : [];
  });
  if (steps.length === 0) return null;
  const sum = (countsOf: (gauges: Gauges) => Counts): Counts => {
    const total: Record<string, number> = {};
    for (const { earlier, gauges, seconds } of steps) {
      const base: Counts = earlier === undefined ? {} : countsOf(earlier);
      for (const [name, count] of Object.entries(countsOf(gauges))) {
        total[name] = (total[name] ?? 0) + Math.max(0, count - (base[name] ?? 0)) / seconds;
      }
    }
    return total;
  };
  return {
    outcomes: sum(({ requests }) => requests),
    reasons: sum(({ refusals }) => refusals),
    layers: sum(({ lookups }) => ({
      [LAYERS.l1]: lookups.l1,
      [LAYERS.l2]: lookups.l2,
      [LAYERS.origin]: lookups.origin,
    })),
    refused: sum(({ tiers }) => countsBy(tiers, 'refused')),
    wouldRefuse: sum(({ tiers }) => countsBy(tiers, 'wouldRefuse')),
    added: addedOf(steps.map(({ gauges }) => gauges)),
  };
}

/** A gate that was there before the last look and was not seen in it: since when its counts have risen is not known. */
function isOlderThan({ startedAt }: Gauges, before: ReadonlyMap<string, Gauges>): boolean {
  const latest = Math.max(...[...before.values()].map(({ at }) => at));
  return before.size === 0 || startedAt < latest - MISSED_MS;
}

function countsBy(tiers: Gauges['tiers'], what: keyof Gauges['tiers'][string]): Counts {
  return Object.fromEntries(Object.entries(tiers).map(([name, counts]) => [name, counts[what]]));
}

const MISSED_MS = 10_000;

function addedOf(all: readonly Gauges[]): Counts {
  const added = all.flatMap((gauges) => gauges.added ?? []);
  if (added.length === 0) return {};
  return {
    p50: Math.max(...added.map(({ p50Ms }) => p50Ms)),
    p99: Math.max(...added.map(({ p99Ms }) => p99Ms)),
  };
}
