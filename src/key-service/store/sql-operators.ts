import type { Kysely } from 'kysely';
import { auditChange } from './audit.ts';
import { linkFromRow, operatorFromRow, rowFromLink, rowFromOperator } from './operator-rows.ts';
import type {
  AttemptCount,
  Enrolled,
  OperatorAudit,
  OperatorPatch,
  Operators,
  PatchOperatorOutcome,
  SealedText,
  SessionBounds,
  StoredLink,
  StoredOperator,
  StoredSession,
  UseLinkOutcome,
} from './operators.ts';
import type { StoreSchema } from './schema.ts';
import {
  confirmSession,
  countAttempts,
  sessionWhere,
  startSession,
  touchSession,
  uncountAttempts,
} from './sql-sessions.ts';
import { write, type Tx } from './write.ts';

/** Operators over any SQL database. Changes of operators queue on the head row, so that what they count stays true. */
export class SqlOperators implements Operators {
  readonly #db: Kysely<StoreSchema>;
  readonly #writers: Kysely<StoreSchema>;

  constructor(db: Kysely<StoreSchema>, writers: Kysely<StoreSchema>) {
    this.#db = db;
    this.#writers = writers;
  }

  insertOperator(operator: StoredOperator, audit: OperatorAudit): Promise<boolean> {
    return write(this.#writers, async (tx) => {
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('operators')
        .values(rowFromOperator(operator))
        .onConflict((conflict) => conflict.column('email').doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows !== 1n) return false;
      await note(tx, audit, operator.email);
      return true;
    });
  }

  operatorById(id: string): Promise<StoredOperator | null> {
    return operatorWhere(this.#db, 'id', id);
  }

  operatorByEmail(email: string): Promise<StoredOperator | null> {
    return operatorWhere(this.#db, 'email', email);
  }

  async listOperators(): Promise<readonly StoredOperator[]> {
    const rows = await this.#db.selectFrom('operators').selectAll().orderBy('email').execute();
    return rows.map(operatorFromRow);
  }

  async hasOperators(): Promise<boolean> {
    return isThere(this.#db);
  }

  patchOperator(
    id: string,
    { role, enabled }: OperatorPatch,
    audit: OperatorAudit,
  ): Promise<PatchOperatorOutcome> {
    return write(this.#writers, async (tx): Promise<PatchOperatorOutcome> => {
      const before = await operatorWhere(tx, 'id', id);
      if (before === null) return { kind: 'unknown' };
      const operator = { ...before, role: role ?? before.role, enabled: enabled ?? before.enabled };
      if (isAdmin(before) && !isAdmin(operator) && !(await hasOtherAdmin(tx, id)))
        return { kind: 'last_admin' };
      await tx.updateTable('operators').set(rowFromOperator(operator)).where('id', '=', id).execute();
      if (!operator.enabled || operator.role !== before.role) {
        await tx.deleteFrom('sessions').where('operator_id', '=', id).execute();
      }
      await note(tx, audit, operator.email);
      return { kind: 'patched', operator };
    });
  }

  putLink(link: StoredLink, audit: OperatorAudit | null): Promise<void> {
    return write(this.#writers, async (tx) => {
      const { operatorId } = link;
      await tx
        .deleteFrom('operator_links')
        .where('operator_id', 'is not distinct from', operatorId)
        .execute();
      await tx.insertInto('operator_links').values(rowFromLink(link)).execute();
      if (audit === null) return;
      const operator = operatorId === null ? null : await operatorWhere(tx, 'id', operatorId);
      await note(tx, audit, operator?.email);
    });
  }

  link(tokenHash: string, at: number): Promise<StoredLink | null> {
    return linkWhere(this.#db, tokenHash, at);
  }

  useLink(tokenHash: string, enrolled: Enrolled, audit: OperatorAudit): Promise<UseLinkOutcome> {
    return write(this.#writers, async (tx): Promise<UseLinkOutcome> => {
      const link = await linkWhere(tx, tokenHash, audit.at);
      if (link === null) return { kind: 'gone' };
      const before = link.operatorId === null ? null : await operatorWhere(tx, 'id', link.operatorId);
      if (before === null && (enrolled.first === null || (await isThere(tx)))) return { kind: 'gone' };
      const operator = {
        ...(before ?? { ...NEW, ...enrolled.first, createdAt: audit.at }),
        password: enrolled.password,
        totp: link.totp,
        totpCounter: enrolled.totpCounter,
      } as StoredOperator;
      const row = rowFromOperator(operator);
      await tx
        .insertInto('operators')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      await tx.deleteFrom('operator_links').where('token_hash', '=', tokenHash).execute();
      await tx.deleteFrom('sessions').where('operator_id', '=', operator.id).execute();
      await note(tx, { ...audit, draft: { ...audit.draft, operator: operator.email } }, operator.email);
      return { kind: 'used', operator };
    });
  }

  async useCode(operatorId: string, counter: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('operators')
      .set({ totp_counter: counter })
      .where('id', '=', operatorId)
      .where('totp_counter', '<', counter)
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  async resealCode(operatorId: string, from: string, to: SealedText): Promise<void> {
    await this.#db
      .updateTable('operators')
      .set({ totp: to.text, totp_pepper_id: to.pepperId })
      .where('id', '=', operatorId)
      .where('totp', '=', from)
      .execute();
  }

  startSession(session: StoredSession, replaced: string | null, over: SessionBounds): Promise<void> {
    return startSession(this.#db, session, replaced, over);
  }

  session(tokenHash: string): Promise<StoredSession | null> {
    return sessionWhere(this.#db, tokenHash);
  }

  touchSession(tokenHash: string, seenAt: number): Promise<void> {
    return touchSession(this.#db, tokenHash, seenAt);
  }

  confirmSession(tokenHash: string, at: number): Promise<void> {
    return confirmSession(this.#db, tokenHash, at);
  }

  async endSession(tokenHash: string): Promise<void> {
    await this.#db.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute();
  }

  async endSessionsOf(operatorId: string): Promise<void> {
    await this.#db.deleteFrom('sessions').where('operator_id', '=', operatorId).execute();
  }

  countAttempts(subjects: readonly string[], at: number, windowMs: number): Promise<readonly AttemptCount[]> {
    return countAttempts(this.#db, subjects, at, windowMs);
  }

  uncountAttempts(subjects: readonly string[]): Promise<void> {
    return uncountAttempts(this.#db, subjects);
  }
}

const NEW = { enabled: true, lastSignInAt: null };

type Db = Kysely<StoreSchema>;

async function operatorWhere(db: Db, column: 'id' | 'email', value: string): Promise<StoredOperator | null> {
  const row = await db.selectFrom('operators').selectAll().where(column, '=', value).executeTakeFirst();
  return row === undefined ? null : operatorFromRow(row);
}

async function isThere(db: Db): Promise<boolean> {
  return (await db.selectFrom('operators').select('id').limit(1).executeTakeFirst()) !== undefined;
}

async function hasOtherAdmin(db: Db, id: string): Promise<boolean> {
  const rows = await db.selectFrom('operators').selectAll().where('id', '!=', id).execute();
  return rows.map(operatorFromRow).some(isAdmin);
}

/** One who can sign in, so that somebody may let others in again. */
function isAdmin({ role, enabled, password }: StoredOperator): boolean {
  return role === 'admin' && enabled && password !== null;
}

async function linkWhere(db: Db, tokenHash: string, at: number): Promise<StoredLink | null> {
  const row = await db
    .selectFrom('operator_links')
    .selectAll()
    .where('token_hash', '=', tokenHash)
    .where('ends_at', '>', at)
    .executeTakeFirst();
  return row === undefined ? null : linkFromRow(row);
}

function note(tx: Tx, { draft, at }: OperatorAudit, operator: string | undefined): Promise<void> {
  const subject = { keyId: null, ownerId: null };
  return auditChange(tx, draft, at, operator === undefined ? subject : { ...subject, operator });
}
