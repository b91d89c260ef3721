import { invalid } from './answers.ts';
import { reading, type Call } from './call.ts';
import { cursorText } from './history-queries.ts';
import type { KeyService } from './keys.ts';
import { readAuditQuery, readUsageQuery } from './requests/admin.ts';
import type { AuditRow as AuditRowJson } from './console/wire-history.ts';
import type { AuditRow, UsageSum } from './store/ledger.ts';

/** What administrators ask about the past. */
export function historyCalls({ history }: KeyService): readonly Call[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/audit',
      door: 'admin',
      answer: ({ query }) =>
        reading(readAuditQuery, query, async (wanted) => {
          const outcome = await history.listAudit(wanted);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          const next_cursor = outcome.next === null ? null : cursorText(outcome.next);
          return { status: 200, body: { audit: outcome.rows.map(auditToJson), next_cursor } };
        }),
    },
    {
      method: 'GET',
      path: '/admin/v1/usage',
      door: 'admin',
      answer: ({ query }) =>
        reading(readUsageQuery, query, async (wanted) => {
          const outcome = await history.showUsage(wanted);
          if (outcome.kind === 'invalid') return invalid(outcome.errors);
          const { of, range, byDay, byRoute, byStatus } = outcome;
          const body = {
            ...('keyId' in of ? { key: of.keyId } : { owner: of.ownerId }),
            from: instantText(range.from),
            to: instantText(range.to),
            requests: total(byStatus, 'requests'),
            errors: total(byStatus, 'errors'),
            by_status: countsOf(byStatus),
            by_route: countsOf(byRoute),
            by_day: byDay.map(({ group, requests, errors }) => ({ date: dayText(group), requests, errors })),
          };
          return { status: 200, body };
        }),
    },
  ];
}

/** `2030-01-31` of the day that starts at so many milliseconds. */
export function dayText(epochMs: string): string {
  return instantText(Number(epochMs)).slice(0, 10);
}

function countsOf(sums: readonly UsageSum[]): Record<string, number> {
  return Object.fromEntries(sums.map(({ group, requests }) => [group, requests]));
}

function total(sums: readonly UsageSum[], what: 'requests' | 'errors'): number {
  return sums.reduce((sum, one) => sum + one[what], 0);
}

export function auditToJson(row: AuditRow): AuditRowJson {
  return {
    id: row.id,
    at: instantText(row.at),
    kind: row.kind,
    action: row.action,
    reason: row.reason,
    outcome: row.outcome,
    request_id: row.requestId,
    key_id: row.keyId,
    owner_id: row.ownerId,
    operator: row.operator,
    subject_key_id: row.subjectKeyId,
    subject_owner_id: row.subjectOwnerId,
    subject_operator: row.subjectOperator,
    address: row.address,
    user_agent: row.userAgent,
    method: row.method,
    path: row.path,
    route: row.route,
    count: row.count,
    first_at: instantText(row.firstAt),
  };
}

function instantText(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
