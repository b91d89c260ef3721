import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { openPostgresStore } from '../../src/key-service/store/postgres.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { ALL, PAGE, T0, newKey, owner } from '../contracts/key-store.sample.ts';
import { PATIENT } from '../support/postgres-stores.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const databaseOf = (url: Secret) => new URL(url.reveal()).pathname.slice(1);

async function opened(url: Secret): Promise<KeyStore> {
  const store = await openPostgresStore(url, PATIENT);
  onTestFinished(() => store.close());
  return store;
}

describe('a store that cannot be opened says why, with host and database and without the password', () => {
  const failing = async (url: Secret, ...whys: string[]) => {
    const error = await openPostgresStore(url).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    const { message, stack } = error as Error;
    for (const why of ['cannot open the key store', ...whys]) expect(message).toContain(why);
    for (const text of [message, stack, JSON.stringify(error)]) expect(text).not.toContain(server.password);
  };

  test('nobody listens', async () => {
    const url = new URL(server.url('keys').reveal());
    url.port = '1';
    await failing(new Secret(url.href), '127.0.0.1:1/keys', 'ECONNREFUSED');
    url.hostname = 'localhost';
    await failing(new Secret(url.href), 'localhost:1/keys', 'ECONNREFUSED');
  });

  test('the database is not there', async () => {
    await failing(server.url('nowhere'), `127.0.0.1:${server.port}/nowhere`, 'does not exist');
  });

  test('the password is wrong', async () => {
    await failing(server.url('postgres', '', 'plexgate', 'wrong'), 'password authentication failed');
  });

  test('the URL is none', async () => {
    await failing(new Secret(`postgres://u:${server.password}@h:x/d`), 'must have the form');
  });

  test('a newer program has migrated it', async () => {
    const url = await server.createDatabase();
    await (await openPostgresStore(url)).close();
    const later = "insert into kysely_migration (name, timestamp) values ('0099-later', '2040-01-01')";
    await server.ask(databaseOf(url), later);
    await failing(url, databaseOf(url), 'newer version', '0099-later');
  });

  test('the database is in another encoding', async () => {
    await server.ask(
      'postgres',
      "create database latin template template0 encoding 'LATIN1' locale 'C' locale_provider libc",
    );
    await failing(server.url('latin'), '/latin', 'not in UTF8');
  });

  test('it is a standby', async () => {
    const standby = await startPostgres();
    onTestFinished(() => standby.stop());
    await standby.halt('fast');
    spawnSync('touch', [join(standby.folder, 'data', 'standby.signal')]);
    standby.hand(join(standby.folder, 'data', 'standby.signal'));
    await standby.start();
    await failing(standby.url('postgres'), 'standby');
  });
});

describe('a role', () => {
  test('that may only read and write rows opens a store, which one that may make no extensions has made', async () => {
    const url = await server.createDatabase();
    const database = databaseOf(url);
    const secret = server.password;
    for (const role of ['maker', 'worker']) {
      await server.ask('postgres', `create role ${role} login password '${secret}'`);
    }
    await server.ask(database, 'create schema plexgate authorization maker');
    const options = '?options=-c%20search_path%3Dplexgate';
    const maker = await opened(server.url(database, options, 'maker'));
    await maker.putOwner(owner('acme'), T0);
    await maker.insertKeys([newKey({ name: 'Nightly' })], T0);
    expect((await maker.listKeys({ ...ALL, name: 'GHTL' }, PAGE)).total).toBe(1);
    expect(await server.ask(database, "select 1 from pg_extension where extname = 'pg_trgm'")).toEqual([]);
    await server.ask(
      database,
      `grant usage on schema plexgate to worker;
        grant select, insert, update, delete on all tables in schema plexgate to worker`,
    );
    const worker = await opened(server.url(database, options, 'worker'));
    expect(await worker.putOwner(owner('acme'), T0)).toBe(3);
    expect((await worker.fleet()).epoch).toBe((await maker.fleet()).epoch);
  });

  test('of which the default is not to wait for the disk, or to be serializable, does both as the store needs it', async () => {
    const url = await server.createDatabase();
    await (await openPostgresStore(url)).close();
    await server.ask(databaseOf(url), NOTE_SETTINGS);
    await server.ask(
      'postgres',
      `create role careless superuser login password '${server.password}';
        alter role careless set synchronous_commit = off;
        alter role careless set default_transaction_isolation = serializable;
        create role careful superuser login password '${server.password}';
        alter role careful set synchronous_commit = remote_apply`,
    );
    for (const [role, commit] of [
      ['careless', 'on'],
      ['careful', 'remote_apply'],
    ] as const) {
      const stores = await Promise.all([0, 1].map(() => opened(server.url(databaseOf(url), '', role))));
      await Promise.all(stores.flatMap((store) => [0, 1, 2].map((n) => store.putOwner(owner(`o${n}`), T0))));
      const renewal = { id: 'a', epoch: 'e', applied: 0, staleIfErrorMs: 0 };
      await Promise.all(stores.map((store) => store.renewMembers([renewal])));
      const noted = await server.ask(databaseOf(url), 'select distinct * from noted order by place');
      expect(noted).toEqual(
        ['head', 'members'].map((place) => ({ place, role, commit, isolation: 'read committed' })),
      );
      await server.ask(databaseOf(url), 'delete from noted');
    }
  });
});

/** Under which settings rows of the head and of members are written. */
const NOTE_SETTINGS = `
  create table noted (place text, role text, commit text, isolation text);
  create function note() returns trigger language plpgsql as $$ begin
    insert into noted values (tg_table_name, current_user,
      current_setting('synchronous_commit'), current_setting('transaction_isolation'));
    return new;
  end $$;
  create trigger note after insert or update on head for each row execute function note();
  create trigger note after insert or update on members for each row execute function note()`;

test('TLS is as the URL asks for it', async () => {
  const secure = await startPostgres();
  onTestFinished(() => secure.stop());
  const certificates = join(secure.folder, 'certificates');
  mkdirSync(certificates);
  const [key, cert] = ['key', 'cert'].map((name) => join(certificates, `${name}.pem`)) as [string, string];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ]);
  expect(made.status).toBe(0);
  chmodSync(key, 0o600);
  for (const path of [key, cert, certificates]) secure.hand(path);
  await secure.halt('fast');
  await secure.start({ ssl: 'on', ssl_cert_file: cert, ssl_key_file: key });
  const open = async (host: string, parameters: string) => {
    const url = new URL(secure.url('postgres', parameters).reveal());
    url.hostname = host;
    const store = await openPostgresStore(new Secret(url.href));
    await store.fleet();
    const [row] = await secure.ask<{ tls: boolean }>(
      'postgres',
      `select bool_and(ssl) as tls from pg_stat_activity join pg_stat_ssl using (pid)
        where application_name = 'plexgate'`,
    );
    await store.close();
    return row?.tls;
  };
  expect(await open('127.0.0.1', '')).toBe(false);
  expect(await open('127.0.0.1', '?sslmode=require')).toBe(true);
  expect(await open('127.0.0.1', `?sslmode=verify-ca&sslrootcert=${cert}`)).toBe(true);
  expect(await open('localhost', `?sslmode=verify-full&sslrootcert=${cert}`)).toBe(true);
  await expect(open('127.0.0.1', `?sslmode=verify-full&sslrootcert=${cert}`)).rejects.toThrow('IP');
  await expect(open('localhost', '?sslmode=verify-full')).rejects.toThrow('self-signed');
});
