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
  readonly version: string | null;
  /** Open leases of limits. */
  readonly leases: number | null;
  readonly redis_keys: UpOrAway;
  readonly redis_limits: UpOrAway;
  /** Whether the breaker to the key service lets questions through. */
  readonly key_service: UpOrAway;
  /** What the gate calls the configuration that it has in force. */
  readonly configuration: string | null;
}

export interface TrafficQuery {
  /** How far back from now: 60 to 86400; 900. */
  readonly seconds?: number;
}

/** Rates and counts of all gates together. Series have one number for each of `at`; null: nobody reported then. */
export interface TrafficAnswer {
  /** False: no gate has reported numbers in this time. Every list is then empty. */
  readonly available: boolean;
  readonly step_ms: number;
  readonly at: readonly string[];
  /** Requests by outcome: `allowed`, `refused`, `failed`. */
  readonly outcomes: readonly Series[];
  /** Refusals by reason. */
  readonly reasons: readonly Series[];
  /** `p50` and `p99` of what the gate adds, in milliseconds. */
  readonly added_ms: readonly Series[];
  /** Lookups by the layer that answered: `memory`, `redis`, `key_service`, `keys_file`. */
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
  readonly limit: string;
  /** Of the quota, in the window that ends now; over all gates. */
  readonly used: number;
  readonly quota: number;
}

/** Limits that count and refuse nobody, beside those in force. */
export interface WhatIfAnswer {
  /** False: no gate has a shadow limit, or none has reported. */
  readonly available: boolean;
  readonly step_ms: number;
  readonly at: readonly string[];
  /** For each shadow limit: what was refused in truth, and what it would have refused. */
  readonly limits: readonly {
    readonly name: string;
    readonly refused: readonly (number | null)[];
    readonly would_refuse: readonly (number | null)[];
  }[];
  readonly now: string;
}
