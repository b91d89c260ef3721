import type { Kysely } from 'kysely';
import { gaugesToJson } from '../../core/gauges.ts';
import type { Report } from '../../core/wire.ts';
import { GAUGES_KEPT_MS, GAUGES_ROWS_KEPT, type KeptGauges } from './ledger.ts';
import type { StoreSchema } from './schema.ts';
import type { Tx } from './write.ts';

const PRUNED_AT_ONCE = 500;

/** Keeps them in place of the member's older ones; a report that comes late changes nothing. */
export async function keepGauges(tx: Tx, { member, sequence, gauges }: Report, now: number): Promise<void> {
  if (gauges === undefined) return;
  const row = { sequence, reported_at: now, gauges: JSON.stringify(gaugesToJson(gauges)) };
  await tx
    .insertInto('gauges')
    .values({ member, ...row })
    .onConflict((conflict) =>
      conflict.column('member').doUpdateSet(row).where('gauges.sequence', '<', sequence),
    )
    .execute();
  await tx
    .deleteFrom('gauges')
    .where('reported_at', '<', now - GAUGES_KEPT_MS)
    .execute();
  const beyond = tx
    .selectFrom('gauges')
    .select('member')
    .orderBy('reported_at', 'desc')
    .orderBy('member')
    .offset(GAUGES_ROWS_KEPT)
    .limit(PRUNED_AT_ONCE);
  await tx.deleteFrom('gauges').where('member', 'in', beyond).execute();
}

export async function keptGauges(db: Kysely<StoreSchema>, since: number): Promise<readonly KeptGauges[]> {
  const rows = await db
    .selectFrom('gauges')
    .selectAll()
    .where('reported_at', '>=', since)
    .orderBy('member')
    .execute();
  return rows.map(({ member, reported_at, gauges }) => ({
    member,
    reportedAt: reported_at,
    gauges: JSON.parse(gauges) as unknown,
  }));
}
