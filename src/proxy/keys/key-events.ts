import type { Metrics } from '../../runtime/metrics.ts';
import type { LookupEvents, LookupResult } from './lookup.ts';
import type { MemberEvents } from './member.ts';

/** What can come of a lookup at each layer. */
const RESULTS = {
  l1: ['hit', 'miss', 'negative', 'stale'],
  l2: ['hit', 'miss', 'stale', 'error', 'forged'],
  origin: ['hit', 'negative', 'error'],
} as const satisfies Record<string, readonly LookupResult[]>;

interface Counting {
  inc(by?: number): void;
}

/** What happens to keys as metrics; every series is there from the first scrape on. */
export function keyEvents(metrics: Metrics) {
  const renewals = countersOf(metrics.renewals, ['ok', 'error']);
  const witness = countersOf(metrics.witness, ['confirmed', 'denied', 'error', 'forged']);
  const news = countersOf(metrics.revocationNews, ['received', 'forged']);
  return {
    lookup: lookupEvents(metrics),
    member: {
      renewed: (result) => renewals[result].inc(),
      applied(changes, lagMs) {
        metrics.revocationChanges.inc(changes);
        if (Number.isFinite(lagMs)) metrics.revocationLag.observe(lagMs / 1000);
      },
    } satisfies MemberEvents,
    witnessAsked: (result: keyof typeof witness) => witness[result].inc(),
    newsHeard: (result: keyof typeof news) => news[result].inc(),
  };
}

function lookupEvents(metrics: Metrics): LookupEvents {
  const countersOfLayer = (layer: keyof typeof RESULTS): ReadonlyMap<string, Counting> =>
    new Map(
      RESULTS[layer].map((result) => {
        const child = metrics.lookups.labels(layer, result);
        child.inc(0);
        return [result, child];
      }),
    );
  const counters = {
    l1: countersOfLayer('l1'),
    l2: countersOfLayer('l2'),
    origin: countersOfLayer('origin'),
  };
  for (const layer of ['l2', 'origin']) metrics.lookupDuration.zero({ layer });
  const durations = {
    l2: metrics.lookupDuration.labels('l2'),
    origin: metrics.lookupDuration.labels('origin'),
  };
  return {
    answered(layer, result) {
      counters[layer].get(result)?.inc();
      if (result === 'stale') metrics.staleServed.inc();
    },
    took: (layer, durationMs) => durations[layer].observe(durationMs / 1000),
    coalesced: () => metrics.lookupsCoalesced.inc(),
  };
}

function countersOf<R extends string>(
  counter: { labels(result: string): Counting },
  results: readonly R[],
): Record<R, Counting> {
  const children = results.map((result) => [result, counter.labels(result)] as const);
  for (const [, child] of children) child.inc(0);
  return Object.fromEntries(children) as Record<R, Counting>;
}
