import { z } from 'zod';
import { type Gauges, LIMITS_IN_GAUGES, TIERS_IN_GAUGES } from '../../core/gauges.ts';
import { parseInstant } from '../../core/instant.ts';

const short = z.string().max(256);
const count = z.int().nonnegative();
const ms = z.number().nonnegative();
const instant = short
  .transform((value, context) => {
    const at = parseInstant(value);
    if (at === null) context.addIssue('no instant');
    return at ?? 0;
  })
  .meta({ format: 'date-time' });
/** Names in the words of the gate's version; more than there ever were of reasons. */
const byReason = z
  .record(short, count)
  .refine((counts) => Object.keys(counts).length <= 100)
  .meta({ description: 'By reason.' });
const connection = z.enum(['up', 'away']).nullable();

const limitUse = z.object({
  owner_id: short,
  tier: short,
  limit: short.nullable().meta({ description: 'The limit with the least left; null where none holds.' }),
  quota: count,
  used: count,
  requests: count.meta({ description: 'Decisions in the interval.' }),
});

const member = z.object({
  mode: z.enum(['renew', 'resolve']),
  epoch: short.nullable(),
  applied: count,
  fence: ms,
  stale_if_error: ms,
  renewal_age: ms.nullable(),
  redis_run: short.nullable(),
  news_channel_up: z.boolean(),
});

/** How a gate stands. Everything in it is bounded: it is kept as it came. */
export const gaugesBody = z.object({
  at: instant,
  started_at: instant,
  version: short,
  host: short,
  state: z.enum(['serving', 'draining']),
  in_flight: count,
  requests: z
    .object({ allowed: count, refused: count, unavailable: count, failed: count })
    .meta({ description: 'Since the gate started, by outcome.' }),
  refusals: byReason,
  tiers: z
    .record(short, z.object({ refused: count, would_refuse: count }))
    .refine((tiers) => Object.keys(tiers).length <= TIERS_IN_GAUGES)
    .optional()
    .meta({ description: 'By profile and tier: refused by limits, and what shadow limits would have.' }),
  lookups: z.object({ l1: count, l2: count, origin: count }),
  cache_entries: count,
  leased_units: count.meta({ description: 'Of limits, for the gate to spend.' }),
  interval: ms.meta({ description: 'The milliseconds that `added` and `limits` are about.' }),
  added: z
    .object({ p50: ms, p99: ms })
    .nullable()
    .meta({ description: 'Milliseconds from the request head to the decision.' }),
  limits: z
    .array(limitUse)
    .max(LIMITS_IN_GAUGES)
    .meta({ description: 'The owners nearest to a limit of theirs.' }),
  breaker: z
    .enum(['open', 'closed'])
    .meta({ description: 'Of the gate before the key service; open: nobody waits for it.' }),
  redis: z.object({ keys: connection, limits: connection }),
  member,
});

export function gaugesOf(body: z.infer<typeof gaugesBody>): Gauges {
  const { added, limits, member: state, ...rest } = body;
  return {
    at: rest.at,
    startedAt: rest.started_at,
    version: rest.version,
    host: rest.host,
    state: rest.state,
    inFlight: rest.in_flight,
    requests: rest.requests,
    refusals: rest.refusals,
    tiers: Object.fromEntries(
      Object.entries(rest.tiers ?? {}).map(([name, counts]) => [
        name,
        { refused: counts.refused, wouldRefuse: counts.would_refuse },
      ]),
    ),
    lookups: rest.lookups,
    cacheEntries: rest.cache_entries,
    leasedUnits: rest.leased_units,
    intervalMs: rest.interval,
    added: added === null ? null : { p50Ms: added.p50, p99Ms: added.p99 },
    limits: limits.map(({ owner_id, ...use }) => ({ ownerId: owner_id, ...use })),
    breaker: rest.breaker,
    redis: rest.redis,
    member: {
      mode: state.mode,
      epoch: state.epoch,
      applied: state.applied,
      fenceMs: state.fence,
      staleIfErrorMs: state.stale_if_error,
      renewalAgeMs: state.renewal_age,
      redisRun: state.redis_run,
      newsChannelUp: state.news_channel_up,
    },
  };
}

/** Null: not gauges as this version knows them. */
export function readGauges(json: unknown): Gauges | null {
  const read = gaugesBody.safeParse(json);
  return read.success ? gaugesOf(read.data) : null;
}
