import { spawnSync } from 'node:child_process';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { openPostgresStore } from '../../src/key-service/store/postgres.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { ALL, PAGE, T0, newKey, owner } from '../contracts/key-store.sample.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const databaseOf = (url: Secret) => new URL(url.reveal()).pathname.slice(1);

async function opened(url: Secret, deadlines?: Parameters<typeof openPostgresStore>[1]): Promise<KeyStore> {
  const store = await openPostgresStore(url, deadlines);
  onTestFinished(() => store.close());
  return store;
}

/** Until calls go through again; what they reject with meanwhile. */
async function rejections(store: KeyStore): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    try {
      await store.resolve(['any']);
      await store.renewMembers([]);
      await store.putOwner(owner('acme'), T0);
      return seen;
    } catch (error) {
      seen.push(error instanceof Error ? error.message : 'no error');
    }
  }
}

describe('a store whose server', () => {
  test('is restarted rejects what is asked meanwhile and works afterwards, with what it had', async () => {
    const url = await server.createDatabase();
    const store = await opened(url);
    await store.putOwner(owner('acme'), T0);
    await Promise.all(Array.from({ length: 8 }, () => store.listKeys(ALL, PAGE)));
    const { epoch } = await store.fleet();
    const name = `127.0.0.1:${server.port}/${databaseOf(url)}`;
    for (const how of ['immediate', 'fast'] as const) {
      const writing = Array.from({ length: 5 }, () => store.putOwner(owner('beta'), T0));
      const written = Promise.allSettled(writing);
      await server.halt(how);
      await expect(store.resolve(['any'])).rejects.toThrow(`the key store ${name}: `);
      await expect(store.resolve(['any'])).rejects.toThrow('ECONNREFUSED');
      await expect(store.putOwner(owner('acme'), T0)).rejects.toThrow(`the key store ${name}: `);
      await expect(store.listKeys(ALL, PAGE)).rejects.toThrow(name);
      await expect(store.fleet()).rejects.toThrow(name);
      await written;
      await server.start();
      for (const message of await rejections(store)) expect(message).toContain(name);
    }
    expect(await store.fleet()).toMatchObject({ epoch });
    const changes = await store.keptChanges();
    expect(changes.map(({ number }) => number)).toEqual(changes.map((_, i) => i + 1));
    expect(changes).toHaveLength(await store.head());
  });

  test('ends all connections makes new ones', async () => {
    const url = await server.createDatabase();
    const store = await opened(url);
    await store.putOwner(owner('acme'), T0);
    const [ended] = await server.ask<{ count: string }>(
      'postgres',
      `select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '${databaseOf(url)}'`,
    );
    expect(Number(ended?.count)).toBeGreaterThan(0);
    expect((await rejections(store)).length).toBeLessThan(4);
  });

  test('ends a connection between two statements of a write rejects that write alone', async () => {
    const url = await server.createDatabase();
    const store = await opened(url);
    await store.putOwner(owner('acme'), T0);
    await store.insertKeys([newKey({ keyId: 'k1' })], T0);
    let hasBegun: () => void = () => {};
    const begun = new Promise<void>((resolve) => (hasBegun = resolve));
    const key = newKey();
    // Where 700 keys stand, the others wait a turn of the loop; the connection is idle in its transaction.
    const keys = Array.from({ length: 20_000 }, () => newKey());
    Object.defineProperty(keys[600], 'name', { get: () => (hasBegun(), 'name') });
    const writing = store.insertKeys(keys, T0);
    const written = expect(writing).rejects.toThrow(databaseOf(url));
    await begun;
    await server.ask(
      'postgres',
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = '${databaseOf(url)}' and xact_start is not null`,
    );
    await written;
    expect(await store.insertKeys([key], T0)).toEqual({ kind: 'inserted', firstNumber: 3 });
  });

  test('does not answer is given up after the deadline, and the next call takes another connection', async () => {
    const url = new URL((await server.createDatabase()).reveal());
    const line = await freezingLine(server.port);
    url.port = String(line.port);
    const deadlines = {
      connectMs: 400,
      statementMs: 500,
      answerMs: 300,
      idleInTransactionMs: 500,
      lookupMs: 100,
    };
    const store = await opened(new Secret(url.href), deadlines);
    await store.putOwner(owner('acme'), T0);
    expect(await store.resolve(['any'])).toMatchObject({ asOf: 1 });
    line.freeze();
    const startedAt = performance.now();
    await expect(store.resolve(['any'])).rejects.toThrow(/the key store .*timeout/);
    expect(performance.now() - startedAt).toBeLessThan(290);
    await expect(store.putOwner(owner('acme'), T0)).rejects.toThrow(/timeout/);
    await expect(store.resolve(['any'])).rejects.toThrow(/timeout/);
    line.thaw();
    await rejections(store);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});

/** A line to the server that may stop carrying anything, without a sign to either end. */
async function freezingLine(target: number) {
  let isFrozen = false;
  const sockets = new Set<Socket>();
  const line = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (!isFrozen) to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(line, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    line.close();
  });
  return {
    port: (line.address() as AddressInfo).port,
    freeze: () => (isFrozen = true),
    thaw: () => (isFrozen = false),
  };
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
