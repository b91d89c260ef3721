import type { LookupSource } from './decision.ts';
import { instantText } from './instant.ts';

/**
 * How a gate stands at a moment, for people who look at live traffic. Counts are those since the process started, so that
 * a rate is the difference of two gauges by the time between them, and gauges that were lost make no gap in it.
 */
export interface Gauges {
  /** By the gate's clock. */
  readonly at: number;
  readonly startedAt: number;
  readonly version: string;
  /** Of the machine; in Kubernetes of the pod. */
  readonly host: string;
  readonly state: 'serving' | 'draining';
  /** Requests decided and not yet over, streams and WebSockets among them. */
  readonly inFlight: number;
  /** Those that are over. */
  readonly requests: Readonly<Record<TrafficOutcome, number>>;
  /** Those of them the gate refused, by reason. Only reasons there were. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Of tiers, named `profile/tier`, what limits refused and what shadow limits would have. Only tiers with any. */
  readonly tiers: Readonly<Record<string, TierCounts>>;
  /** Which layer answered for keys. */
  readonly lookups: Readonly<Record<LookupSource, number>>;
  /** Keys in the memory of the gate. */
  readonly cacheEntries: number;
  /** Units of limits that it has on lease. */
  readonly leasedUnits: number;
  /** What `added` and `limits` are about: the time until `at`. */
  readonly intervalMs: number;
  /** From the request head to the decision; null where no request ended. */
  readonly added: { readonly p50Ms: number; readonly p99Ms: number } | null;
  /** The owners that came nearest to a limit of theirs, the nearest first. */
  readonly limits: readonly LimitUse[];
  /** Before the key service; open: nobody waits for it. */
  readonly breaker: 'open' | 'closed';
  /** Of the connections to Redis; null: there is none. */
  readonly redis: { readonly keys: ConnectionState | null; readonly limits: ConnectionState | null };
  readonly member: MemberGauges;
}

/**
 * `allowed`: the upstream answered, or the client left first. `unavailable`: refused because something was down or too
 * much was to do. `failed`: allowed, and the upstream did not answer.
 */
export type TrafficOutcome = 'allowed' | 'refused' | 'unavailable' | 'failed';
export interface TierCounts {
  readonly refused: number;
  readonly wouldRefuse: number;
}

export type ConnectionState = 'up' | 'away';

export interface LimitUse {
  readonly ownerId: string;
  readonly tier: string;
  /** `100/minute`: the one of the owner's and its key's limits with the least left; null where none holds. */
  readonly limit: string | null;
  readonly quota: number;
  /** As this gate last knew it; at most `quota`. */
  readonly used: number;
  /** Decisions of this gate in the interval. */
  readonly requests: number;
}

/** What the gate knows of changes. Ages are null where there is nothing yet. */
export interface MemberGauges {
  /** `resolve`: the key service offers no renewals. */
  readonly mode: 'renew' | 'resolve';
  readonly epoch: string | null;
  readonly applied: number;
  readonly fenceMs: number;
  readonly staleIfErrorMs: number;
  readonly renewalAgeMs: number | null;
  readonly redisRun: string | null;
  readonly newsChannelUp: boolean;
}

/** Gauges name at most so many owners. */
export const LIMITS_IN_GAUGES = 10;
/** And at most so many tiers. */
export const TIERS_IN_GAUGES = 100;

export function gaugesToJson({ at, startedAt, added, limits, member, ...rest }: Gauges): object {
  return {
    at: instantText(at),
    started_at: instantText(startedAt),
    version: rest.version,
    host: rest.host,
    state: rest.state,
    in_flight: rest.inFlight,
    requests: rest.requests,
    refusals: rest.refusals,
    tiers: Object.fromEntries(
      Object.entries(rest.tiers).map(([name, { refused, wouldRefuse }]) => [
        name,
        { refused, would_refuse: wouldRefuse },
      ]),
    ),
    lookups: rest.lookups,
    cache_entries: rest.cacheEntries,
    leased_units: rest.leasedUnits,
    interval: rest.intervalMs,
    added: added === null ? null : { p50: added.p50Ms, p99: added.p99Ms },
    limits: limits.map(({ ownerId, ...use }) => ({ owner_id: ownerId, ...use })),
    breaker: rest.breaker,
    redis: rest.redis,
    member: {
      mode: member.mode,
      epoch: member.epoch,
      applied: member.applied,
      fence: member.fenceMs,
      stale_if_error: member.staleIfErrorMs,
      renewal_age: member.renewalAgeMs,
      redis_run: member.redisRun,
      news_channel_up: member.newsChannelUp,
    },
  };
}
