import type { Kysely, Transaction } from 'kysely';
import type { Owner } from '../../core/key.ts';
import type { Report } from '../../core/wire.ts';
import { auditChange, auditPage, insertAudit } from './audit.ts';
import type { FleetState, MemberRenewal, MemberRow, Telling } from './fleet.ts';
import { keptGauges } from './gauges.ts';
import { Refused, insertKeys, keyById, patchKey, revokeKey, rotateKey } from './key-writes.ts';
import type {
  AuditDraft,
  AuditFilter,
  AuditPage,
  AuditRow,
  KeptGauges,
  NewAuditRow,
  TimeRange,
  UsageGroup,
  UsageSubject,
  UsageSum,
} from './ledger.ts';
import type { Operators } from './operators.ts';
import { resolveQuery, type ResolvedRow } from './queries.ts';
import { changeFromRow, keyFromRow, ownerFromRow, rowFromOwner } from './rows.ts';
import type { StoreSchema } from './schema.ts';
import { SqlOperators } from './sql-operators.ts';
import {
  changesAfter,
  fleetState,
  forgetMember,
  nameRedis,
  removeMembers,
  renewEpoch,
  renewMembers,
  settleRedis,
} from './sql-fleet.ts';
import type {
  DigestHash,
  FoundKey,
  InsertOptions,
  InsertOutcome,
  KeptChange,
  KeyFilter,
  KeyStore,
  NewKey,
  Page,
  PatchOutcome,
  PepperProof,
  Replacement,
  RevokeOptions,
  RevokeOutcome,
  RotateOutcome,
  StoredKey,
  StoredPatch,
} from './store.ts';
import { Totals, listKeys } from './key-list.ts';
import type { NameSearch } from './name-search.ts';
import { takeReport, usageSums } from './usage.ts';
import { changeOfOwner, recordChanges, write } from './write.ts';

/** The store over any SQL database that Kysely speaks to. Which one, and how it is opened, is in another file. */
export class SqlStore implements KeyStore {
  readonly operators: Operators;
  protected readonly db: Kysely<StoreSchema>;
  readonly #writers: Kysely<StoreSchema>;
  readonly #names: NameSearch;
  readonly #totals = new Totals();

  /** `writers` is the same database, for those that change the head row and wait for each other there. */
  constructor(db: Kysely<StoreSchema>, names: NameSearch, writers = db) {
    this.db = db;
    this.#names = names;
    this.#writers = writers;
    this.operators = new SqlOperators(db, writers);
  }

  async resolve(hashes: readonly string[]): Promise<FoundKey> {
    return foundKey((await resolveQuery(this.db, hashes).executeTakeFirst()) as ResolvedRow | undefined);
  }

