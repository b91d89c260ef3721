import type { Decision } from '../core/decision.ts';
import { LIMITS_IN_GAUGES, type Gauges, type LimitUse, type TrafficOutcome } from '../core/gauges.ts';
import { formatLimit, type LimitState } from '../core/limit.ts';
import { REASONS, type Reason } from '../core/reasons.ts';
import { Durations } from './durations.ts';

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
  'inFlight' | 'requests' | 'refusals' | 'lookups' | 'intervalMs' | 'added' | 'limits'
>;

/** What a gate tells of its traffic: counts since its start, and what an interval was like. */
export class Traffic {
  readonly #monotonic: () => number;
  readonly #requests: Record<TrafficOutcome, number> = { allowed: 0, refused: 0, unavailable: 0, failed: 0 };
  readonly #refusals: Partial<Record<Reason, number>> = {};
  readonly #lookups = { l1: 0, l2: 0, origin: 0 };
  readonly #added = new Durations();
  #owners = new Map<string, OwnerUse>();
  #inFlight = 0;
  #since: number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#since = monotonic();
  }

  begin(): void {
    this.#inFlight++;
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
      lookups: { ...this.#lookups },
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
  const uses = [...owners].map(([ownerId, use]) => useOf(ownerId, use));
  const share = ({ used, quota }: LimitUse): number => (quota === 0 ? 0 : used / quota);
  return uses.toSorted((a, b) => share(b) - share(a) || b.requests - a.requests).slice(0, LIMITS_IN_GAUGES);
}

function useOf(ownerId: string, { tier, limits, requests }: OwnerUse): LimitUse {
  let least: LimitState | null = null;
  for (const state of limits) if (least === null || leftOf(state) < leftOf(least)) least = state;
  if (least === null) return { ownerId, tier, limit: null, quota: 0, used: 0, requests };
  const { limit, remaining } = least;
  const used = Math.min(limit.quota, Math.max(0, limit.quota - remaining));
  return { ownerId, tier, limit: formatLimit(limit), quota: limit.quota, used, requests };
}

function leftOf({ limit, remaining }: LimitState): number {
  return remaining / limit.quota;
}
