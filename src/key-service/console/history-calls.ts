import { instantText, parseInstant } from '../../core/instant.ts';
import { REASONS, type Reason } from '../../core/reasons.ts';
import { invalid, problem, type Answer } from '../answers.ts';
import { reading } from '../call.ts';
import { FieldValues } from '../field-values.ts';
import { auditToJson } from '../history-calls.ts';
import { cursorText } from '../history-queries.ts';
import type { KeyService } from '../keys.ts';
import { readConsoleAudit, readConsoleUsage } from '../requests/console.ts';
import type { TimeRange } from '../store/ledger.ts';
import type { Answers } from './call.ts';
import { rowOf } from './key-calls.ts';
import type { Decision, Explanation, KeyUsage, ReasonAbout } from './wire.ts';

type HistoryCallName =
  'GET /console/api/keys/:id/usage' | 'GET /console/api/audit' | 'GET /console/api/explain/:id';

const STEPS_MS = { hour: 3_600_000, day: 86_400_000 } as const;
const DEFAULT_RANGE_MS = 7 * 86_400_000;
const MAX_POINTS = 1000;

/** `decisions` are those of the gate in this process, the newest first. */
export function historyCalls(
  service: KeyService,
  decisions: (requestId: string) => readonly object[],
): Answers<HistoryCallName> {
  return {
    'GET /console/api/keys/:id/usage': { answer: ({ id, query }) => usage(service, id, query) },
    'GET /console/api/audit': {
      answer: ({ query }) =>
        reading(readConsoleAudit, query, async (wanted) => {
          const outcome = await service.history.listAudit(wanted);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          const next_cursor = outcome.next === null ? null : cursorText(outcome.next);
          return { status: 200, body: { audit: outcome.rows.map(auditToJson), next_cursor } };
        }),
    },
    'GET /console/api/explain/:id': {
      answer: async ({ id }) => {
        const explanation = await explain(service, id, decisions(id) as readonly Decision[]);
        return explanation === null
          ? problem(404, 'Nobody remembers this request.')
          : { status: 200, body: explanation };
      },
    },
  };
}

async function explain(
  service: KeyService,
  id: string,
  decisions: readonly Decision[],
): Promise<Explanation | null> {
  const listed = await service.history.listAudit({ requestId: id });
  const audit = listed.kind === 'listed' ? listed.rows.map(auditToJson) : [];
  if (decisions.length === 0 && audit.length === 0) return null;
  const reason = [...decisions, ...audit].find((one) => one.reason !== null)?.reason ?? null;
  const keyId = decisions[0]?.key_id ?? audit.find((row) => row.key_id !== null)?.key_id ?? null;
  const key = keyId === null ? null : await service.showKey(keyId);
  return {
    request_id: id,
    decisions,
    audit,
    reason: reason === null ? null : reasonAbout(reason),
    key: key === null ? null : rowOf(key),
  };
}

export function reasonAbout(reason: string): ReasonAbout | null {
  const row = Object.hasOwn(REASONS, reason) ? REASONS[reason as Reason] : undefined;
  return row === undefined ? null : { reason, status: row.status, meaning: row.meaning };
}

function usage(service: KeyService, id: string, query: unknown): Promise<Answer> {
  return reading(readConsoleUsage, query, async (wanted) => {
    const values = new FieldValues();
    const by = values.oneOf('by', wanted.by ?? 'hour', ['hour', 'day']);
    const range = rangeOf(wanted, STEPS_MS[by], service.history.now(), values);
    if (values.errors.length > 0) return invalid(values.errors);
    const of = { keyId: id };
    const { history } = service;
    const counted = new Map((await history.usage(of, range, by)).map((sum) => [Number(sum.group), sum]));
    const points: KeyUsage['points'][number][] = [];
    for (let at = range.from; at < range.to; at += STEPS_MS[by]) {
      const { requests = 0, errors = 0 } = counted.get(at) ?? {};
      points.push({ at: instantText(at), requests, errors });
    }
    const body: KeyUsage = {
      from: instantText(range.from),
      to: instantText(range.to),
      by,
      points,
      by_route: (await history.usage(of, range, 'route')).map(({ group, requests, errors }) => ({
        route: group,
        requests,
        errors,
      })),
      by_status: (await history.usage(of, range, 'status_class')).map(({ group, requests }) => ({
        status: group,
        requests,
      })),
    };
    return { status: 200, body };
  });
}

/** Whole steps, so that each point is all of its hour or day. */
function rangeOf(
  { from, to }: { readonly from?: string | undefined; readonly to?: string | undefined },
  stepMs: number,
  now: number,
  values: FieldValues,
): TimeRange {
  const read = (field: string, text: string): number => parseInstant(text) ?? values.instant(field, text);
  const end = to === undefined ? now : read('to', to);
  const start = from === undefined ? end - DEFAULT_RANGE_MS : read('from', from);
  const range = { from: start - (start % stepMs), to: Math.ceil(end / stepMs) * stepMs };
  if (start > end) values.refuse('from', 'must not be after to');
  else if ((range.to - range.from) / stepMs > MAX_POINTS)
    values.refuse('from', `must be at most ${MAX_POINTS} hours or days before to`);
  return range;
}
