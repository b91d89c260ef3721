import type { Clock } from '../core/clock.ts';
import { readCredential, type Credential } from '../core/credential.ts';
import {
  deny,
  permit,
  type Decision,
  type Denial,
  type LookupSource,
  type Subject,
} from '../core/decision.ts';
import { standingOf, type KeyRecord } from '../core/key.ts';
import { inspectShape } from '../core/key-shape.ts';
import { mcpsNamedBy, reachesMcps } from '../core/mcp.ts';
import { NO_SLOT, type LimitOutcome, type Slot } from '../core/limit.ts';
import { permits, requiredAccess } from '../core/permission.ts';
import type { Reason } from '../core/reasons.ts';
import { isPreflight, type RequestHead } from '../core/request-head.ts';
import type { Digest } from '../core/secret.ts';
import { readTarget } from '../core/target.ts';
import type { FailedAuthentications } from './failed-authentications.ts';
import { headProblem } from './head-problem.ts';
import type { Knowledge } from './keys/knowledge.ts';
import type { KeyLookup } from './keys/lookup.ts';
import type { Lookup } from './keys/lookup-outcome.ts';
import type { Limiter, Spending } from './limiter/limiter.ts';
import { countShadow } from './limiter/shadow.ts';
import type { Slots } from './limiter/slots/slots.ts';
import type { Policies } from './policy.ts';
import type { Place, Routes } from './routes.ts';
import { waitFor, type Waits } from './waits.ts';

/** A request as plain data: everything a decision depends on. */
export interface RequestFacts {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly head: RequestHead;
  /** The client's address, already judged by the trusted proxies. */
  readonly address: string;
  readonly upgrade: boolean;
  readonly waits: Waits;
}

/** `shadow`: allowed, and a shadow limit would have refused it. */
export const LIMIT_RESULTS = ['allow', 'limit', 'error', 'shadow'] as const;
export type LimitResult = (typeof LIMIT_RESULTS)[number];

/** Everything a decision is made with. */
export interface Gate {
  readonly routes: Routes;
  readonly keys: KeyLookup;
  readonly knowledge: Knowledge;
  readonly policies: Policies;
  readonly limiter: Limiter;
  /** Concurrency limits. */
  readonly slots: Slots;
  /** Bounds 403 answers, apart from the limits themselves. */
  readonly forbidden: Limiter;
  readonly failures: FailedAuthentications;
  readonly clock: Clock;
  /** What there is too much of at the moment; null: nothing. */
  excess(): string | null;
  /** Key prefixes whose checksum is required; none where `checksum` is `ignore`. */
  readonly checkedPrefixes: readonly string[];
  /** Told of each limit decision, for the metrics. */
  limited(tierLabel: string, result: LimitResult): void;
}

type About = Subject<Place> & { readonly route: Place };

/**
 * The whole decision, in its order. Every door asks here, and nothing reaches an upstream without its permit. Where the
 * key is in memory and the limiter has a unit at hand, nothing is waited for.
 */
export function decide(facts: RequestFacts, gate: Gate): Decision<Place> | Promise<Decision<Place>> {
  // 1. Route: on the bytes that will be forwarded.
  const place = placeOf(facts, gate);
  if ('kind' in place) return place;
  const about: About = { route: place, key: null, source: null, limits: [] };
  const excess = gate.excess();
  if (excess !== null) return deny('overloaded', about, { retryAfterMs: OVERLOADED_MS, detail: excess });
  if (place.auth === 'none' || isPreflight(facts.method, facts.head)) return permit(about, null, always);

  // 2. Credential: exactly one, from the places the route accepts.
  const credential = readCredential(facts.head, place.accept);
  if (credential.kind === 'problem') {
    const { reason, sent } = credential;
    return reason === 'malformed_credential'
      ? failed(reason, about, facts, gate)
      : deny(reason, about, { sent });
  }

  // 3. Key.
  const digest = credential.secret.digest();
  const lookup = gate.keys.cached(digest, place.route.mayBeStale);
  const asked: Asked = { facts, credential, about };
  return lookup === null ? lookUp(digest, asked, gate) : judge(lookup, asked, gate);
}

