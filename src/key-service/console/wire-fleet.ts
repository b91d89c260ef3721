/* Fleet and traffic, as wire.ts has them. */

/** Null: there is none. */
export type UpOrAway = 'up' | 'away' | null;

export interface FleetAnswer {
  readonly epoch: string;
  /** The number of the newest change. */
  readonly head: number;
  readonly redis: { readonly run: string | null; readonly settled: boolean };
  readonly members: readonly MemberRow[];
  /** The configuration in force in this process, secrets masked; null where it is not known. */
  readonly configuration: unknown;
  readonly now: string;
}

export interface MemberRow {
  readonly member_id: string;
  readonly applied: number;
  /** How many changes it has not acknowledged. */
  readonly lag: number;
  readonly seen_ago_ms: number;
  readonly stale_if_error_ms: number;
  /** What the gate last reported of itself; null where it has reported nothing. */
  readonly state: MemberState | null;
}

export interface MemberState {
  readonly reported_at: string;
  readonly started_at: string;
  readonly version: string;
  /** Of the machine; in Kubernetes of the pod. */
  readonly host: string;
  readonly state: 'serving' | 'draining';
  /** Requests under way. */
  readonly in_flight: number;
  /** Keys in the gate's memory. */
  readonly cache_entries: number;
  /** Units of limits that the gate has on lease. */
  readonly leased_units: number;
  /** Before the key service; open: it was silent, and nobody waited for it. */
  readonly breaker: 'open' | 'closed';
  /** Connections to Redis; null: the gate has none. */
  readonly redis_keys: UpOrAway;
  readonly redis_limits: UpOrAway;
  readonly news_channel_up: boolean;
  /** Since the gate's last renewal with the key service, and how long what it knows may be used without one. */
  readonly renewal_age_ms: number | null;
  readonly fence_ms: number;
  /** `resolve`: the gate's key service offers no renewals. */
  readonly mode: 'renew' | 'resolve';
}

export interface TrafficQuery {
  /** How far back from now: 60 to 3600; 900. The key service remembers an hour, from its own start. */
  readonly seconds?: number;
}

/**
 * Rates of all gates together, in requests per second. Series have one number for each of `at`, each about the step
 * before it; null: nobody reported then.
 */
export interface TrafficAnswer {
  /** False: no gate has reported numbers in this time. Every list is then empty. */
  readonly available: boolean;
  readonly step_ms: number;
  readonly at: readonly string[];
  /** Requests by outcome: `allowed`, `refused`, `unavailable`, `failed`. */
  readonly outcomes: readonly Series[];
  /** Refusals by reason. */
  readonly reasons: readonly Series[];
  /** `p50` and `p99` of what a gate adds, in milliseconds: the largest of all gates. */
  readonly added_ms: readonly Series[];
  /** Lookups by the layer that answered: `memory`, `redis`, `key_service`. */
  readonly layers: readonly Series[];
  /** The owners that use most of a limit, most first. */
  readonly owners: readonly LimitUse[];
  readonly now: string;
}

export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

export interface LimitUse {
  readonly owner_id: string;
  readonly tier: string;
  /** The one of the owner's limits with the least left; null where none holds. */
  readonly limit: string | null;
  /** As the gate knew it that knew of most. */
  readonly used: number;
  readonly quota: number;
  /** Requests per second of the owner, over all gates. */
  readonly rate: number;
}

/** Limits that count and refuse nobody, beside those in force. Rates as those of `TrafficAnswer`. */
export interface WhatIfAnswer {
  /** False: no shadow limit would have refused anything of late, or no gate has reported. */
  readonly available: boolean;
  readonly step_ms: number;
  readonly at: readonly string[];
  /**
   * For each tier, as `profile/tier`, whose shadow limits would have refused something: what its limits refused, and what
   * the shadows would have refused of what was let through.
   */
  readonly limits: readonly {
    readonly name: string;
    readonly refused: readonly (number | null)[];
    readonly would_refuse: readonly (number | null)[];
  }[];
  readonly now: string;
}
