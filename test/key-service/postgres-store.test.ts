import { spawnSync } from 'node:child_process';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Secret } from '../../src/core/secret.ts';
import type { Report } from '../../src/core/wire.ts';
import { GAUGES_ROWS_KEPT } from '../../src/key-service/store/ledger.ts';
import { openPostgresStore } from '../../src/key-service/store/postgres.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { ALL, PAGE, T0, newKey, owner } from '../contracts/key-store.sample.ts';
import { reportOfGauges } from '../contracts/key-store-gauges.contract.ts';
import { keyStoreContract } from '../contracts/key-store.contract.ts';
import { PATIENT, PostgresStores } from '../support/postgres-stores.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

let server: TestPostgres;
let stores: PostgresStores;
beforeAll(async () => {
  server = await startPostgres();
  stores = new PostgresStores(server);
});
afterAll(() => server.stop());

keyStoreContract('PostgreSQL', () => stores.open());

/** Two stores over one database have nothing in common but that, like two processes. */
async function openTwo(run: (one: KeyStore, other: KeyStore, url: Secret) => Promise<void>): Promise<void> {
  const url = await server.createDatabase();
  const [one, other] = await Promise.all([openPostgresStore(url, PATIENT), openPostgresStore(url, PATIENT)]);
  try {
    await one.putOwner(owner('acme'), T0);
    await run(one, other, url);
  } finally {
    await Promise.all([one.close(), other.close()]);
  }
}

const numbersUpTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
const kindsOf = (outcomes: readonly { readonly kind: string }[]) => outcomes.map(({ kind }) => kind).sort();

