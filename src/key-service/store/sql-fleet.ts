import { randomInt, randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import type { FleetState, MemberRenewal, MemberRow, Telling } from './fleet.ts';
import { changeFromRow } from './rows.ts';
import type { ChangesTable, MembersTable, StoreSchema } from './schema.ts';

type Db = Kysely<StoreSchema>;

const ROWS_PER_STATEMENT = 500;
/**
 * A member's count begins anywhere below this, so that one that went and came back is not taken for what it was
 * before by somebody who saw it then.
 */
const FIRST_COUNT_BELOW = 2 ** 47;

/**
 * Not behind the head row: a renewal must not wait for a long import. Rows in the order of their ids, as every
 * statement over several of them has them, so that two processes never wait for each other.
 */
export function renewMembers(db: Db, renewals: readonly MemberRenewal[]): Promise<void> {
  const rows = newestOfEach(renewals);
  return db.transaction().execute(async (tx) => {
    for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
      await tx
        .insertInto('members')
        .values(rows.slice(start, start + ROWS_PER_STATEMENT))
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((column) => ({
            epoch: column.ref('excluded.epoch'),
            applied: sql<number>`case
              when ${column.ref('members.epoch')} = ${column.ref('excluded.epoch')}
                and ${column.ref('members.applied')} > ${column.ref('excluded.applied')}
              then ${column.ref('members.applied')} else ${column.ref('excluded.applied')} end`,
            stale_if_error_ms: column.ref('excluded.stale_if_error_ms'),
            renewals: sql<number>`${column.ref('members.renewals')} + 1`,
          })),
        )
        .execute();
    }
  });
}

/** One row for each member, by the rule of the table: a statement may not meet the same row twice. */
function newestOfEach(renewals: readonly MemberRenewal[]): MembersTable[] {
  const rows = new Map<string, MembersTable>();
  for (const { id, epoch, applied, staleIfErrorMs } of renewals) {
    const before = rows.get(id);
    rows.set(id, {
      id,
      epoch,
      applied: before?.epoch === epoch ? Math.max(before.applied, applied) : applied,
      stale_if_error_ms: staleIfErrorMs,
      renewals: randomInt(FIRST_COUNT_BELOW),
    });
  }
  return [...rows.values()].sort(byId);
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}

export function removeMembers(db: Db, members: readonly Pick<MemberRow, 'id' | 'renewals'>[]): Promise<void> {
  return db.transaction().execute(async (tx) => {
    for (const { id, renewals } of members.toSorted(byId)) {
      await tx.deleteFrom('members').where('id', '=', id).where('renewals', '=', renewals).execute();
    }
  });
}

export async function forgetMember(db: Db, id: string): Promise<void> {
  await db.deleteFrom('members').where('id', '=', id).execute();
}

/** One statement, hence of one snapshot; null columns where there is no member. */
export async function fleetState(db: Db): Promise<FleetState> {
  const rows = await db
    .selectFrom('head')
    .leftJoin('members', (join) => join.onTrue())
    .select(['head.epoch', 'head.number', 'redis_run', 'redis_naming', 'redis_settled'])
    .select(['members.id', 'members.epoch as member_epoch', 'applied', 'stale_if_error_ms', 'renewals'])
    .orderBy('members.id')
    .execute();
  const [first] = rows;
  if (first === undefined) throw new Error('the store has no head');
  const members = rows.flatMap(({ id, member_epoch, applied, stale_if_error_ms, renewals }) =>
    id === null ||
    member_epoch === null ||
    applied === null ||
    stale_if_error_ms === null ||
    renewals === null
      ? []
      : [{ id, epoch: member_epoch, applied, staleIfErrorMs: stale_if_error_ms, renewals }],
  );
  return {
    epoch: first.epoch,
    head: first.number,
    members,
    redisRun: first.redis_run,
    redisNaming: first.redis_naming,
    redisSettled: first.redis_settled !== 0,
  };
}

/** One statement, hence of one snapshot; null columns where there is no change. */
export async function changesAfter(db: Db, number: number, limit: number): Promise<Telling> {
  const after = db
    .selectFrom('changes')
    .selectAll()
    .where('number', '>', number)
    .orderBy('number')
    .limit(limit)
    .as('later');
  const rows = await db
    .selectFrom('head')
    .leftJoin(after, (join) => join.onTrue())
    .select(['head.epoch', 'head.number as head', 'head.redis_run'])
    .select(['later.number', 'later.at', 'later.key_id', 'later.owner_id'])
    .select(['later.pepper_id', 'later.sealed_digest'])
    .orderBy('later.number')
    .execute();
  const [first] = rows;
  if (first === undefined) throw new Error('the store has no head');
  const changes = rows.filter((row): row is typeof row & ChangesTable => row.number !== null);
  return {
    epoch: first.epoch,
    head: first.head,
    redisRun: first.redis_run,
    changes: changes.map(changeFromRow),
  };
}

export async function nameRedis(db: Db, run: string | null): Promise<void> {
  await db
    .updateTable('head')
    .set((column) => ({
      redis_run: run,
      // Where none was named and that had settled, nobody knows of another.
      redis_settled: sql<number>`case when redis_run is null then redis_settled else 0 end`,
      redis_naming: sql<number>`${column.ref('redis_naming')} + 1`,
    }))
    .where('redis_run', 'is distinct from', run)
    .execute();
}

export async function settleRedis(db: Db, naming: number): Promise<void> {
  await db.updateTable('head').set({ redis_settled: 1 }).where('redis_naming', '=', naming).execute();
}

export async function renewEpoch(db: Db, epoch: string): Promise<void> {
  await db.updateTable('head').set({ epoch: randomUUID() }).where('epoch', '=', epoch).execute();
}
