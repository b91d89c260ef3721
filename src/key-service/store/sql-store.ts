import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql, type Kysely, type Transaction } from 'kysely';
import type { Owner } from '../../core/key.ts';
import {
  KEY_COLUMNS,
  changeFromRow,
  keyFromRow,
  limitsToText,
  ownerFromRow,
  rowFromNewKey,
  rowFromOwner,
} from './rows.ts';
import type { ChangesTable, StoreSchema } from './schema.ts';
import {
  CHANGES_KEPT_MS,
  type DigestHash,
  type FoundKey,
  type InsertOutcome,
  type KeptChange,
  type KeyFilter,
  type KeyStore,
  type NewKey,
  type Page,
  type PatchOutcome,
  type PepperProof,
  type RevokeOutcome,
  type StoredKey,
  type StoredPatch,
} from './store.ts';
import { listKeys } from './key-list.ts';
import type { NameSearch } from './name-search.ts';
import { firstTaken, keysWithOwners, resolveQuery, type ResolvedRow } from './queries.ts';

type Tx = Transaction<StoreSchema>;

/** Rows per statement: 17 columns each must stay under SQLite's 32,766 parameters. */
const ROWS_PER_STATEMENT = 500;

/** The store over any SQL database that Kysely speaks to. Which one, and how it is opened, is in another file. */
export class SqlStore implements KeyStore {
  protected readonly db: Kysely<StoreSchema>;

  readonly #names: NameSearch | null;

  constructor(db: Kysely<StoreSchema>, names: NameSearch | null = null) {
    this.db = db;
    this.#names = names;
  }

  async resolve(hashes: readonly string[]): Promise<FoundKey> {
    return foundKey((await resolveQuery(this.db, hashes).executeTakeFirst()) as ResolvedRow | undefined);
  }

