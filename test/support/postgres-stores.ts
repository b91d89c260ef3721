import type { Secret } from '../../src/core/secret.ts';
import { openPostgresStore, type PostgresDeadlines } from '../../src/key-service/store/postgres.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import type { TestPostgres } from './postgres.ts';

/** For tests of something else: the machine may be busy with many of them. */
export const PATIENT: PostgresDeadlines = {
  connectMs: 50_000,
  statementMs: 50_000,
  answerMs: 50_000,
  idleInTransactionMs: 50_000,
  lookupMs: 50_000,
};

/** Empty stores, one after the other, in as few databases as are open at once: to make one takes long. */
export class PostgresStores {
  readonly #server: TestPostgres;
  readonly #free: Secret[] = [];

  constructor(server: TestPostgres) {
    this.#server = server;
  }

  async open(): Promise<KeyStore> {
    const used = this.#free.pop();
    const url = used ?? (await this.#server.createDatabase());
    if (used !== undefined) await this.#server.ask(databaseOf(url), EMPTY);
    const store = await openPostgresStore(url, PATIENT);
    if (used === undefined) await this.#server.ask(databaseOf(url), REMEMBER);
    const close = store.close.bind(store);
    store.close = async () => {
      await close();
      this.#free.push(url);
    };
    return store;
  }
}

function databaseOf(url: Secret): string {
  return new URL(url.reveal()).pathname.slice(1);
}

/** A new store has one row, the head. */
const REMEMBER = `create schema fresh; create table fresh.head as select * from head`;
const EMPTY = `do $$
  begin
    execute (select 'truncate ' || string_agg(quote_ident(tablename), ', ') from pg_tables
      where schemaname = 'public' and tablename not like 'kysely%');
    insert into head select * from fresh.head;
    update head set epoch = gen_random_uuid()::text;
  end $$`;