/** A request with a credential, on its way through the steps. */
interface Asked {
  readonly facts: RequestFacts;
  readonly credential: Credential;
  readonly about: About;
}

/** A key that is not in memory. */
async function lookUp(digest: Digest, asked: Asked, gate: Gate): Promise<Decision<Place>> {
  const { facts, credential, about } = asked;
  const { mayBeStale } = about.route.route;
  // What is cached was asked for once; only a lookup that costs something is worth the look at the checksum.
  if (inspectShape(credential.secret.reveal(), gate.checkedPrefixes) === 'damaged') {
    return failed('unknown_key', about, facts, gate);
  }
  const recalling = gate.keys.recall(digest, mayBeStale);
  if (recalling !== null) {
    const wait = waitFor('recall', facts.waits, gate.clock);
    const recalled = await recalling;
    wait.over();
    if (recalled !== null) return judge(recalled, asked, gate);
  }
  const retryAfterMs = gate.failures.coldLookupAfter(facts.address);
  if (retryAfterMs > 0) return deny('auth_throttled', about, { retryAfterMs });
  const wait = waitFor('ask', facts.waits, gate.clock);
  const answer = await gate.keys.ask(digest, mayBeStale, wait.traceparent);
  wait.over();
  return judge(answer, asked, gate);
}

function judge(
  lookup: Lookup,
  { facts, credential, about: { route: place } }: Asked,
  gate: Gate,
): Decision<Place> | Promise<Decision<Place>> {
  const about = (key: KeyRecord | null, source: LookupSource | null): About => ({
    route: place,
    key,
    source,
    limits: [],
  });
  if (lookup.kind === 'unavailable') {
    const { detail } = lookup;
    return deny('key_service_unavailable', about(null, null), { retryAfterMs: 1000, detail });
  }
  const { source } = lookup;
  if (lookup.kind === 'unknown') return failed('unknown_key', about(null, source), facts, gate);
  const { record: key, answer } = lookup;
  const known = about(key, source);

  // 4. Standing: on every request, whatever the cache says.
  const standing = standingOf(key, gate.knowledge.now());
  if (standing !== 'active') return deny(STANDING_REASONS[standing], known);

  // 5. Permission.
  const forbidden = forbiddenBecause(key, place, facts);
  if (forbidden !== null) return forbid(forbidden, key, known, gate);

  // 6. Limits: all at once, all or nothing.
  const { mayBeStale } = place.route;
  const stands = (): boolean => gate.knowledge.allows(answer, mayBeStale);
  return spend({ credential, key, stands, about: known, waits: facts.waits }, gate);
}

/** Whoever is refused because there is too much should not come back at once. */
const OVERLOADED_MS = 1000;

const always = (): boolean => true;

const STANDING_REASONS = {
  revoked: 'revoked_key',
  expired: 'expired_key',
  owner_disabled: 'owner_disabled',
} as const satisfies Record<string, Reason>;

function placeOf(facts: RequestFacts, gate: Gate): Place | Denial<Place> {
  const { method, head } = facts;
  const detail = headProblem(facts);
  if (detail !== null) return deny('malformed_request', {}, { detail });
  if (method === 'TRACE' || method === 'CONNECT') return deny('method_not_allowed', {});
  const target = readTarget(facts.url, head.host);
  if (target.kind === 'problem') return deny('malformed_request', {}, { detail: target.problem });
  const match = gate.routes.match(method, target, head);
  if (match.kind === 'no_route') return deny('no_route', {});
  if (match.kind === 'ambiguous') {
    return deny(
      'malformed_request',
      {},
      { detail: 'another reading of the path leads to another route or rule' },
    );
  }
  return match.place;
}

/** A failed authentication: told as it is within the address's allowance, throttled beyond it. */
function failed(reason: Reason, about: About, { address }: RequestFacts, gate: Gate): Denial<Place> {
  const retryAfterMs = gate.failures.count(address);
  return retryAfterMs === 0 ? deny(reason, about) : deny('auth_throttled', about, { retryAfterMs });
}