  putOwner(owner: Owner, at: number): Promise<number> {
    return this.#write(async (tx, head) => {
      const row = rowFromOwner(owner);
      await tx
        .insertInto('owners')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      await recordChanges(tx, at, [{ ...NO_CHANGE, number: head + 1, at, owner_id: owner.id }]);
      return head + 1;
    });
  }

  async showOwner(id: string): Promise<Owner | null> {
    const row = await this.db.selectFrom('owners').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : ownerFromRow(row);
  }

  async listOwners(page: Page): Promise<{ owners: readonly Owner[]; total: number }> {
    const rows = await this.db
      .selectFrom('owners')
      .selectAll()
      .orderBy('id')
      .limit(page.limit)
      .offset(page.offset)
      .execute();
    const { total } = await this.db
      .selectFrom('owners')
      .select((select) => select.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    return { owners: rows.map(ownerFromRow), total };
  }

  insertKeys(keys: readonly NewKey[], at: number): Promise<InsertOutcome> {
    return this.#write(async (tx, head) => {
      for (let start = 0; start < keys.length; start += ROWS_PER_STATEMENT) {
        // A long import must not keep the process from answering others.
        if (start > 0) await nextTurn();
        const part = keys.slice(start, start + ROWS_PER_STATEMENT);
        const refused = await this.#refusal(tx, part);
        if (refused !== null) throw new Refused({ ...refused, index: start + refused.index });
        const first = head + 1 + start;
        await tx
          .insertInto('keys')
          .values(part.map((key, i) => rowFromNewKey(key, first + i)))
          .execute();
        await recordChanges(
          tx,
          at,
          part.map((key, i) => changeOfNewKey(key, first + i, at)),
        );
      }
      return { kind: 'inserted' as const, firstNumber: head + 1 };
    }).catch((error: unknown) => {
      if (error instanceof Refused) return error.outcome;
      throw error;
    });
  }

  async #refusal(tx: Tx, keys: readonly NewKey[]): Promise<RefusedInsert | null> {
    const ids = [...new Set(keys.map((key) => key.ownerId))];
    const owners = await tx.selectFrom('owners').select('id').where('id', 'in', ids).execute();
    const known = new Set(owners.map((owner) => owner.id));
    const index = keys.findIndex((key) => !known.has(key.ownerId));
    return index === -1 ? firstTaken(tx, keys) : { kind: 'unknown_owner', index };
  }

  async showKey(keyId: string): Promise<StoredKey | null> {
    return keyById(this.db, keyId);
  }

  listKeys(filter: KeyFilter, page: Page): Promise<{ keys: readonly StoredKey[]; total: number }> {
    return this.db.transaction().execute((tx) => listKeys(tx, filter, page, this.#names));
  }

  patchKey(keyId: string, patch: StoredPatch, at: number): Promise<PatchOutcome> {
    return this.#write(async (tx, head) => {
      const before = await keyById(tx, keyId);
      if (before === null) return { kind: 'unknown_key' };
      if (before.record.revokedAt !== null) return { kind: 'revoked' };
      await tx
        .updateTable('keys')
        .set({
          change_number: head + 1,
          ...(patch.name === undefined ? {} : { name: patch.name }),
          ...(patch.expiresAt === undefined ? {} : { expires_at: patch.expiresAt }),
          ...(patch.limits === undefined ? {} : { limits: limitsToText(patch.limits) }),
          ...(patch.mcps === undefined ? {} : { mcps: JSON.stringify(patch.mcps) }),
        })
        .where('key_id', '=', keyId)
        .execute();
      await recordChanges(tx, at, [{ ...NO_CHANGE, number: head + 1, at, key_id: keyId }]);
      return { kind: 'patched', key: await changedKey(tx, keyId) };
    });
  }

  revokeKey(keyId: string, at: number): Promise<RevokeOutcome> {
    return this.#write(async (tx, head) => {
      const before = await keyById(tx, keyId);
      if (before === null) return { kind: 'unknown_key' };
      if (before.record.revokedAt !== null) {
        return { kind: 'revoked', key: before, revokedAt: before.record.revokedAt, first: false };
      }
      await tx
        .updateTable('keys')
        .set({ revoked_at: at, change_number: head + 1 })
        .where('key_id', '=', keyId)
        .execute();
      await recordChanges(tx, at, [{ ...NO_CHANGE, number: head + 1, at, key_id: keyId }]);
      return { kind: 'revoked', key: await changedKey(tx, keyId), revokedAt: at, first: true };
    });
  }

  async rehashKey(keyId: string, from: string, to: DigestHash): Promise<void> {
    await this.db
      .updateTable('keys')
      .set({ digest_hash: to.hash, pepper_id: to.pepperId })
      .where('key_id', '=', keyId)
      .where('digest_hash', '=', from)
      .execute();
  }

  async keptChanges(): Promise<readonly KeptChange[]> {
    return (await this.db.selectFrom('changes').selectAll().orderBy('number').execute()).map(changeFromRow);
  }

  async head(): Promise<number> {
    return (await this.db.selectFrom('head').select('number').executeTakeFirstOrThrow()).number;
  }

  async pepperProofs(): Promise<readonly PepperProof[]> {
    const rows = await this.db.selectFrom('peppers').selectAll().execute();
    return rows.map((row) => ({ pepperId: row.id, proof: row.proof }));
  }

  async keepPepperProof({ pepperId, proof }: PepperProof): Promise<void> {
    await this.db
      .insertInto('peppers')
      .values({ id: pepperId, proof })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ proof }))
      .execute();
  }

  async peppersInUse(): Promise<readonly string[]> {
    const ofKeys = await this.db.selectFrom('keys').select('pepper_id').distinct().execute();
    const ofChanges = await this.db.selectFrom('changes').select('pepper_id').distinct().execute();
    const ids = [...ofKeys, ...ofChanges].map((row) => row.pepper_id).filter((id) => id !== null);
    return [...new Set(ids)];
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }

  /**
   * One write. The first statement locks the head row, so that writers queue here on every database and what is read
   * afterwards stays true until commit; `recordChanges` moves the head on.
   */
  #write<T>(work: (tx: Tx, head: number) => Promise<T>): Promise<T> {
    return this.db.transaction().execute(async (tx) => {
      const { number } = await tx
        .updateTable('head')
        .set((column) => ({ number: column.ref('number') }))
        .returning('number')
        .executeTakeFirstOrThrow();
      return work(tx, number);
    });
  }
}

type RefusedInsert = Exclude<InsertOutcome, { kind: 'inserted' }>;

/** Rolls the transaction back: part of the keys may already stand in it. */
class Refused extends Error {
  readonly outcome: RefusedInsert;

  constructor(outcome: RefusedInsert) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

const NO_CHANGE = { key_id: null, owner_id: null, pepper_id: null, sealed_digest: null };

function changeOfNewKey(key: NewKey, number: number, at: number): ChangesTable {
  return {
    ...NO_CHANGE,
    number,
    at,
    key_id: key.keyId,
    pepper_id: key.digest.pepperId,
    sealed_digest: key.sealedDigest,
  };
}

async function recordChanges(tx: Tx, at: number, changes: readonly ChangesTable[]): Promise<void> {
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

async function keyById(db: Kysely<StoreSchema>, keyId: string): Promise<StoredKey | null> {
  const row = await keysWithOwners(db)
    .select(KEY_COLUMNS)
    .where('keys.key_id', '=', keyId)
    .executeTakeFirst();
  return row === undefined ? null : keyFromRow(row);
}

async function changedKey(tx: Tx, keyId: string): Promise<StoredKey> {
  const key = await keyById(tx, keyId);
  if (key === null) throw new Error('a key left the store inside the transaction that changed it');
  return key;
}

export function foundKey(row: ResolvedRow | undefined): FoundKey {
  if (row === undefined) throw new Error('the store has no head');
  return row.key_id === null
    ? { key: null, hash: null, asOf: row.as_of }
    : { key: keyFromRow(row), hash: row.digest_hash, asOf: row.as_of };
}
