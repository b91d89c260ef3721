import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql, type Kysely } from 'kysely';
import type { Report, UsageDelta } from '../../core/wire.ts';
import { insertAudit } from './audit.ts';
import { keepGauges } from './gauges.ts';
import {
  MEMBERS_KEPT_MS,
  USAGE_KEPT_MS,
  type NewAuditRow,
  type TimeRange,
  type UsageGroup,
  type UsageSubject,
  type UsageSum,
} from './ledger.ts';
import type { StoreSchema } from './schema.ts';
import type { Tx } from './write.ts';

const ROWS_PER_STATEMENT = 500;
const KEYS_PER_STATEMENT = 100;
const PRUNED_BESIDE_INSERTED = 500;
/** Numbers of a member that may still come; one that is older than so many others is given up. */
const MISSING_KEPT = 256;

export async function takeReport(tx: Tx, report: Report, now: number): Promise<boolean> {
  if (!(await isNew(tx, report, now))) return false;
  await addUsage(tx, report.usage);
  await noteUse(tx, report.usage);
  await keepGauges(tx, report, now);
  await insertAudit(tx, [...refusalRows(report), ...suppressedRows(report)], now);
  await prune(tx, now, report.usage.length + PRUNED_BESIDE_INSERTED);
  return true;
}

/** Whether the number has not been taken before; from now on it has. */
async function isNew(tx: Tx, { member, sequence }: Report, now: number): Promise<boolean> {
  const row = await tx.selectFrom('reports').selectAll().where('member', '=', member).executeTakeFirst();
  const last = row?.last_sequence ?? 0;
  let missing = row === undefined ? [] : (JSON.parse(row.missing) as number[]);
  if (sequence > last) {
    const skipped = Math.min(sequence - last - 1, MISSING_KEPT);
    missing.push(...Array.from({ length: skipped }, (_, i) => sequence - skipped + i));
    missing = missing.slice(-MISSING_KEPT);
  } else {
    if (!missing.includes(sequence)) return false;
    missing = missing.filter((number) => number !== sequence);
  }
  const taken = {
    last_sequence: Math.max(last, sequence),
    missing: JSON.stringify(missing),
    reported_at: now,
  };
  await tx
    .insertInto('reports')
    .values({ member, ...taken })
    .onConflict((conflict) => conflict.column('member').doUpdateSet(taken))
    .execute();
  return true;
}

async function addUsage(tx: Tx, deltas: readonly UsageDelta[]): Promise<void> {
  const rows = summed(deltas);
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    await tx
      .insertInto('usage')
      .values(rows.slice(start, start + ROWS_PER_STATEMENT))
      .onConflict((conflict) =>
        conflict.columns(['key_id', 'hour_at', 'route', 'status_class']).doUpdateSet((column) => ({
          count: sql<number>`${column.ref('usage.count')} + ${column.ref('excluded.count')}`,
        })),
      )
      .execute();
  }
}

/** One row for each key, hour, route and class: a statement may not meet the same row twice. */
function summed(deltas: readonly UsageDelta[]): StoreSchema['usage'][] {
  const rows = new Map<string, StoreSchema['usage']>();
  for (const { keyId, hourAt, route, statusClass, count } of deltas) {
    const name = JSON.stringify([keyId, hourAt, route, statusClass]);
    const before = rows.get(name)?.count ?? 0;
    rows.set(name, {
      key_id: keyId,
      hour_at: hourAt,
      route,
      status_class: statusClass,
      count: before + count,
    });
  }
  return [...rows.values()];
}

/** Last use and total of each key. Neither is a numbered change: no gate decides by them. */
async function noteUse(tx: Tx, deltas: readonly UsageDelta[]): Promise<void> {
  const used = new Map<string, { lastAt: number; count: number }>();
  for (const { keyId, lastAt, count } of deltas) {
    const before = used.get(keyId) ?? { lastAt: 0, count: 0 };
    used.set(keyId, { lastAt: Math.max(before.lastAt, lastAt), count: before.count + count });
  }
  const rows = [...used];
  for (let start = 0; start < rows.length; start += KEYS_PER_STATEMENT) {
    // A report about many keys must not keep the process from answering others.
    if (start > 0) await nextTurn();
    const values = rows
      .slice(start, start + KEYS_PER_STATEMENT)
      .map(
        ([keyId, { lastAt, count }]) => sql`(${keyId}, cast(${lastAt} as bigint), cast(${count} as bigint))`,
      );
    await sql`with used (key_id, last_at, count) as (values ${sql.join(values)})
      update keys set
        request_count = keys.request_count + used.count,
        last_used_at = case when keys.last_used_at >= used.last_at then keys.last_used_at else used.last_at end
      from used where keys.key_id = used.key_id`.execute(tx);
  }
}

const NO_MANAGEMENT = {
  action: null,
  outcome: null,
  operator: null,
  subjectKeyId: null,
  subjectOwnerId: null,
  subjectOperator: null,
};

function refusalRows({ refusals }: Report): NewAuditRow[] {
  return refusals.map((refusal) => ({
    ...NO_MANAGEMENT,
    ...refusal,
    kind: 'refusal' as const,
    firstAt: refusal.at,
    count: 1,
  }));
}

function suppressedRows({ suppressed }: Report): NewAuditRow[] {
  return suppressed.map(({ lastAt, ...rest }) => ({
    ...NO_MANAGEMENT,
    ...rest,
    kind: 'suppressed' as const,
    at: lastAt,
    requestId: null,
    keyId: null,
    ownerId: null,
    userAgent: null,
    method: null,
    path: null,
  }));
}

async function prune(tx: Tx, now: number, most: number): Promise<void> {
  const old = tx
    .selectFrom('usage')
    .select(['key_id', 'hour_at', 'route', 'status_class'])
    .where('hour_at', '<', now - USAGE_KEPT_MS)
    .orderBy('hour_at')
    .limit(most);
  await tx
    .deleteFrom('usage')
    .where(sql<boolean>`(key_id, hour_at, route, status_class) in ${old}`)
    .execute();
  await tx
    .deleteFrom('reports')
    .where('reported_at', '<', now - MEMBERS_KEPT_MS)
    .execute();
}

const GROUPS = {
  hour: sql<number | string>`hour_at`,
  day: sql<number | string>`hour_at - hour_at % 86400000`,
  route: sql<number | string>`route`,
  status_class: sql<number | string>`status_class`,
} as const;

export async function usageSums(
  db: Kysely<StoreSchema>,
  of: UsageSubject,
  { from, to }: TimeRange,
  by: UsageGroup,
): Promise<readonly UsageSum[]> {
  const counted = db.selectFrom('usage').where('hour_at', '>=', from).where('hour_at', '<', to);
  const theirs =
    'keyId' in of
      ? counted.where('key_id', '=', of.keyId)
      : counted.where(
          'key_id',
          'in',
          db.selectFrom('keys').select('key_id').where('owner_id', '=', of.ownerId),
        );
  const rows = await theirs
    .select(GROUPS[by].as('named'))
    .select((select) => [
      select.fn.sum<number>('count').as('requests'),
      sql<number>`sum(case when status_class in ('4xx', '5xx') then count else 0 end)`.as('errors'),
    ])
    .groupBy('named')
    .orderBy('named')
    .execute();
  return rows.map(({ named, requests, errors }) => ({ group: String(named), requests, errors }));
}
