import type { Answer } from './answers.ts';
import { reading, type Call, type CallRequest } from './call.ts';
import { asCaller, instantText, withOwnKey, type Contract } from './contract-caller.ts';
import { FieldValues, type FieldError } from './field-values.ts';
import { dayText } from './history-calls.ts';
import { readDates } from './history-queries.ts';
import type { KeyView } from './key-view.ts';
import type { KeyService } from './keys.ts';
import { plexmcpPage, plexmcpPageJson } from './plexmcp-pages.ts';
import { plexmcpRefusal } from './contract-refusals.ts';
import { readPlexmcpHistoryQuery, readPlexmcpUsageQuery } from './requests/contracts.ts';
import { PERIODS, lastHours, periodOf } from './usage-ranges.ts';

const GRANULARITIES = ['day', 'hour'] as const;
const DEFAULT_HISTORY_HOURS = 30 * 24;

/** What PlexMCP tells an organization of its requests. */
export function plexmcpUsageCalls(contract: Contract): readonly Call[] {
  const { service, refusal } = contract;
  const common = { door: 'service' as const, refusal, method: 'GET' as const };
  const asReader = (request: CallRequest, answer: (caller: KeyView) => Promise<Answer>) =>
    asCaller(contract, request, 'read', answer);
  return [
    {
      ...common,
      path: '/v1/api-keys/:id/usage',
      answer: (request) =>
        asReader(request, (caller) =>
          withOwnKey(contract, request.id, caller, (key) => keyUsage(service, request, key)),
        ),
    },
    {
      ...common,
      path: '/v1/usage',
      answer: (request) => asReader(request, (caller) => ownerUsage(service, caller)),
    },
    {
      ...common,
      path: '/v1/usage/history',
      answer: (request) => asReader(request, (caller) => usageHistory(service, request, caller)),
    },
  ];
}

interface UsageQuery {
  readonly period?: string | undefined;
  readonly start_date?: string | undefined;
  readonly end_date?: string | undefined;
}

/** Of the day, the week or the month that is under way, or, `custom`, between two dates. */
function keyUsage({ history }: KeyService, { query }: CallRequest, { record }: KeyView): Promise<Answer> {
  const answer = async (wanted: UsageQuery) => {
    const values = new FieldValues();
    const period = values.oneOf('period', wanted.period ?? 'month', PERIODS);
    const now = history.now();
    const dates = readDates(wanted, now, periodOf(period, now));
    if (dates.kind === 'invalid') values.errors.push(...dates.errors);
    if (dates.kind === 'invalid' || values.errors.length > 0) return invalid(values.errors);
    const range = dates.value;
    const of = { keyId: record.keyId };
    const days = await history.usage(of, range, 'day');
    const total = days.reduce((sum, { requests }) => sum + requests, 0);
    const error = days.reduce((sum, { errors }) => sum + errors, 0);
    const custom = wanted.start_date !== undefined || wanted.end_date !== undefined;
    const data = {
      key_id: record.keyId,
      period: custom ? 'custom' : period,
      total_requests: total,
      // Which MCP server a request was for stands in its body, which nobody reads on the way.
      by_mcp: [],
      by_day: days.map(({ group, requests }) => ({ date: dayText(group), requests })),
      by_status: { success: total - error, error },
    };
    return { status: 200, body: { success: true, data } };
  };
  return reading(readPlexmcpUsageQuery, query, answer, plexmcpRefusal);
}

/** Of the calendar month in UTC. The tiers limit requests per second; no month has a limit. */
async function ownerUsage({ history }: KeyService, { record }: KeyView): Promise<Answer> {
  const { owner } = record;
  const month = periodOf('month', history.now());
  const data = {
    org_id: owner.id,
    tier: owner.tier,
    period_start: instantText(month.from),
    period_end: instantText(month.to),
    requests_used: await history.requests({ ownerId: owner.id }, month),
    requests_limit: null,
    percentage_used: 0,
    is_over_limit: false,
  };
  return { status: 200, body: { success: true, data } };
}

interface HistoryQuery {
  readonly granularity?: string | undefined;
  readonly start_date?: string | undefined;
  readonly end_date?: string | undefined;
  readonly page?: number | undefined;
  readonly perPage?: number | undefined;
}

/** The newest first; hours and days without a request are left out. Without dates, the last 30 days. */
function usageHistory({ history }: KeyService, { query }: CallRequest, { record }: KeyView): Promise<Answer> {
  const answer = async (wanted: HistoryQuery) => {
    const values = new FieldValues();
    const granularity = values.oneOf('granularity', wanted.granularity ?? 'day', GRANULARITIES);
    const page = plexmcpPage(values, wanted);
    const now = history.now();
    const dates = readDates(wanted, now, lastHours(DEFAULT_HISTORY_HOURS, now));
    if (dates.kind === 'invalid') values.errors.push(...dates.errors);
    if (dates.kind === 'invalid' || values.errors.length > 0) return invalid(values.errors);
    const sums = await history.usage({ ownerId: record.owner.id }, dates.value, granularity);
    const data = sums
      .toReversed()
      .slice(page.offset, page.offset + page.limit)
      .map(({ group, requests, errors }) => ({ period_start: instantText(Number(group)), requests, errors }));
    return {
      status: 200,
      body: { success: true, data, pagination: plexmcpPageJson(page, sums.length) },
    };
  };
  return reading(readPlexmcpHistoryQuery, query, answer, plexmcpRefusal);
}

function invalid(errors: readonly FieldError[]): Answer {
  return plexmcpRefusal({ status: 422, detail: 'Validation failed', errors });
}
