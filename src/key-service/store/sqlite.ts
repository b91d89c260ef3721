import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type DatabaseSyncOptions, type StatementSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { migrate } from './migrations.ts';
import { TRIGRAMS, prepareTrigrams } from './name-search.ts';
import { resolveQuery, type ResolvedRow } from './queries.ts';
import type { StoreSchema } from './schema.ts';
import { SqlStore, foundKey } from './sql-store.ts';
import { NodeSqliteDialect } from './sqlite-dialect.ts';
import type { FoundKey, KeyStore } from './store.ts';

/** How long SQLite waits for another program that has the file, such as a backup. */
const BUSY_MS = 5000;

/**
 * Opens the store in `path`, making file (0600) and folder where missing; `:memory:` lives as long as it is open.
 * Rejects, naming the path, where the file is no store, was written by a newer program or is open elsewhere.
 */
export async function openSqliteStore(path: string): Promise<KeyStore> {
  const opened: DatabaseSync[] = [];
  const open = (options: DatabaseSyncOptions): DatabaseSync => {
    const database = new DatabaseSync(path, { timeout: BUSY_MS, ...options });
    opened.push(database);
    return database;
  };
  try {
    if (path === ':memory:') return new SqlStore(await prepareWriter(open({})), TRIGRAMS);
    const lock = lockStore(path);
    opened.push(lock);
    makeFile(path);
    const db = await prepareWriter(open({}));
    return new SqliteFileStore(db, open({ readOnly: true }), lock);
  } catch (error) {
    for (const database of opened.toReversed()) database.close();
    const why = error instanceof Error ? error.message : 'unknown error';
    throw new Error(`cannot open the key store ${path}: ${why}`, { cause: error });
  }
}

/**
 * FULL, not NORMAL: in WAL mode NORMAL may lose the last commits when the machine loses power, and a key whose
 * revocation was confirmed would be back. It costs one fsync per change; lookups pay nothing.
 */
async function prepareWriter(writer: DatabaseSync): Promise<Kysely<StoreSchema>> {
  writer.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on');
  const db = new Kysely<StoreSchema>({ dialect: new NodeSqliteDialect(writer) });
  await migrate(db, 'sqlite');
  prepareTrigrams(writer);
  return db;
}

/**
 * Looks keys up over a connection of its own, with a prepared statement: it reads the last commit while a long write
 * has the other connection, and costs a small part of what a built query does.
 */
class SqliteFileStore extends SqlStore {
  readonly #reader: DatabaseSync;
  readonly #lock: DatabaseSync;
  /** By the number of hashes asked for, which is the number of peppers. */
  readonly #lookups = new Map<number, StatementSync>();

  constructor(db: Kysely<StoreSchema>, reader: DatabaseSync, lock: DatabaseSync) {
    super(db, TRIGRAMS);
    this.#reader = reader;
    this.#lock = lock;
  }

  override async resolve(hashes: readonly string[]): Promise<FoundKey> {
    return foundKey(this.#lookup(hashes).get(...hashes) as ResolvedRow | undefined);
  }

  #lookup(hashes: readonly string[]): StatementSync {
    let statement = this.#lookups.get(hashes.length);
    if (statement === undefined) {
      statement = this.#reader.prepare(resolveQuery(this.db, hashes).compile().sql);
      this.#lookups.set(hashes.length, statement);
    }
    return statement;
  }

  /** The writer last but for the lock, so that it folds the write-ahead log into the file. */
  override async close(): Promise<void> {
    this.#reader.close();
    await super.close();
    this.#lock.close();
  }
}

/**
 * One process per file: gates hear of a revocation from the key service they run beside, and a second one over the
 * same file would not tell them. The lock is the operating system's, on a file beside the store, so it ends with the
 * process however that ends, and other programs may still read the store.
 */
function lockStore(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lockPath = `${path}.lock`;
  makeFile(lockPath);
  const lock = new DatabaseSync(lockPath, { timeout: 0 });
  try {
    lock.exec('pragma journal_mode = memory; begin exclusive');
    return lock;
  } catch (error) {
    lock.close();
    throw new Error('it is open in another process or twice in this one', { cause: error });
  }
}

/**
 * Makes the file readable by its owner only, if it is not there. One that is there is not even opened: closing it
 * would drop every lock this process holds on it, as POSIX has it.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