  putOwner(owner: Owner, at: number, audit: AuditDraft | null = null): Promise<number> {
    return write(this.#writers, async (tx, head) => {
      const row = rowFromOwner(owner);
      await tx
        .insertInto('owners')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      await recordChanges(tx, at, [changeOfOwner(owner.id, head + 1, at)]);
      await auditChange(tx, audit, at, { keyId: null, ownerId: owner.id });
      return head + 1;
    });
  }

  async showOwner(id: string): Promise<Owner | null> {
    const row = await this.db.selectFrom('owners').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : ownerFromRow(row);
  }

  listOwners(page: Page, start = ''): Promise<{ owners: readonly Owner[]; total: number }> {
    return this.#snapshot(async (tx) => {
      const { limit, offset } = page;
      let owners = tx.selectFrom('owners');
      // Ids are ASCII, and ordered by their bytes.
      if (start !== '') owners = owners.where('id', '>=', start).where('id', '<', `${start}\u{7f}`);
      const rows = await owners.selectAll().orderBy('id').limit(limit).offset(offset).execute();
      const { total } = await owners
        .select((select) => select.fn.countAll<number>().as('total'))
        .executeTakeFirstOrThrow();
      return { owners: rows.map(ownerFromRow), total };
    });
  }

  insertKeys(keys: readonly NewKey[], at: number, options: InsertOptions = {}): Promise<InsertOutcome> {
    return write(this.#writers, (tx, head) => insertKeys(tx, head, keys, at, options)).catch(
      (error: unknown) => {
        if (error instanceof Refused) return error.outcome;
        throw error;
      },
    );
  }

  async showKey(keyId: string): Promise<StoredKey | null> {
    return keyById(this.db, keyId);
  }

  listKeys(filter: KeyFilter, page: Page): Promise<{ keys: readonly StoredKey[]; total: number }> {
    return this.#snapshot((tx) => listKeys(tx, filter, page, this.#names, this.#totals));
  }

  patchKey(
    keyId: string,
    patch: StoredPatch,
    at: number,
    audit: AuditDraft | null = null,
  ): Promise<PatchOutcome> {
    return write(this.#writers, (tx, head) => patchKey(tx, head, keyId, patch, at, audit));
  }

  revokeKey(keyId: string, at: number, options: RevokeOptions = {}): Promise<RevokeOutcome> {
    return write(this.#writers, (tx, head) => revokeKey(tx, head, keyId, at, options));
  }

  rotateKey(
    keyId: string,
    replacement: (old: StoredKey) => Replacement,
    at: number,
    audit: AuditDraft | null = null,
  ): Promise<RotateOutcome> {
    return write(this.#writers, (tx, head) => rotateKey(tx, head, keyId, replacement, at, audit));
  }

  takeReport(report: Report, at: number): Promise<boolean> {
    return write(this.#writers, (tx) => takeReport(tx, report, at));
  }

  gauges(since: number): Promise<readonly KeptGauges[]> {
    return keptGauges(this.db, since);
  }

  usage(of: UsageSubject, range: TimeRange, by: UsageGroup): Promise<readonly UsageSum[]> {
    return usageSums(this.db, of, range, by);
  }

  recordAudit(row: NewAuditRow): Promise<void> {
    return write(this.#writers, (tx) => insertAudit(tx, [row], row.at));
  }

  listAudit(filter: AuditFilter, page: AuditPage): Promise<readonly AuditRow[]> {
    return this.#snapshot((tx) => auditPage(tx, filter, page));
  }

  renewMembers(renewals: readonly MemberRenewal[]): Promise<void> {
    return renewMembers(this.db, renewals);
  }

  removeMembers(members: readonly Pick<MemberRow, 'id' | 'renewals'>[]): Promise<void> {
    return removeMembers(this.db, members);
  }

  forgetMember(id: string): Promise<void> {
    return forgetMember(this.db, id);
  }

  fleet(): Promise<FleetState> {
    return fleetState(this.db);
  }

  changesAfter(number: number, limit: number): Promise<Telling> {
    return changesAfter(this.db, number, limit);
  }

  nameRedis(run: string | null): Promise<void> {
    return nameRedis(this.#writers, run);
  }

  settleRedis(naming: number): Promise<void> {
    return settleRedis(this.#writers, naming);
  }

  renewEpoch(epoch: string): Promise<void> {
    return renewEpoch(this.#writers, epoch);
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

  peppersInUse(): Promise<readonly string[]> {
    return this.#snapshot(async (tx) => {
      const ofKeys = await tx.selectFrom('keys').select('pepper_id').distinct().execute();
      const ofChanges = await tx.selectFrom('changes').select('pepper_id').distinct().execute();
      const ofOperators = await tx.selectFrom('operators').select('totp_pepper_id').distinct().execute();
      const ids = [
        ...[...ofKeys, ...ofChanges].map((row) => row.pepper_id),
        ...ofOperators.map((row) => row.totp_pepper_id),
      ];
      return [...new Set(ids.filter((id) => id !== null))];
    });
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }

  /** Several questions about one committed state. */
  #snapshot<T>(ask: (tx: Transaction<StoreSchema>) => Promise<T>): Promise<T> {
    return this.db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(ask);
  }
}

export function foundKey(row: ResolvedRow | undefined): FoundKey {
  if (row === undefined) throw new Error('the store has no head');
  return row.key_id === null
    ? { key: null, hash: null, asOf: row.as_of }
    : { key: keyFromRow(row), hash: row.digest_hash, asOf: row.as_of };
}
