import { sql, type Kysely } from 'kysely';
import type { AuditTable, StoreSchema } from './schema.ts';
import {
  AUDIT_KEPT_MS,
  AUDIT_ROWS_KEPT,
  type AuditAction,
  type AuditDraft,
  type AuditFilter,
  type AuditKind,
  type AuditPage,
  type AuditRow,
  type NewAuditRow,
} from './ledger.ts';
import type { Tx } from './write.ts';

/** Rows per statement: 20 columns each must stay under SQLite's 32,766 parameters. */
const ROWS_PER_STATEMENT = 500;
/** More go with each write than come, so that the table shrinks to its bounds. */
const PRUNED_BESIDE_INSERTED = 500;

/** What a change was about. */
export interface AuditSubject {
  readonly keyId: string | null;
  readonly ownerId: string | null;
  readonly operator?: string;
  readonly count?: number;
}

/** The row about a change, in the transaction of the change; none without a draft. */
export async function auditChange(
  tx: Tx,
  audit: AuditDraft | null | undefined,
  at: number,
  subject: AuditSubject,
  outcome: 'done' | 'repeated' = 'done',
): Promise<void> {
  if (audit === null || audit === undefined) return;
  const row: NewAuditRow = {
    ...audit,
    at,
    firstAt: at,
    kind: 'management',
    reason: null,
    outcome,
    subjectKeyId: subject.keyId,
    subjectOwnerId: subject.ownerId,
    subjectOperator: subject.operator ?? null,
    route: null,
    count: subject.count ?? 1,
  };
  await insertAudit(tx, [row], at);
}

export async function insertAudit(tx: Tx, rows: readonly NewAuditRow[], now: number): Promise<void> {
  if (rows.length === 0) return;
  const { newest } = await tx
    .selectFrom('audit')
    .select((select) => select.fn.max('id').as('newest'))
    .executeTakeFirstOrThrow();
  let id = newest ?? 0;
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const part = rows.slice(start, start + ROWS_PER_STATEMENT);
    await tx
      .insertInto('audit')
      .values(part.map((row) => rowFromAudit(row, ++id)))
      .execute();
  }
  await prune(tx, id - AUDIT_ROWS_KEPT, now - AUDIT_KEPT_MS, rows.length + PRUNED_BESIDE_INSERTED);
}

/** At most `most` rows each for their number and for their age, the oldest first. */
async function prune(tx: Tx, upToId: number, before: number, most: number): Promise<void> {
  const tooMany = tx.selectFrom('audit').select('id').where('id', '<=', upToId).orderBy('id').limit(most);
  await tx.deleteFrom('audit').where('id', 'in', tooMany).execute();
  const tooOld = tx.selectFrom('audit').select('id').where('at', '<', before).orderBy('at').limit(most);
  await tx.deleteFrom('audit').where('id', 'in', tooOld).execute();
}

/**
 * Whoever acted or was acted on stands in two columns. Each is asked for by its own index, and the answers are put
 * together: one condition over both would sort every row it finds.
 */
export async function auditPage(
  db: Kysely<StoreSchema>,
  filter: AuditFilter,
  page: AuditPage,
): Promise<readonly AuditRow[]> {
  const columns = leadingColumns(filter);
  const found = new Map<number, AuditRow>();
  for (const column of columns) {
    for (const row of await matching(db, filter, page, column).execute())
      found.set(row.id, auditFromRow(row));
  }
  return [...found.values()].sort((a, b) => b.at - a.at || b.id - a.id).slice(0, page.limit);
}

type SubjectColumn =
  'key_id' | 'subject_key_id' | 'owner_id' | 'subject_owner_id' | 'operator' | 'subject_operator';

function leadingColumns({ keyId, ownerId, operator }: AuditFilter): readonly (SubjectColumn | null)[] {
  if (keyId !== null) return ['key_id', 'subject_key_id'];
  if (ownerId !== null) return ['owner_id', 'subject_owner_id'];
  return operator === null ? [null] : ['operator', 'subject_operator'];
}

function matching(
  db: Kysely<StoreSchema>,
  filter: AuditFilter,
  { limit, after }: AuditPage,
  leading: SubjectColumn | null,
) {
  const { kind, action, reason, requestId, keyId, ownerId, operator, address, from, to } = filter;
  let query = db.selectFrom('audit').selectAll();
  if (leading !== null) query = query.where(leading, '=', keyId ?? ownerId ?? operator);
  if (keyId !== null && ownerId !== null) {
    query = query.where((where) =>
      where.or([where('owner_id', '=', ownerId), where('subject_owner_id', '=', ownerId)]),
    );
  }
  if (operator !== null && (keyId !== null || ownerId !== null)) {
    query = query.where((where) =>
      where.or([where('operator', '=', operator), where('subject_operator', '=', operator)]),
    );
  }
  if (kind !== null) query = query.where('kind', '=', kind);
  if (action !== null) query = query.where('action', '=', action);
  if (reason !== null) query = query.where('reason', '=', reason);
  if (requestId !== null) query = query.where('request_id', '=', requestId);
  if (address !== null) query = query.where('address', '=', address);
  if (from !== null) query = query.where('at', '>=', from);
  if (to !== null) query = query.where('at', '<', to);
  if (after !== null) query = query.where(sql<boolean>`(at, id) < (${after.at}, ${after.id})`);
  return query.orderBy('at', 'desc').orderBy('id', 'desc').limit(limit);
}

function rowFromAudit(row: NewAuditRow, id: number): AuditTable {
  return {
    id,
    at: row.at,
    kind: row.kind,
    action: row.action,
    reason: row.reason,
    outcome: row.outcome,
    request_id: row.requestId,
    key_id: row.keyId,
    owner_id: row.ownerId,
    subject_key_id: row.subjectKeyId,
    subject_owner_id: row.subjectOwnerId,
    address: row.address,
    user_agent: row.userAgent,
    method: row.method,
    path: row.path,
    route: row.route,
    count: row.count,
    first_at: row.firstAt,
    operator: row.operator,
    subject_operator: row.subjectOperator,
  };
}

function auditFromRow(row: AuditTable): AuditRow {
  return {
    id: row.id,
    at: row.at,
    kind: row.kind as AuditKind,
    action: row.action as AuditAction | null,
    reason: row.reason,
    outcome: row.outcome,
    requestId: row.request_id,
    keyId: row.key_id,
    ownerId: row.owner_id,
    subjectKeyId: row.subject_key_id,
    subjectOwnerId: row.subject_owner_id,
    address: row.address,
    userAgent: row.user_agent,
    method: row.method,
    path: row.path,
    route: row.route,
    count: row.count,
    firstAt: row.first_at,
    operator: row.operator,
    subjectOperator: row.subject_operator,
  };
}
