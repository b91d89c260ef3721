import type { Credential } from './credential.ts';
import type { KeyRecord } from './key.ts';
import { NO_SLOT, type LimitState, type Slot } from './limit.ts';
import type { Reason } from './reasons.ts';

/** Which layer answered a key lookup: this process's memory, Redis, or where the keys are kept. */
export type LookupSource = 'l1' | 'l2' | 'origin';

/** What a decision was about: everything log, metric and answer need, whatever the outcome. */
export interface Subject<Route> {
  /** Null where the request was refused before a route was known. */
  readonly route: Route | null;
  readonly key: KeyRecord | null;
  readonly source: LookupSource | null;
  /** State of the limits that hold, in the order owner, key; empty where none does. */
  readonly limits: readonly LimitState[];
}

declare const minted: unique symbol;

/** The only way to the upstream. Only the pipeline mints one, after every step has agreed; the tidy test says so. */
export interface Permit<Route> extends Subject<Route> {
  readonly kind: 'permit';
  readonly route: Route;
  /** Null on open routes and preflights. */
  readonly credential: Credential | null;
  /** Whether the key may be used at this very moment; asked again in the tick that writes the first byte upstream. */
  readonly stands: () => boolean;
  /** To be released when the request or stream is over, whatever came of it. */
  readonly slot: Slot;
  readonly [minted]: true;
}

export interface Denial<Route> extends Subject<Route> {
  readonly kind: 'denial';
  readonly reason: Reason;
  /** Whether a credential was sent, which the challenge of a 401 tells. */
  readonly sent: boolean;
  /** 0 where no Retry-After is due. */
  readonly retryAfterMs: number;
  /** For the log alone; holds nothing a client sent. */
  readonly detail: string | null;
}

export type Decision<Route> = Permit<Route> | Denial<Route>;

export function permit<Route>(
  about: Subject<Route> & { route: Route },
  credential: Credential | null,
  stands: () => boolean,
  slot: Slot = NO_SLOT,
): Permit<Route> {
  const { route, key, source, limits } = about;
  return { kind: 'permit', route, key, source, limits, credential, stands, slot } as Permit<Route>;
}

export function deny<Route>(
  reason: Reason,
  about: Partial<Subject<Route>>,
  more: { sent?: boolean; retryAfterMs?: number; detail?: string } = {},
): Denial<Route> {
  return {
    kind: 'denial',
    reason,
    route: about.route ?? null,
    key: about.key ?? null,
    source: about.source ?? null,
    limits: about.limits ?? [],
    sent: more.sent ?? true,
    retryAfterMs: more.retryAfterMs ?? 0,
    detail: more.detail ?? null,
  };
}