function forbiddenBecause(key: KeyRecord, place: Place, facts: RequestFacts): Reason | null {
  const { workspace, profile } = place.route.config;
  if (workspace !== null && key.owner.workspace !== workspace) return 'wrong_workspace';
  const { mcpMethod, mcpName, mcpProtocolVersion } = facts.head;
  const access = requiredAccess(place.access, {
    method: facts.method,
    upgrade: facts.upgrade,
    mcpMethod,
    mcpProtocolVersion,
  });
  if (!permits(key.permission, access)) return 'method_not_permitted';
  const named = profile === 'plexmcp' ? mcpsNamedBy(place.readings, mcpName) : [];
  if (!reachesMcps(key, named)) return 'scope_denied';
  return null;
}

async function forbid(reason: Reason, key: KeyRecord, about: About, gate: Gate): Promise<Denial<Place>> {
  const { forbidden } = gate.policies.of(key);
  const outcome = await outcomeOf(gate.forbidden, forbidden);
  if (outcome.allowed) return deny(reason, about);
  return deny('forbidden_throttled', about, { retryAfterMs: outcome.retryAfterMs });
}

/** A request that may pass where its limits let it. */
interface Found {
  readonly credential: Credential;
  readonly key: KeyRecord;
  readonly stands: () => boolean;
  readonly about: About;
  readonly waits: Waits;
}

function spend(found: Found, gate: Gate): Decision<Place> | Promise<Decision<Place>> {
  const { credential, about, stands } = found;
  const { spendings, claims, shadow } = gate.policies.of(found.key);
  if (spendings.length + claims.length === 0 && shadow === null) return permit(about, credential, stands);
  if (claims.length > 0) return occupy(found, gate);
  const outcome = outcomeOf(gate.limiter, spendings);
  if (!(outcome instanceof Promise)) return permitWithin(outcome, NO_SLOT, found, gate);
  const wait = waitFor('limits', found.waits, gate.clock);
  return outcome.then((later) => {
    wait.over();
    return permitWithin(later, NO_SLOT, found, gate);
  });
}

async function occupy(found: Found, gate: Gate): Promise<Decision<Place>> {
  const { spendings, claims, tierLabel } = gate.policies.of(found.key);
  const occupying = waitFor('slots', found.waits, gate.clock);
  const occupied = await gate.slots.occupy(claims);
  occupying.over();
  if (!occupied.allowed) return refuse('concurrency_limited', occupied, tierLabel, found.about, gate);
  const spending = waitFor('limits', found.waits, gate.clock);
  const outcome = await outcomeOf(gate.limiter, spendings);
  spending.over();
  return permitWithin(outcome, occupied.slot, found, gate);
}

/** What follows from the limiter's word; the slot is given back where that is a refusal. */
function permitWithin(outcome: LimitOutcome, slot: Slot, found: Found, gate: Gate): Decision<Place> {
  const { credential, stands } = found;
  const { shadow, tierLabel } = gate.policies.of(found.key);
  const { route, key, source } = found.about;
  const limited: About = { route, key, source, limits: outcome.states };
  if (!outcome.allowed) {
    slot.release();
    return refuse('rate_limited', outcome, tierLabel, limited, gate);
  }
  gate.limited(tierLabel, 'allow');
  return permit(
    limited,
    credential,
    slot === NO_SLOT ? stands : () => stands() && slot.stands(),
    shadow === null ? slot : countShadow(shadow, slot, gate, () => gate.limited(tierLabel, 'shadow')),
  );
}

function refuse(
  reason: Reason,
  { retryAfterMs, unavailable }: { readonly retryAfterMs: number; readonly unavailable?: true },
  tierLabel: string,
  about: About,
  gate: Gate,
): Denial<Place> {
  gate.limited(tierLabel, unavailable === true ? 'error' : 'limit');
  return deny(unavailable === true ? 'limits_unavailable' : reason, about, { retryAfterMs });
}

function outcomeOf(limiter: Limiter, spendings: readonly Spending[]) {
  return spendings.length === 0 ? ({ allowed: true, states: [] } as const) : limiter.take(spendings);
}
