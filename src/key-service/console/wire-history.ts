import type { ReasonAbout } from './wire.ts';
import type { KeyRow } from './wire-keys.ts';
import type { UpOrAway } from './wire-fleet.ts';

/* Audit and explanations, as wire.ts has them. */

/** All may be left out. Texts must be equal. */
export interface AuditQuery {
  readonly kind?: string;
  readonly action?: string;
  readonly reason?: string;
  readonly request_id?: string;
  /** Who acted or was acted on. */
  readonly key?: string;
  readonly owner?: string;
  /** The email of an operator. */
  readonly operator?: string;
  readonly address?: string;
  readonly from?: string;
  readonly to?: string;
  /** 1 to 500; 50 */
  readonly limit?: number;
  /** The `next_cursor` of the page before. */
  readonly cursor?: string;
}

/** The newest first. */
export interface AuditPage {
  readonly audit: readonly AuditRow[];
  readonly next_cursor: string | null;
}

/** Null is what the row has nothing of. */
export interface AuditRow {
  readonly id: number;
  readonly at: string;
  /** `management`: a call that changes something, or a sign-in; `refusal`; `suppressed`: refusals counted together. */
  readonly kind: 'management' | 'refusal' | 'suppressed';
  readonly action: string | null;
  readonly reason: string | null;
  /** Of a management call: `done`, `repeated`, or why it was refused. */
  readonly outcome: string | null;
  readonly request_id: string | null;
  /** Who acted: a key, an owner's key, or an operator by email. */
  readonly key_id: string | null;
  readonly owner_id: string | null;
  readonly operator: string | null;
  readonly subject_key_id: string | null;
  readonly subject_owner_id: string | null;
  /** The operator that was acted on, by email. */
  readonly subject_operator: string | null;
  readonly address: string | null;
  readonly user_agent: string | null;
  readonly method: string | null;
  readonly path: string | null;
  readonly route: string | null;
  /** How many requests the row stands for; `first_at` is the first of them. */
  readonly count: number;
  readonly first_at: string;
}

export interface Explanation {
  readonly request_id: string;
  /** What the gate in this process remembers, the newest first; gates elsewhere are not asked. */
  readonly decisions: readonly Decision[];
  /** What the audit has of the request. */
  readonly audit: readonly AuditRow[];
  /** The reason's meaning; null where the request was not refused. */
  readonly reason: ReasonAbout | null;
  /** Key and owner of the request as they stand now, where they are known. */
  readonly key: KeyRow | null;
}

/** A gate's own record of a request. */
export interface Decision {
  readonly request_id: string;
  readonly received_at: string;
  readonly outcome: 'allowed' | 'refused' | 'failed';
  readonly reason: string | null;
  readonly detail: string | null;
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly address: string;
  readonly route: string | null;
  readonly key_id: string | null;
  readonly owner_id: string | null;
  readonly tier: string | null;
  /** Who knew the key: `l1` is memory, `l2` Redis, `origin` the key service. */
  readonly layer: string | null;
  readonly limits: readonly {
    readonly name: string;
    readonly limit: string;
    readonly remaining: number;
    readonly reset_after_ms: number;
  }[];
  /** What the client was told of limits. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timings: {
    readonly decision_ms: number;
    readonly key_ms: number;
    readonly limits_ms: number;
    readonly upstream_ms: number | null;
    readonly total_ms: number;
  };
  readonly dependencies: {
    readonly key_service: { readonly renewal_age_ms: number | null; readonly fence_ms: number } | null;
    readonly redis: { readonly keys: UpOrAway; readonly limits: UpOrAway } | null;
    readonly upstream: { readonly origin: string; readonly error: unknown } | null;
  };
}
