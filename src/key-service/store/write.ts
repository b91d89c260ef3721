import { sql, type Kysely, type Transaction } from 'kysely';
import type { ChangesTable, StoreSchema } from './schema.ts';
import { CHANGES_KEPT_MS, type NewKey } from './store.ts';

export type Tx = Transaction<StoreSchema>;

/**
 * One write. The first statement locks the head row, so that writers queue here on every database and what is read
 * afterwards stays true until commit; `recordChanges` moves the head on.
 */
export function write<T>(db: Kysely<StoreSchema>, work: (tx: Tx, head: number) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (tx) => {
    const { number } = await tx
      .updateTable('head')
      .set((column) => ({ number: column.ref('number') }))
      .returning('number')
      .executeTakeFirstOrThrow();
    return work(tx, number);
  });
}

const NO_CHANGE = { key_id: null, owner_id: null, pepper_id: null, sealed_digest: null };

export function changeOfOwner(ownerId: string, number: number, at: number): ChangesTable {
  return { ...NO_CHANGE, number, at, owner_id: ownerId };
}

export function changeOfKey(keyId: string, number: number, at: number): ChangesTable {
  return { ...NO_CHANGE, number, at, key_id: keyId };
}

export function changeOfNewKey(key: NewKey, number: number, at: number): ChangesTable {
  const { pepperId } = key.digest;
  return { ...changeOfKey(key.keyId, number, at), pepper_id: pepperId, sealed_digest: key.sealedDigest };
}

export async function recordChanges(tx: Tx, at: number, changes: readonly ChangesTable[]): Promise<void> {
  await tx.insertInto('changes').values(changes).execute();
  await tx
    .updateTable('head')
    .set((column) => ({ number: sql<number>`${column.ref('number')} + ${changes.length}` }))
    .execute();
  await tx
    .deleteFrom('changes')
    .where('at', '<', at - CHANGES_KEPT_MS)
    .execute();
}
