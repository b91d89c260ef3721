import type { DatabaseSync } from 'node:sqlite';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { StoreSchema } from './schema.ts';

/** Finds keys by a part of their name without reading every name. */
export interface NameSearch {
  /** Whether it can look for this text at all. */
  finds(text: string): boolean;
  /** The ids of at most `limit` keys, in no order. */
  first(db: Kysely<StoreSchema>, text: string, limit: number): Promise<readonly string[]>;
  count(db: Kysely<StoreSchema>, text: string): Promise<number>;
}

const TRIGRAM = 3;

/**
 * SQLite's full-text index of all three-letter pieces of the names. It holds them as SQLite's lower() leaves them, in
 * small ASCII letters, so that it finds what `lower(name) like lower(text)` does and nothing else.
 */
export const TRIGRAMS: NameSearch = {
  finds: (text) => Array.from(text).length >= TRIGRAM && !text.includes('\0'),

  async first(db, text, limit) {
    const { rows } = await sql<{ key_id: string }>`
      select key_id from key_names where name match ${phrase(text)} limit ${limit}`.execute(db);
    return rows.map((row) => row.key_id);
  },

  async count(db, text) {
    const { rows } = await sql<{ size: number }>`
      select count(*) as size from key_names where name match ${phrase(text)}`.execute(db);
    return rows[0]?.size ?? 0;
  },
};

/** An index like any other: made where it is missing, kept by SQLite, and gone with nothing lost. */
export function prepareTrigrams(database: DatabaseSync): void {
  const known = database.prepare(`select 1 from sqlite_master where name = 'key_names'`).get();
  if (known !== undefined) return;
  database.exec(`begin immediate;
    create virtual table key_names using fts5(key_id unindexed, name, tokenize = 'trigram case_sensitive 1');
    create trigger key_named after insert on keys begin
      insert into key_names (key_id, name) values (new.key_id, lower(new.name));
    end;
    create trigger key_renamed after update of name on keys when new.name is not old.name begin
      update key_names set name = lower(new.name) where key_id = new.key_id;
    end;
    insert into key_names (key_id, name) select key_id, lower(name) from keys;
    commit`);
}

/**
 * PostgreSQL's own search, which takes its trigram index where there is one and else reads the names one by one, up
 * to the limit.
 */
export const SCAN: NameSearch = {
  finds: () => true,

  async first(db, text, limit) {
    const rows = await db.selectFrom('keys').select('key_id').where(hasName(text)).limit(limit).execute();
    return rows.map((row) => row.key_id);
  },

  async count(db, text) {
    const { size } = await db
      .selectFrom('keys')
      .select((select) => select.fn.countAll<number>().as('size'))
      .where(hasName(text))
      .executeTakeFirstOrThrow();
    return size;
  },
};

/** Whether the text is a part of the key's name, ASCII letters in any case. No name has a NUL, and no pattern may. */
export function hasName(text: string): RawBuilder<boolean> {
  if (text.includes('\0')) return sql<boolean>`1 = 0`;
  const pattern = `%${inSmallLetters(text).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  return sql<boolean>`lower(keys.name) like ${pattern} escape '\\'`;
}

/** Any number: whoever prepares the index waits for whoever has begun to. */
const INDEX_LOCK = 7_360_511_402;

/**
 * Makes the trigram index where the extension is there or may be made. Without it, be it for want of a privilege,
 * searches take longer and find the same.
 */
export async function prepareTrigramIndex(db: Kysely<StoreSchema>): Promise<void> {
  try {
    await db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(INDEX_LOCK)})`.execute(tx);
      const { rows } = await sql`select 1 from pg_indexes
        where schemaname = current_schema() and indexname = 'keys_name_trigrams'`.execute(tx);
      if (rows.length > 0) return;
      await sql`create extension if not exists pg_trgm`.execute(tx);
      const extension = await sql<{ schema: string }>`select nspname as schema from pg_extension
        join pg_namespace on pg_namespace.oid = extnamespace where extname = 'pg_trgm'`.execute(tx);
      const operators = sql.id(extension.rows[0]?.schema ?? 'public', 'gin_trgm_ops');
      await sql`create index keys_name_trigrams on keys using gin (lower(name) ${operators})`.execute(tx);
    });
  } catch (error) {
    if (!isObjection(error)) throw error;
  }
}

/** The server understood and will not. Whoever is away has said nothing about privileges. */
function isObjection(error: unknown): boolean {
  return error instanceof Error && 'code' in error && 'severity' in error;
}

function inSmallLetters(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** A phrase in quotes stands for itself, whatever is in it. */
function phrase(text: string): string {
  return `"${inSmallLetters(text).replaceAll('"', '""')}"`;
}
