import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import { Secret } from '../../src/core/secret.ts';
import { findPostgres } from './find-postgres.ts';

export interface PostgresOptions {
  /** Wait for the disk, as in production; without it tests are faster. */
  readonly fsync?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}

const STARTS_WITHIN_MS = 30_000;
const USER = 'plexgate';

/** Starts a server of its own on a free port of the loopback, for the user `plexgate`, who is its superuser. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const server = new TestPostgres(options);
  await server.start();
  return server;
}

/** A real PostgreSQL in a temporary folder. Its databases sort and fold letters as people do, and not as bytes. */
export class TestPostgres {
  readonly host = '127.0.0.1';
  readonly folder: string;
  readonly #password = randomBytes(16).toString('hex');
  readonly #programs = findPostgres();
  readonly #account = accountForServer();
  readonly #options: PostgresOptions;
  readonly #killAtExit = () => this.#child?.kill('SIGQUIT');
  #port = 0;
  #child: ChildProcess | null = null;
  #databases = 0;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), 'plexgate-pg-'));
    this.hand(this.folder);
    this.#initialise();
  }

  get port(): number {
    return this.#port;
  }

  get password(): string {
    return this.#password;
  }

  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** Makes a file or folder the server's own. */
  hand(path: string): void {
    if (this.#account !== null) chownSync(path, this.#account.uid, this.#account.gid);
  }

  /** On the same port where it ran before. */
  async start(more: Readonly<Record<string, string>> = {}): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const settings = {
      port: String(this.#port),
      listen_addresses: this.host,
      unix_socket_directories: this.folder,
      fsync: this.#options.fsync === true ? 'on' : 'off',
      max_connections: '200',
      logging_collector: 'off',
      ...this.#options.settings,
      ...more,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const command = `exec "$0" "$@" >>"${join(this.folder, 'log')}" 2>&1`;
    const args = ['-c', command, join(this.#programs, 'postgres'), '-D', join(this.folder, 'data'), ...flags];
    this.#child = spawn('/bin/sh', args, { ...this.#account, cwd: this.folder, stdio: 'ignore' });
    process.once('exit', this.#killAtExit);
    await this.#answers(this.#child);
  }

  /** `fast` ends what is under way and writes everything; `immediate` is like a crash. */
  async halt(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    process.removeListener('exit', this.#killAtExit);
    if (child === null || child.exitCode !== null) return;
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await once(child, 'exit');
  }

  /** For good. */
  async stop(): Promise<void> {
    await this.halt('immediate');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An empty database, or a copy of one nobody is connected to; the answer is its URL. */
  async createDatabase({ from }: { readonly from?: string } = {}): Promise<Secret> {
    const name = `database_${++this.#databases}`;
    await this.ask('postgres', `create database ${name}${from === undefined ? '' : ` template ${from}`}`);
    return this.url(name);
  }

  url(database: string, parameters = '', user = USER, password = this.#password): Secret {
    return new Secret(`postgres://${user}:${password}@${this.host}:${this.#port}/${database}${parameters}`);
  }

  /** Over a connection of its own. */
  async ask<Row extends object>(database: string, sql: string, more: ClientConfig = {}): Promise<Row[]> {
    const { host, port } = this;
    const client = new Client({ host, port, database, user: USER, password: this.#password, ...more });
    try {
      await client.connect();
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** All of a database as SQL. */
  dump(database: string): string {
    const env = { ...process.env, PGPASSWORD: this.#password };
    const args = ['-h', this.host, '-p', String(this.#port), '-U', USER, database];
    const { status, stdout, stderr } = spawnSync(join(this.#programs, 'pg_dump'), args, {
      env,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }

  #initialise(): void {
    const passwordFile = join(this.folder, 'password');
    writeFileSync(passwordFile, this.#password, { mode: 0o600 });
    this.hand(passwordFile);
    const base = ['-D', join(this.folder, 'data'), '-U', USER, '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
    const access = ['--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    // A server may be built without ICU; then the C library says how letters fold.
    const ofPeople = ['--locale-provider=icu', '--icu-locale=en-US'];
    const initdb = (args: string[]) =>
      spawnSync(join(this.#programs, 'initdb'), args, {
        ...this.#account,
        cwd: this.folder,
        encoding: 'utf8',
      });
    if (initdb([...base, ...access, ...ofPeople]).status === 0) return;
    const { status, stderr } = initdb([...base, ...access]);
    if (status !== 0) throw new Error(`initdb: ${stderr}`);
  }

  async #answers(child: ChildProcess): Promise<void> {
    const until = performance.now() + STARTS_WITHIN_MS;
    for (;;) {
      try {
        await this.ask('postgres', 'select 1');
        return;
      } catch (error) {
        if (child.exitCode !== null || performance.now() > until)
          throw new Error(`PostgreSQL does not start: ${this.log}`, { cause: error });
      }
      await sleep(50);
    }
  }
}

/** PostgreSQL refuses to run as root. Null: as whoever we are. */
function accountForServer(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const account = ['postgres', 'nobody'].flatMap((name) =>
    accounts.filter((fields) => fields[0] === name),
  )[0];
  if (account === undefined) throw new Error('there is no user that PostgreSQL could run as');
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
