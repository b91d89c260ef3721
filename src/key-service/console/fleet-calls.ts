import { instantText } from '../../core/instant.ts';
import { invalid, type Answer } from '../answers.ts';
import { reading } from '../call.ts';
import { FieldValues } from '../field-values.ts';
import type { MemberReport } from '../history.ts';
import type { KeyService } from '../keys.ts';
import { readTrafficQuery } from '../requests/console.ts';
import { GAUGES_KEPT_MS } from '../store/ledger.ts';
import type { Answers } from './call.ts';
import { TRAFFIC_SECONDS, type TrafficLog } from './traffic-log.ts';
import type { FleetAnswer, MemberState } from './wire-fleet.ts';

type FleetCallName = 'GET /console/api/fleet' | 'GET /console/api/traffic' | 'GET /console/api/what-if';

/** `configuration` is the one in force in this process, as anybody may see it. */
export function fleetCalls(
  service: KeyService,
  traffic: TrafficLog,
  configuration: () => unknown,
): Answers<FleetCallName> {
  return {
    'GET /console/api/fleet': {
      answer: async () => ({ status: 200, body: await fleet(service, configuration()) }),
    },
    'GET /console/api/traffic': {
      answer: ({ query }) => lately(query, (seconds) => traffic.answer(seconds)),
    },
    'GET /console/api/what-if': {
      answer: ({ query }) => lately(query, (seconds) => traffic.whatIf(seconds)),
    },
  };
}

/** Of so many seconds until now. */
function lately(query: unknown, tell: (seconds: number) => object): Promise<Answer> {
  return reading(readTrafficQuery, query, async (wanted) => {
    const { least, most, usual } = TRAFFIC_SECONDS;
    const values = new FieldValues();
    const seconds = values.wholeNumber('seconds', wanted ?? usual, least, most);
    return values.errors.length > 0 ? invalid(values.errors) : { status: 200, body: tell(seconds) };
  });
}

async function fleet(service: KeyService, configuration: unknown): Promise<FleetAnswer> {
  const view = await service.members();
  const reports = new Map(
    (await service.history.gauges(GAUGES_KEPT_MS)).map((report) => [report.member, report]),
  );
  return {
    epoch: view.epoch,
    head: view.head,
    redis: { run: view.redisRun, settled: view.redisSettled },
    members: view.members.map(({ id, applied, lag, staleIfErrorMs, seenAgoMs }) => ({
      member_id: id,
      applied,
      lag,
      seen_ago_ms: Math.round(seenAgoMs),
      stale_if_error_ms: staleIfErrorMs,
      state: stateOf(reports.get(id)),
    })),
    configuration: configuration ?? null,
    now: instantText(service.history.now()),
  };
}

function stateOf(report: MemberReport | undefined): MemberState | null {
  if (report === undefined) return null;
  const { gauges } = report;
  return {
    reported_at: instantText(report.reportedAt),
    started_at: instantText(gauges.startedAt),
    version: gauges.version,
    host: gauges.host,
    state: gauges.state,
    in_flight: gauges.inFlight,
    cache_entries: gauges.cacheEntries,
    leased_units: gauges.leasedUnits,
    breaker: gauges.breaker,
    redis_keys: gauges.redis.keys,
    redis_limits: gauges.redis.limits,
    news_channel_up: gauges.member.newsChannelUp,
    renewal_age_ms: gauges.member.renewalAgeMs,
    fence_ms: gauges.member.fenceMs,
    mode: gauges.member.mode,
  };
}
