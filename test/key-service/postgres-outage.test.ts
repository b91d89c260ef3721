import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
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
      await sleep(20);
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
      // Each of the connections from before may say first that it has ended.
      await vi.waitFor(() => expect(store.resolve(['any'])).rejects.toThrow('ECONNREFUSED'), {
        timeout: 5000,
        interval: 20,
      });
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
      connectMs: 2500,
      statementMs: 5000,
      answerMs: 2500,
      idleInTransactionMs: 5000,
      lookupMs: 500,
    };
    const store = await opened(new Secret(url.href), deadlines);
    await store.putOwner(owner('acme'), T0);
    expect(await store.resolve(['any'])).toMatchObject({ asOf: 1 });
    line.freeze();
    const frozenAt = performance.now();
    await expect(store.resolve(['any'])).rejects.toThrow(/the key store .*timeout/);
    expect(performance.now() - frozenAt).toBeLessThan(2000);
    await expect(store.putOwner(owner('acme'), T0)).rejects.toThrow(/timeout/);
    await expect(store.resolve(['any'])).rejects.toThrow(/timeout/);
    line.thaw();
    for (const message of await rejections(store)) expect(message).toMatch(/timeout/);
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
