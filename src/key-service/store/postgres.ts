import { Kysely, PostgresDialect } from 'kysely';
import type { Secret } from '../../core/secret.ts';
import { migrate } from './migrations.ts';
import { SCAN, prepareTrigramIndex } from './name-search.ts';
import { ConnectionPool, reasonOf, type Deadlines } from './postgres-pool.ts';
import { parsePostgresUrl, type PostgresAddress } from './postgres-url.ts';
import { resolveQuery, type ResolvedRow } from './queries.ts';
import type { StoreSchema } from './schema.ts';
import { SqlStore, foundKey } from './sql-store.ts';
import type { FoundKey, KeyStore } from './store.ts';

export interface PostgresDeadlines extends Deadlines {
  /** Of a lookup: what comes later is of no use to the gate that asked. */
  readonly lookupMs: number;
}

const DEADLINES: PostgresDeadlines = {
  connectMs: 5000,
  statementMs: 10_000,
  answerMs: 12_000,
  idleInTransactionMs: 10_000,
  lookupMs: 2000,
};
/** An index over many rows takes its time, and other processes wait for it. */
const MIGRATION_MS = 600_000;
const READERS = 8;
/** Writers queue on the head row in any case: those of one process queue before it, and leave readers their connections. */
const WRITERS = 1;

/**
 * Opens the store in a database of PostgreSQL, and makes its tables where they are missing; several processes may do
 * so at once, and use it together. Rejects, naming host and database, where it cannot be used as a store.
 */
export async function openPostgresStore(url: Secret, deadlines = DEADLINES): Promise<KeyStore> {
  const address = readUrl(url);
  try {
    await prepare(address, deadlines);
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new Error(`cannot open the key store ${address.name}: ${reasonOf(cause)}`, { cause: error });
  }
  return new PostgresStore(address, deadlines);
}

function readUrl(url: Secret): PostgresAddress {
  try {
    return parsePostgresUrl(url);
  } catch (error) {
    throw new Error(`cannot open the key store: ${reasonOf(error)}`, { cause: error });
  }
}

async function prepare(address: PostgresAddress, { connectMs }: Deadlines): Promise<void> {
  const longMs = { statementMs: MIGRATION_MS, answerMs: MIGRATION_MS, idleInTransactionMs: MIGRATION_MS };
  const pool = new ConnectionPool({ address, deadlines: { connectMs, ...longMs }, max: 1 });
  try {
    const db = databaseOf(pool);
    await migrate(db, 'postgres');
    await prepareTrigramIndex(db);
  } finally {
    await pool.end();
  }
}

function databaseOf(pool: ConnectionPool): Kysely<StoreSchema> {
  return new Kysely<StoreSchema>({ dialect: new PostgresDialect({ pool }) });
}

class PostgresStore extends SqlStore {
  readonly #readers: ConnectionPool;
  readonly #writers: ConnectionPool;
  readonly #lookupMs: number;
  /** By the number of hashes asked for, which is the number of peppers. */
  readonly #lookups = new Map<number, string>();

  constructor(address: PostgresAddress, deadlines: PostgresDeadlines) {
    const readers = new ConnectionPool({ address, deadlines, max: READERS });
    // A write waits for its turn in this process as long as it would wait at the head row.
    const inTurn = { ...deadlines, connectMs: deadlines.statementMs };
    const writers = new ConnectionPool({ address, deadlines: inTurn, max: WRITERS });
    super(databaseOf(readers), SCAN, databaseOf(writers));
    this.#readers = readers;
    this.#writers = writers;
    this.#lookupMs = deadlines.lookupMs;
  }

  /** By a prepared statement: planned once for each connection, and without building the query anew. */
  override async resolve(hashes: readonly string[]): Promise<FoundKey> {
    const row = await this.#readers.lookUp<ResolvedRow>({
      name: `resolve-${hashes.length}`,
      text: this.#lookup(hashes),
      values: hashes,
      answerMs: this.#lookupMs,
    });
    return foundKey(row);
  }

  #lookup(hashes: readonly string[]): string {
    let text = this.#lookups.get(hashes.length);
    if (text === undefined) {
      text = resolveQuery(this.db, hashes).compile().sql;
      this.#lookups.set(hashes.length, text);
    }
    return text;
  }

  override async close(): Promise<void> {
    await Promise.all([this.#readers.end(), this.#writers.end()]);
  }
}
