import type { DatabaseSync } from 'node:sqlite';
import { sql, type Kysely } from 'kysely';
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

/** A phrase in quotes stands for itself, whatever is in it. */
function phrase(text: string): string {
  const lower = text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return `"${lower.replaceAll('"', '""')}"`;
}
