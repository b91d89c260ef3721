import type { Decision } from '../core/decision.ts';
import {
  LIMITS_IN_GAUGES,
  TIERS_IN_GAUGES,
  type Gauges,
  type LimitUse,
  type TrafficOutcome,
} from '../core/gauges.ts';
import { formatLimit, type LimitState } from '../core/limit.ts';
import { REASONS, type Reason } from '../core/reasons.ts';
import { Durations } from './durations.ts';
import type { LimitResult } from './pipeline.ts';

/** Owners that are looked at within one interval. */
const OWNERS_MAX = 2000;

interface OwnerUse {
  readonly tier: string;
  limits: readonly LimitState[];
  requests: number;
}

/** What is told of a gate's traffic. */
export type TrafficGauges = Pick<
  Gauges,
  | 'inFlight'
  | 'requests'
  | 'refusals'
  | 'tiers'
  | 'lookups'
  | 'leasedUnits'
  | 'intervalMs'
  | 'added'
  | 'limits'
>;

/** What a gate tells of its traffic: counts since its start, and what an interval was like. */
export class Traffic {
  readonly #monotonic: () => number;
  readonly #requests: Record<TrafficOutcome, number> = { allowed: 0, refused: 0, unavailable: 0, failed: 0 };
  readonly #refusals: Partial<Record<Reason, number>> = {};
  readonly #tiers = new Map<string, { refused: number; wouldRefuse: number }>();
  readonly #lookups = { l1: 0, l2: 0, origin: 0 };
  readonly #added = new Durations();
  #owners = new Map<string, OwnerUse>();
  #inFlight = 0;
  #leasedUnits = 0;
  #since: number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#since = monotonic();
  }

  begin(): void {
    this.#inFlight++;
  }

  /** So many more units are on lease; fewer where it is negative. */
  leased(units: number): void {
    this.#leasedUnits += units;
  }

  decided({ key, source, limits }: Decision<unknown>): void {
    if (source !== null) this.#lookups[source]++;
    if (key === null) return;
    const use = this.#owners.get(key.owner.id);
    if (use !== undefined) {
      use.limits = limits;
      use.requests++;
    } else if (this.#owners.size < OWNERS_MAX) {
      this.#owners.set(key.owner.id, { tier: key.owner.tier, limits, requests: 1 });
    }
  }

  /** Of a tier, by its label: a limit has refused, or a shadow limit would have. */
  limited(label: string, result: LimitResult): void {
    if (result !== 'limit' && result !== 'shadow') return;
    let counts = this.#tiers.get(label);
    if (counts === undefined) {
      if (this.#tiers.size >= TIERS_IN_GAUGES) return;
      counts = { refused: 0, wouldRefuse: 0 };
      this.#tiers.set(label, counts);
    }
    counts[result === 'limit' ? 'refused' : 'wouldRefuse']++;
  }

  /** `failure`: why the gate answered what it had permitted. */
  end(decision: Decision<unknown>, failure: Reason | null, addedMs: number): void {
    this.#inFlight--;
    this.#added.add(addedMs);
    if (decision.kind !== 'denial') {
      this.#requests[failure === null ? 'allowed' : 'failed']++;
      return;
    }
    const { reason } = decision;
    this.#requests[REASONS[reason].status >= 500 ? 'unavailable' : 'refused']++;
    this.#refusals[reason] = (this.#refusals[reason] ?? 0) + 1;
  }

  /** How it stands now; the next interval begins. */
  take(): TrafficGauges {
    const now = this.#monotonic();
    const [p50Ms, p99Ms] = [this.#added.quantile(0.5), this.#added.quantile(0.99)];
    const taken = {
      inFlight: this.#inFlight,
      requests: { ...this.#requests },
      refusals: { ...this.#refusals },
      tiers: Object.fromEntries([...this.#tiers].map(([label, counts]) => [label, { ...counts }])),
      lookups: { ...this.#lookups },
      leasedUnits: this.#leasedUnits,
      intervalMs: Math.round(now - this.#since),
      added: p50Ms === null || p99Ms === null ? null : { p50Ms, p99Ms },
      limits: mostUsed(this.#owners),
    };
    this.#added.clear();
    this.#owners = new Map();
    this.#since = now;
    return taken;
  }
}

function mostUsed(owners: ReadonlyMap<string, OwnerUse>): LimitUse[] {
  const ranked = Array.from(owners, ([ownerId, use]) => {
    const least = leastLeft(use.limits);
    return { ownerId, use, least, left: least === null ? 1 : leftOf(least) };
  });
  return ranked
    .toSorted((a, b) => a.left - b.left || b.use.requests - a.use.requests)
    .slice(0, LIMITS_IN_GAUGES)
    .map(({ ownerId, use, least }) => useOf(ownerId, use, least));
}

function useOf(ownerId: string, { tier, requests }: OwnerUse, least: LimitState | null): LimitUse {
  if (least === null) return { ownerId, tier, limit: null, quota: 0, used: 0, requests };
  const { limit, remaining } = least;
  const used = Math.min(limit.quota, Math.max(0, limit.quota - remaining));
  return { ownerId, tier, limit: formatLimit(limit), quota: limit.quota, used, requests };
}

function leastLeft(limits: readonly LimitState[]): LimitState | null {
  let least: LimitState | null = null;
  for (const state of limits) if (least === null || leftOf(state) < leftOf(least)) least = state;
  return least;
}

function leftOf({ limit, remaining }: LimitState): number {
  return remaining / limit.quota;
}