describe('two key services on one database', () => {
  test('make its tables at once', async () => {
    const url = await server.createDatabase();
    const opened = await Promise.all(Array.from({ length: 4 }, () => openPostgresStore(url, PATIENT)));
    const epochs = await Promise.all(opened.map(async (store) => (await store.fleet()).epoch));
    expect(new Set(epochs).size).toBe(1);
    const indexes = "select indexname from pg_indexes where indexdef like '%gin_trgm_ops%'";
    const database = new URL(url.reveal()).pathname.slice(1);
    expect(await server.ask(database, indexes)).toEqual([{ indexname: 'keys_name_trigrams' }]);
    await Promise.all(opened.map((store) => store.close()));
  });

  test('give numbers without gaps, which are seen in their order by whoever looks', async () => {
    await openTwo(async (one, other) => {
      const writing = Promise.all(
        numbersUpTo(60).flatMap(() => [one, other].map((store) => store.insertKeys([newKey()], T0))),
      );
      const seen: number[] = [];
      while (seen.length < 121) {
        const { head, changes } = await other.changesAfter(seen.length, 1000);
        seen.push(...changes.map(({ number }) => number));
        expect(seen.at(-1)).toBe(head);
      }
      const outcomes = await writing;
      expect(seen).toEqual(numbersUpTo(121));
      const first = outcomes.map((outcome) => (outcome.kind === 'inserted' ? outcome.firstNumber : -1));
      expect(first.sort((a, b) => a - b)).toEqual(numbersUpTo(121).slice(1));
    });
  });

  test('a lookup whose head has seen a revocation never finds the key alive', async () => {
    await openTwo(async (one, other) => {
      for (let round = 0; round < 20; round++) {
        const key = newKey();
        await one.insertKeys([key], T0);
        const revoking = one.revokeKey(key.keyId, T0);
        const found = [];
        for (let i = 0; i < 8; i++) found.push(await other.resolve([key.digest.hash]));
        const revoked = await revoking;
        const number = revoked.kind === 'revoked' ? revoked.key.changeNumber : -1;
        for (const { key: seen, asOf } of found) expect(seen?.record.revokedAt === null).toBe(asOf < number);
      }
    });
  });

  test('list owners and keys of one moment while the other adds some', async () => {
    await openTwo(async (one, other) => {
      const writing = (async () => {
        for (let i = 0; i < 60; i++) {
          await one.putOwner(owner(`o${i}`), T0);
          await one.insertKeys([newKey({ ownerId: `o${i}` })], T0);
        }
      })();
      let owners = 0;
      while (owners < 61) {
        const listed = await other.listOwners(PAGE);
        owners = listed.total;
        expect(listed.owners).toHaveLength(owners);
        const { keys, total } = await other.listKeys(ALL, PAGE);
        expect(keys).toHaveLength(total);
        expect(total).toBeGreaterThanOrEqual(owners - 2);
      }
      await writing;
    });
  });

  test('replace a key once, though both rotate it', async () => {
    await openTwo(async (one, other) => {
      await one.insertKeys([newKey({ keyId: 'k1' })], T0);
      const rotate = (store: KeyStore) =>
        store.rotateKey('k1', () => ({ key: newKey(), oldExpiresAt: T0 + 1000 }), T0);
      const outcomes = await Promise.all([one, other, one, other].map(rotate));
      expect(kindsOf(outcomes)).toEqual(['replaced', 'replaced', 'replaced', 'rotated']);
      expect((await one.listKeys(ALL, PAGE)).total).toBe(2);
    });
  });

  test('leave the last key of an owner, though each revokes another', async () => {
    await openTwo(async (one, other) => {
      for (let round = 0; round < 10; round++) {
        const ids = ['a', 'b'].map((id) => `${id}-${round}`) as [string, string];
        await one.putOwner(owner(`o${round}`), T0);
        await one.insertKeys(
          ids.map((keyId) => newKey({ keyId, ownerId: `o${round}` })),
          T0,
        );
        const revoke = (store: KeyStore, id: string) => store.revokeKey(id, T0, { keepLast: true });
        const outcomes = await Promise.all([revoke(one, ids[0]), revoke(other, ids[1])]);
        expect(kindsOf(outcomes)).toEqual(['last_key', 'revoked']);
      }
    });
  });

  test('count a report once, though both are given it', async () => {
    await openTwo(async (one, other) => {
      const usage = {
        keyId: 'k1',
        route: 'r',
        statusClass: '2xx' as const,
        hourAt: T0,
        count: 1,
        lastAt: T0,
      };
      const report = (sequence: number): Report => ({
        member: 'gate',
        sequence,
        usage: [usage],
        refusals: [],
        suppressed: [],
      });
      const sent = numbersUpTo(15).flatMap((n) =>
        [one, other].map((store) => store.takeReport(report(n), T0)),
      );
      const taken = await Promise.all(sent);
      expect(taken.filter((isNew) => isNew)).toHaveLength(15);
      const [hour] = await one.usage({ keyId: 'k1' }, { from: T0, to: T0 + 1 }, 'hour');
      expect(hour?.requests).toBe(15);
    });
  });

  test('keep the gauges of a thousand members, those that reported last', async () => {
    await openTwo(async (one, other, url) => {
      const gone = `insert into gauges select 'gone-' || n, 1, ${T0} + n, '{}' from generate_series(1, ${GAUGES_ROWS_KEPT + 2}) n`;
      await server.ask(new URL(url.reveal()).pathname.slice(1), gone);
      await one.takeReport(reportOfGauges(1), T0 + GAUGES_ROWS_KEPT + 3);
      const members = (await other.gauges(0)).map(({ member }) => member);
      expect(members).toHaveLength(GAUGES_ROWS_KEPT);
      for (const left of ['gone-1', 'gone-2', 'gone-3']) expect(members).not.toContain(left);
      expect(members).toContain('gate-1');
    });
  });

  test('renew the same members at once without waiting for each other', async () => {
    await openTwo(async (one, other) => {
      const ids = numbersUpTo(300).map((n) => `m${n}`);
      const renew = (store: KeyStore, order: readonly string[], applied: number) =>
        store.renewMembers(order.map((id) => ({ id, epoch: 'e', applied, staleIfErrorMs: 0 })));
      await Promise.all(
        numbersUpTo(20).flatMap((n) => [renew(one, ids, n), renew(other, ids.toReversed(), 20 - n)]),
      );
      const { members } = await one.fleet();
      expect(members.map(({ applied }) => applied)).toEqual(ids.map(() => 20));
    });
  });

  test('renew, look up and list while many writes wait for a long one', async () => {
    await openTwo(async (one, other, url) => {
      const long = new Client({ connectionString: url.reveal() });
      await long.connect();
      await long.query('begin; update head set number = number');
      let hasWritten = false;
      const writing = Promise.all(numbersUpTo(20).map(() => one.putOwner(owner('beta'), T0)));
      const written = writing.then(() => (hasWritten = true));
      await other.renewMembers([{ id: 'a', epoch: 'e', applied: 0, staleIfErrorMs: 0 }]);
      await one.renewMembers([{ id: 'a', epoch: 'e', applied: 1, staleIfErrorMs: 0 }]);
      expect(await one.resolve(['any'])).toMatchObject({ asOf: 1 });
      expect((await one.listOwners(PAGE)).total).toBe(1);
      expect(hasWritten).toBe(false);
      await long.query('rollback');
      await long.end();
      await written;
      expect((await writing).toSorted((a, b) => a - b)).toEqual(numbersUpTo(21).slice(1));
    });
  });
});

test('a key service killed in the middle of a write leaves nothing of it, and nobody waits for it', async () => {
  await openTwo(async (one, _, url) => {
    const program = `${import.meta.dirname}/postgres/interrupted-import.ts`;
    const env = { ...process.env, STORE_URL: url.reveal() };
    const { signal, stderr } = spawnSync(process.execPath, [program], { env, encoding: 'utf8' });
    expect([signal, stderr]).toEqual(['SIGKILL', '']);
    expect(await one.putOwner(owner('beta'), T0)).toBe(2);
    expect((await one.listKeys(ALL, PAGE)).total).toBe(0);
    expect(await one.keptChanges()).toHaveLength(2);
  });
});
