import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import { DatabaseError, Pool, types, type PoolClient, type QueryResult } from 'pg';
import type { PostgresAddress } from './postgres-url.ts';

/** How long each step may take before its call rejects. */
export interface Deadlines {
  /** To connect, or to get one of the connections when all are in use. */
  readonly connectMs: number;
  /** After this the server gives a statement up. */
  readonly statementMs: number;
  /** After this an answer is no longer waited for, and the connection is given up: the server does not answer at all. */
  readonly answerMs: number;
  /** After this the server ends a transaction in which nothing happens: its client is gone and nobody noticed. */
  readonly idleInTransactionMs: number;
}

export interface PoolOptions {
  readonly address: PostgresAddress;
  readonly deadlines: Deadlines;
  readonly max: number;
}

/** Named ones are prepared: the server plans them once for each connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly unknown[];
  /** Where it has a deadline of its own. */
  readonly answerMs?: number;
}

/** A connection costs a round of cryptography on both sides, so that one in use now and then is kept. */
const IDLE_MS = 300_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

/**
 * Some connections to PostgreSQL. Whatever happens to them makes calls reject and nothing else: a connection that
 * broke or does not answer leaves the pool, and the next call makes another. What goes wrong on the way is told with
 * host and database; what the server itself objects to is told as it says it.
 */
export class ConnectionPool implements PostgresPool {
  /** Nothing that anybody who looks at the pool should know. */
  readonly options = {};
  readonly #name: string;
  readonly #pool: Pool;
  readonly #prepared = new WeakSet<PoolClient>();
  #ended: Promise<void> | null = null;

  constructor({ address, deadlines, max }: PoolOptions) {
    const { name, host, port, database, ssl, user, password, options, applicationName, connectMs } = address;
    this.#name = name;
    this.#pool = new Pool({
      host,
      port,
      database,
      ssl,
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { password }),
      ...(options === undefined ? {} : { options }),
      max,
      application_name: applicationName,
      connectionTimeoutMillis: connectMs ?? deadlines.connectMs,
      statement_timeout: deadlines.statementMs,
      idle_in_transaction_session_timeout: deadlines.idleInTransactionMs,
      query_timeout: deadlines.answerMs,
      idleTimeoutMillis: IDLE_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      types: { getTypeParser },
    });
    // Of a connection that nobody is using; the pool has dropped it.
    this.#pool.on('error', ignore);
    // Of one that is in use between two statements, which only its user will notice, at the next statement.
    this.#pool.on('connect', (client) => client.on('error', ignore));
  }

  async connect(): Promise<Connection> {
    try {
      const client = await this.#pool.connect();
      if (!this.#prepared.has(client)) await this.#prepare(client);
      return new Connection(this.#name, client);
    } catch (error) {
      throw unreachable(this.#name, error);
    }
  }

  async #prepare(client: PoolClient): Promise<void> {
    try {
      await prepareSession(client);
      this.#prepared.add(client);
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** The first row. */
  async lookUp<R>(statement: Statement): Promise<R | undefined> {
    const connection = await this.connect();
    try {
      const { rows } = await connection.ask(statement);
      return rows[0] as R | undefined;
    } finally {
      connection.release();
    }
  }

  /** May be called again. */
  end(): Promise<void> {
    this.#ended ??= this.#pool.end();
    return this.#ended;
  }
}

/** Codes with which the server takes its leave: https://www.postgresql.org/docs/current/errcodes-appendix.html. */
const ENDS_THE_CONNECTION = /^(?:08|57P|25P0[34])/;

class Connection implements PostgresPoolClient {
  readonly #name: string;
  readonly #client: PoolClient;
  #broken: Error | null = null;

  constructor(name: string, client: PoolClient) {
    this.#name = name;
    this.#client = client;
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<C>(cursor: C): C;
  query(text: unknown, values: readonly unknown[] = []): unknown {
    if (typeof text !== 'string') throw new Error('the store reads no cursors');
    return this.ask({ text, values });
  }

  async ask({ answerMs, values, ...statement }: Statement): Promise<QueryResult> {
    if (this.#broken !== null) throw this.#broken;
    const timeout = answerMs === undefined ? {} : { query_timeout: answerMs };
    try {
      return await this.#client.query({ ...statement, ...timeout, values: values.map(withoutNul) });
    } catch (error) {
      if (error instanceof DatabaseError && !ENDS_THE_CONNECTION.test(error.code ?? '')) throw error;
      this.#broken = unreachable(this.#name, error);
      throw this.#broken;
    }
  }

  release(): void {
    this.#client.release(this.#broken ?? false);
  }
}

/**
 * What commits is on disk, and at the standby where there is a synchronous one, whatever the role's default; a role
 * that waits for even more keeps that. Reads and locks are meant for the isolation that is PostgreSQL's default.
 */
const SESSION = `select pg_is_in_recovery() as standby, current_setting('server_encoding') as encoding,
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('synchronous_commit',
    case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end, false)`;

async function prepareSession(client: PoolClient): Promise<void> {
  const { rows } = await client.query<{ standby: boolean; encoding: string }>(SESSION);
  if (rows[0]?.standby !== false) throw new Error('it is a standby, but the key store needs the primary');
  if (rows[0].encoding !== 'UTF8') throw new Error('the database is not in UTF8');
}

/** PostgreSQL has no NUL in texts. Where one is asked for there is nothing; of what clients sent this stands for it. */
function withoutNul(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
}

const INT8 = 20;
const NUMERIC = 1700;

/** Instants, counts and their sums are whole numbers far below 2^53. For these connections only. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === INT8 || oid === NUMERIC ? Number : types.getTypeParser(oid, format);

function unreachable(name: string, error: unknown): Error {
  return new Error(`the key store ${name}: ${reasonOf(error)}`, { cause: error });
}

/** An address with several tries failed by each of them and has no text of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : 'unknown error';
}

function ignore(): void {}
