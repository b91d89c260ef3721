import { randomUUID } from 'node:crypto';
import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { createOperatorTables } from './operator-tables.ts';
import type { StoreSchema } from './schema.ts';

export type Database = 'sqlite' | 'postgres';

/** In the order of their names; what is here has run somewhere and is never changed, only added to. */
function migrationsFor(database: Database): Readonly<Record<string, Migration>> {
  const text = TEXT[database];
  return {
    '0001-keys': { up: (db) => createKeyTables(db, text) },
    '0002-usage-and-audit': { up: (db) => createUsageAndAuditTables(db, text) },
    '0003-lists-of-keys': { up: (db) => createListIndexes(db, database) },
    '0004-fleet': { up: (db) => createFleetTables(db, text) },
    '0005-gauges': { up: (db) => createGaugesTable(db, text) },
    '0006-operators': { up: (db) => createOperatorTables(db, text) },
  };
}

/**
 * Texts are ordered by their bytes, and only ASCII letters have a small form: with SQLite always, with PostgreSQL by
 * this collation, whatever the database was created with.
 */
const TEXT = { sqlite: sql`text`, postgres: sql`text collate "C"` } as const;
export type TextType = (typeof TEXT)[Database];

/** Brings the store to the newest form this program knows. Throws where a newer program has been here. */
export async function migrate(db: Kysely<StoreSchema>, database: Database): Promise<void> {
  const migrations = migrationsFor(database);
  const schema = database === 'sqlite' ? null : await currentSchema(db);
  const unknown = (await knownToTheStore(db, schema)).filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length > 0) {
    throw new Error(
      `it was written by a newer version of plexgate (it knows ${unknown.join(', ')}); run that version or newer`,
    );
  }
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
    ...(schema === null ? {} : { migrationTableSchema: schema }),
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

/** Where tables without a schema are made: the tables of another schema are somebody else's. */
async function currentSchema(db: Kysely<StoreSchema>): Promise<string> {
  const { rows } = await sql<{ name: string | null }>`select current_schema() as name`.execute(db);
  const name = rows[0]?.name ?? null;
  if (name === null) throw new Error('the search_path names no schema that is there');
  return name;
}

async function knownToTheStore(db: Kysely<StoreSchema>, schema: string | null): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  const isThere = tables.some(
    (table) => table.name === 'kysely_migration' && (schema === null || table.schema === schema),
  );
  if (!isThere) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map((row) => row.name);
}

