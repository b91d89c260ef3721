import { retryAfterOf } from '../core/dialect.ts';
import { formatLimit, type LimitState } from '../core/limit.ts';
import { rateLimitFields } from '../core/rate-limit-fields.ts';
import type { DependencyState, Remembered } from './decisions.ts';
import { CLIENT_CLOSED_REQUEST } from './record.ts';

/**
 * What became of a request and why, as JSON. The numbers are written by what wrote the answer, from the same values.
 */
export function explain(one: Remembered): object {
  const { receivedAt, decidedAt, answeredAt, endedAt } = one;
  return {
    request_id: one.requestId,
    received_at: new Date(performance.timeOrigin + receivedAt).toISOString(),
    outcome: one.outcome,
    reason: one.reason,
    detail: one.detail,
    status: one.status,
    method: one.method,
    path: one.path,
    address: one.address,
    route: one.route,
    key_id: one.keyId,
    owner_id: one.ownerId,
    tier: one.tier,
    layer: one.layer,
    limits: one.limits.map(limitToJson),
    headers: headersOf(one),
    timings: {
      decision_ms: rounded(decidedAt - receivedAt),
      key_ms: rounded(one.keyMs),
      limits_ms: rounded(one.limitsMs),
      upstream_ms: answeredAt > 0 ? rounded(answeredAt - decidedAt) : null,
      total_ms: rounded(endedAt - receivedAt),
    },
    dependencies: {
      ...dependenciesOf(one.dependencies),
      upstream: one.upstream === null ? null : { origin: one.upstream, error: one.upstreamError },
    },
  };
}

function limitToJson({ limit, remaining, resetAfterMs }: LimitState): object {
  return {
    name: limit.name,
    limit: formatLimit(limit),
    remaining,
    reset_after_ms: rounded(resetAfterMs),
  };
}

/** The fields of the answer that tell of limits and of when to come back; none where nobody got them. */
function headersOf({ limits, toldAt, reason, retryAfterMs, status, answeredAt }: Remembered): object {
  if (toldAt === 0 || (status === CLIENT_CLOSED_REQUEST && answeredAt === 0)) return {};
  const fields = rateLimitFields(limits, toldAt);
  const retryAfter = reason === null ? null : retryAfterOf({ reason, retryAfterMs });
  if (retryAfter !== null) fields.push('Retry-After', String(retryAfter));
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) headers[fields[i] ?? ''] = fields[i + 1] ?? '';
  return headers;
}

function dependenciesOf(state: DependencyState | null): object {
  if (state === null) return { key_service: null, redis: null };
  const { renewalAgeMs, fenceMs, keyServiceBreaker, redisKeys, redisLimits } = state;
  return {
    key_service: {
      renewal_age_ms: Number.isFinite(renewalAgeMs) ? rounded(renewalAgeMs) : null,
      fence_ms: fenceMs,
      breaker: keyServiceBreaker,
    },
    redis: { keys: upOrAway(redisKeys), limits: upOrAway(redisLimits) },
  };
}

function upOrAway(isUp: boolean | null): 'up' | 'away' | null {
  return isUp === null ? null : isUp ? 'up' : 'away';
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
