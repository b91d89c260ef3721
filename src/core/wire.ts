import type { Gauges } from './gauges.ts';
import type { KeyRecord } from './key.ts';
import type { Digest } from './secret.ts';

/**
 * What the two roles agree on. The gate asks a key service through `KeySource`; the reference key service offers
 * it in process, and the same answers travel as JSON (`wire-json.ts`) over `POST /v1/keys/resolve`.
 */
export interface KeySource {
  /**
   * Rejects when the question could not be answered; a rejection says nothing about the key. `traceparent` is that of
   * the request that asks, where it is traced.
   */
  resolve(digest: Digest, signal: AbortSignal, traceparent?: string | null): Promise<Resolution>;
}

/** What keeps the members of the fleet in step. */
export interface Renewals {
  /**
   * Tells what has changed, and grants that what the member knows may be used for a while, counted from before the
   * call. Null where the key service offers no renewals. Rejects when it did not answer.
   */
  renew(member: string, renewal: Renewal, signal: AbortSignal): Promise<Grant | null>;
}

/** A gate is a member of the fleet, under a name it made at its start. */
export interface Renewal {
  /** The epoch that `applied` counts in; null before the first answer. */
  readonly epoch: string | null;
  /** All changes up to this one are applied, which acknowledges them; 0 before the first answer. */
  readonly applied: number;
  /** How long the member may go on without the key service while Redis confirms that nothing has changed. */
  readonly staleIfErrorMs: number;
  /** The member stops now, and serves nothing from here on. */
  readonly leaving: boolean;
}

export interface Grant {
  /** Another one than before: nothing that was known counts any longer, and numbers start anew. */
  readonly epoch: string;
  /** The number of the newest change. */
  readonly head: number;
  /**
   * Those after `applied`, in order. Where there are many the last is not `head`, and the member asks again for the
   * rest; where the first is not `applied + 1`, those before are no longer kept.
   */
  readonly changes: readonly Change[];
  /** How long what the member knows may be used, from before the call. */
  readonly fenceMs: number;
  /** The key service's time, by which keys expire. Epoch milliseconds. */
  readonly now: number;
  /** The run id of the Redis process that the heads are written to; null where there is none. */
  readonly redisRun: string | null;
}

/** Calls the listener whenever there may be something to renew for; the answer ends that. */
export type News = (listener: () => void) => () => void;

/** `asOf` is the number of the newest change the answer has seen. */
export interface Resolution {
  readonly record: KeyRecord | null;
  readonly asOf: number;
}

/**
 * One change of a key or owner. Numbers follow commit order without gaps; an answer whose `asOf` is smaller than
 * the number of a change that touches its key, owner or digest is out of date.
 */
export interface Change {
  readonly number: number;
  readonly keyId: string | null;
  readonly ownerId: string | null;
  readonly digest: Digest | null;
}

/** Where a gate tells what it has seen. The in-process key service offers it; the same report travels as JSON. */
export interface ReportSink {
  /** Counted once, however often it is sent: a member's sequence numbers are remembered with the counts. */
  report(report: Report): Promise<void>;
}

export interface Report {
  /** The gate process: a name made at its start. */
  readonly member: string;
  /** 1, 2, 3 ... without gaps for each member. */
  readonly sequence: number;
  readonly usage: readonly UsageDelta[];
  readonly refusals: readonly RefusedRequest[];
  readonly suppressed: readonly SuppressedRefusals[];
  /** How the gate stands; absent where the report tells of counts alone. */
  readonly gauges?: Gauges;
}

/** Requests of one key on one route that an upstream answered with one class of status within one hour. */
export interface UsageDelta {
  readonly keyId: string;
  readonly route: string;
  readonly statusClass: '1xx' | '2xx' | '3xx' | '4xx' | '5xx';
  /** Epoch milliseconds of the UTC hour's start. */
  readonly hourAt: number;
  readonly count: number;
  /** The latest of them, epoch milliseconds. */
  readonly lastAt: number;
}

/** A refused authentication. Texts of the client are masked and cut. */
export interface RefusedRequest {
  readonly at: number;
  readonly requestId: string;
  readonly reason: string;
  readonly keyId: string | null;
  readonly ownerId: string | null;
  readonly address: string;
  readonly userAgent: string | null;
  readonly method: string;
  readonly path: string;
  readonly route: string | null;
}

/** Refused authentications beyond the rate at which rows are kept, as counts. */
export interface SuppressedRefusals {
  readonly reason: string;
  readonly route: string | null;
  readonly address: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}