async function createKeyTables(db: Kysely<unknown>, text: TextType): Promise<void> {
  await db.schema
    .createTable('owners')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('profile', text, (column) => column.notNull())
    .addColumn('tier', text, (column) => column.notNull())
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('workspace', text)
    .addColumn('limits', text)
    .execute();
  await db.schema
    .createTable('keys')
    .addColumn('key_id', text, (column) => column.primaryKey())
    .addColumn('owner_id', text, (column) => column.notNull().references('owners.id'))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('profile', text, (column) => column.notNull())
    .addColumn('permission', text, (column) => column.notNull())
    .addColumn('limits', text, (column) => column.notNull())
    .addColumn('mcps', text, (column) => column.notNull())
    .addColumn('created_by', text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .addColumn('shown_prefix', text)
    .addColumn('shown_suffix', text)
    .addColumn('pepper_id', text, (column) => column.notNull())
    .addColumn('digest_hash', text, (column) => column.notNull().unique())
    .addColumn('change_number', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('keys_by_owner').on('keys').columns(['owner_id', 'created_at']).execute();
  await db.schema.createIndex('keys_by_age').on('keys').column('created_at').execute();
  await createChangeTables(db, text);
}

async function createChangeTables(db: Kysely<unknown>, text: TextType): Promise<void> {
  await db.schema
    .createTable('head')
    .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn('number', 'bigint', (column) => column.notNull())
    .execute();
  await sql`insert into head (id, number) values (1, 0)`.execute(db);
  await db.schema
    .createTable('changes')
    .addColumn('number', 'bigint', (column) => column.primaryKey())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('key_id', text)
    .addColumn('owner_id', text)
    .addColumn('pepper_id', text)
    .addColumn('sealed_digest', text)
    .execute();
  await db.schema.createIndex('changes_by_age').on('changes').column('at').execute();
  await db.schema
    .createTable('peppers')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('proof', text, (column) => column.notNull())
    .execute();
}

async function createUsageAndAuditTables(db: Kysely<unknown>, text: TextType): Promise<void> {
  await db.schema.alterTable('keys').addColumn('deprecated_at', 'bigint').execute();
  await db.schema.alterTable('keys').addColumn('replaced_by', text).execute();
  await db.schema.alterTable('keys').addColumn('description', text).execute();
  await db.schema
    .alterTable('keys')
    .addColumn('request_count', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable('usage')
    .addColumn('key_id', text, (column) => column.notNull())
    .addColumn('hour_at', 'bigint', (column) => column.notNull())
    .addColumn('route', text, (column) => column.notNull())
    .addColumn('status_class', text, (column) => column.notNull())
    .addColumn('count', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('usage_pk', ['key_id', 'hour_at', 'route', 'status_class'])
    .execute();
  await db.schema.createIndex('usage_by_age').on('usage').column('hour_at').execute();
  await db.schema
    .createTable('reports')
    .addColumn('member', text, (column) => column.primaryKey())
    .addColumn('last_sequence', 'bigint', (column) => column.notNull())
    .addColumn('missing', text, (column) => column.notNull())
    .addColumn('reported_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('reports_by_age').on('reports').column('reported_at').execute();
  await createAuditTable(db, text);
}

async function createAuditTable(db: Kysely<unknown>, text: TextType): Promise<void> {
  await db.schema
    .createTable('audit')
    .addColumn('id', 'bigint', (column) => column.primaryKey())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('action', text)
    .addColumn('reason', text)
    .addColumn('outcome', text)
    .addColumn('request_id', text)
    .addColumn('key_id', text)
    .addColumn('owner_id', text)
    .addColumn('subject_key_id', text)
    .addColumn('subject_owner_id', text)
    .addColumn('address', text)
    .addColumn('user_agent', text)
    .addColumn('method', text)
    .addColumn('path', text)
    .addColumn('route', text)
    .addColumn('count', 'bigint', (column) => column.notNull())
    .addColumn('first_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('audit_by_age').on('audit').columns(['at', 'id']).execute();
  for (const column of AUDIT_FILTERS) {
    await db.schema.createIndex(`audit_by_${column}`).on('audit').columns([column, 'at', 'id']).execute();
  }
}

/** What the audit is looked through by, newest first. */
const AUDIT_FILTERS = [
  'key_id',
  'owner_id',
  'subject_key_id',
  'subject_owner_id',
  'action',
  'reason',
  'request_id',
  'address',
] as const;

/** What lists of many keys are read and counted from without touching the keys themselves. */
async function createListIndexes(db: Kysely<unknown>, database: Database): Promise<void> {
  const order = ['created_at desc', 'key_id', 'revoked_at', 'expires_at'];
  await db.schema.dropIndex('keys_by_owner').execute();
  await db.schema.createIndex('keys_in_order').on('keys').columns(order).execute();
  await db.schema
    .createIndex('keys_by_owner')
    .on('keys')
    .columns(['owner_id', ...order])
    .execute();
  // PostgreSQL does not read such an index in place of the table.
  if (database === 'sqlite') await sql`create index keys_by_name on keys (lower(name))`.execute(db);
  await sql`create index keys_revoked on keys (revoked_at) where revoked_at is not null`.execute(db);
  await sql`create index keys_expiring on keys (expires_at, created_at, key_id)
    where revoked_at is null and expires_at is not null`.execute(db);
}

/** The epoch is made here, once for each store; that no Redis has been named is settled. */
async function createFleetTables(db: Kysely<unknown>, text: TextType): Promise<void> {
  await db.schema
    .alterTable('head')
    .addColumn('epoch', text, (column) => column.notNull().defaultTo(''))
    .execute();
  await db.schema.alterTable('head').addColumn('redis_run', text).execute();
  await db.schema
    .alterTable('head')
    .addColumn('redis_naming', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('head')
    .addColumn('redis_settled', 'integer', (column) => column.notNull().defaultTo(1))
    .execute();
  await sql`update head set epoch = ${randomUUID()}`.execute(db);
  await db.schema
    .createTable('members')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('epoch', text, (column) => column.notNull())
    .addColumn('applied', 'bigint', (column) => column.notNull())
    .addColumn('stale_if_error_ms', 'bigint', (column) => column.notNull())
    .addColumn('renewals', 'bigint', (column) => column.notNull())
    .execute();
}

async function createGaugesTable(db: Kysely<unknown>, text: TextType): Promise<void> {
  await db.schema
    .createTable('gauges')
    .addColumn('member', text, (column) => column.primaryKey())
    .addColumn('sequence', 'bigint', (column) => column.notNull())
    .addColumn('reported_at', 'bigint', (column) => column.notNull())
    .addColumn('gauges', text, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('gauges_by_age').on('gauges').column('reported_at').execute();
}
