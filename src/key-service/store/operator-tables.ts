import type { Kysely } from 'kysely';
import type { TextType } from './migrations.ts';

/** Who may act in the console, how they sign in, and what the audit says of them. */
export async function createOperatorTables(db: Kysely<unknown>, text: TextType): Promise<void> {
  await db.schema
    .createTable('operators')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('email', text, (column) => column.notNull().unique())
    .addColumn('role', text, (column) => column.notNull())
    .addColumn('password', text)
    .addColumn('totp', text)
    .addColumn('totp_pepper_id', text)
    .addColumn('totp_counter', 'bigint', (column) => column.notNull())
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_sign_in_at', 'bigint')
    .execute();
  await db.schema
    .createTable('operator_links')
    .addColumn('token_hash', text, (column) => column.primaryKey())
    .addColumn('operator_id', text, (column) => column.references('operators.id'))
    .addColumn('totp', text, (column) => column.notNull())
    .addColumn('totp_pepper_id', text, (column) => column.notNull())
    .addColumn('ends_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('sessions')
    .addColumn('token_hash', text, (column) => column.primaryKey())
    .addColumn('operator_id', text, (column) => column.notNull().references('operators.id'))
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('seen_at', 'bigint', (column) => column.notNull())
    .addColumn('confirmed_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('sessions_by_operator').on('sessions').column('operator_id').execute();
  await db.schema
    .createTable('attempts')
    .addColumn('subject', text, (column) => column.primaryKey())
    .addColumn('count', 'bigint', (column) => column.notNull())
    .addColumn('first_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('attempts_by_age').on('attempts').column('first_at').execute();
  for (const column of ['operator', 'subject_operator']) {
    await db.schema.alterTable('audit').addColumn(column, text).execute();
    await db.schema.createIndex(`audit_by_${column}`).on('audit').columns([column, 'at', 'id']).execute();
  }
}
