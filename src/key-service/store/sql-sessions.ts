import { sql, type Kysely } from 'kysely';
import type { AttemptCount, SessionBounds, StoredSession } from './operators.ts';
import { rowFromSession, sessionFromRow } from './operator-rows.ts';
import type { StoreSchema } from './schema.ts';

type Db = Kysely<StoreSchema>;

/** Rows that are over and go with a write. */
const PRUNED = 100;

export function startSession(
  db: Db,
  session: StoredSession,
  replaced: string | null,
  over: SessionBounds,
): Promise<void> {
  return db.transaction().execute(async (tx) => {
    await tx
      .updateTable('operators')
      .set({ last_sign_in_at: session.createdAt })
      .where('id', '=', session.operatorId)
      .execute();
    await tx.insertInto('sessions').values(rowFromSession(session)).execute();
    if (replaced !== null) await tx.deleteFrom('sessions').where('token_hash', '=', replaced).execute();
    const ended = tx
      .selectFrom('sessions')
      .select('token_hash')
      .where((where) =>
        where.or([where('created_at', '<', over.createdBefore), where('seen_at', '<', over.seenBefore)]),
      )
      .limit(PRUNED);
    await tx.deleteFrom('sessions').where('token_hash', 'in', ended).execute();
  });
}

export async function sessionWhere(db: Db, tokenHash: string): Promise<StoredSession | null> {
  const row = await db
    .selectFrom('sessions')
    .selectAll()
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst();
  return row === undefined ? null : sessionFromRow(row);
}

export async function touchSession(db: Db, tokenHash: string, seenAt: number): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ seen_at: seenAt })
    .where('token_hash', '=', tokenHash)
    .where('seen_at', '<', seenAt)
    .execute();
}

export async function confirmSession(db: Db, tokenHash: string, at: number): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ confirmed_at: at, seen_at: at })
    .where('token_hash', '=', tokenHash)
    .execute();
}

/** Rows in the order of their subjects, so that two of these never wait for each other. */
export function countAttempts(
  db: Db,
  subjects: readonly string[],
  at: number,
  windowMs: number,
): Promise<readonly AttemptCount[]> {
  return db.transaction().execute(async (tx) => {
    const counts: AttemptCount[] = [];
    for (const subject of subjects.toSorted()) {
      const isOver = sql<boolean>`attempts.first_at <= ${at - windowMs}`;
      const row = await tx
        .insertInto('attempts')
        .values({ subject, count: 1, first_at: at })
        .onConflict((conflict) =>
          conflict.column('subject').doUpdateSet({
            count: sql<number>`case when ${isOver} then 1 else attempts.count + 1 end`,
            first_at: sql<number>`case when ${isOver} then excluded.first_at else attempts.first_at end`,
          }),
        )
        .returning(['count', 'first_at'])
        .executeTakeFirstOrThrow();
      counts.push({ subject, count: row.count, firstAt: row.first_at });
    }
    const over = tx
      .selectFrom('attempts')
      .select('subject')
      .where('first_at', '<=', at - windowMs)
      .limit(PRUNED);
    await tx.deleteFrom('attempts').where('subject', 'in', over).execute();
    return counts;
  });
}

export async function uncountAttempts(db: Db, subjects: readonly string[]): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const subject of subjects.toSorted()) {
      await tx
        .updateTable('attempts')
        .set({ count: sql<number>`count - 1` })
        .where('subject', '=', subject)
        .where('count', '>', 0)
        .execute();
    }
  });
}
