import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, test } from 'vitest';
import type { Owner } from '../../src/core/key.ts';
import { GAUGES_ROWS_KEPT } from '../../src/key-service/store/ledger.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import { NEWEST, NO_FILTER } from '../contracts/key-store-audit.contract.ts';
import { reportOfGauges } from '../contracts/key-store-gauges.contract.ts';
import { keyStoreContract } from '../contracts/key-store.contract.ts';
import { T0, auditRow, newKey } from '../contracts/key-store.sample.ts';
import { testFolder } from './folder.ts';

const contractFolder = mkdtempSync(join(tmpdir(), 'plexgate-contract-'));
afterAll(() => rmSync(contractFolder, { recursive: true, force: true }));
let files = 0;

keyStoreContract('SQLite in memory', () => openSqliteStore(':memory:'));
keyStoreContract('SQLite in a file', () => openSqliteStore(join(contractFolder, `${files++}.db`)));

/** Kept of members that no longer report. */
const GONE = (count: number): string =>
  `with recursive gone (n) as (values (1) union all select n + 1 from gone where n < ${count})
   insert into gauges select 'gone-' || n, 1, ${T0} + n, '{}' from gone`;

const ACME: Owner = {
  id: 'acme',
  profile: 'plexe',
  tier: 'basic',
  enabled: true,
  workspace: null,
  limits: null,
};

describe('the file of a SQLite store', () => {
  test('is made with its folder, for its owner only', async () => {
    const folder = join(testFolder(), 'deep', 'data');
    const store = await openSqliteStore(join(folder, 'keys.db'));
    await store.putOwner(ACME, 1);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const names = readdirSync(folder);
    expect(names).toContain('keys.db-wal');
    for (const name of names)
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
    await store.close();
  });

  test('holds everything when it is opened again, and migrating again changes nothing', async () => {
    const path = join(testFolder(), 'keys.db');
    const first = await openSqliteStore(path);
    await first.putOwner(ACME, 1);
    const { epoch } = await first.fleet();
    await first.close();
    const tables = dumpSchema(path);
    for (let i = 0; i < 2; i++) {
      const again = await openSqliteStore(path);
      expect(await again.showOwner('acme')).toEqual(ACME);
      expect(await again.fleet()).toMatchObject({ epoch, head: 1 });
      await again.close();
    }
    expect(dumpSchema(path)).toEqual(tables);
  });

  test('holds the gauges of a thousand members, those that reported last', async () => {
    const path = join(testFolder(), 'keys.db');
    const store = await openSqliteStore(path);
    const db = new DatabaseSync(path);
    db.exec(GONE(GAUGES_ROWS_KEPT + 2));
    db.close();
    await store.takeReport(reportOfGauges(1), T0 + GAUGES_ROWS_KEPT + 3);
    const members = (await store.gauges(0)).map(({ member }) => member);
    expect(members).toHaveLength(GAUGES_ROWS_KEPT);
    for (const gone of ['gone-1', 'gone-2', 'gone-3']) expect(members).not.toContain(gone);
    expect(members).toContain('gate-1');
    await store.close();
  });

  test('of an earlier version keeps its keys and gets the new tables', async () => {
    const path = join(testFolder(), 'keys.db');
    const store = await openSqliteStore(path);
    await store.putOwner(ACME, 1);
    await store.insertKeys([newKey({ keyId: 'k1' })], 1);
    const key = await store.showKey('k1');
    await store.close();
    const names = namesOf(path);
    const db = new DatabaseSync(path);
    for (const index of ['in_order', 'by_name', 'revoked', 'expiring', 'by_owner'])
      db.exec(`drop index keys_${index}`);
    db.exec('create index keys_by_owner on keys (owner_id, created_at)');
    db.exec('drop table usage; drop table reports; drop table audit; drop table members');
    db.exec(
      'drop table sessions; drop table operator_links; drop table operators; drop table attempts; drop table gauges',
    );
    for (const column of ['epoch', 'redis_run', 'redis_naming', 'redis_settled'])
      db.exec(`alter table head drop column ${column}`);
    for (const column of ['deprecated_at', 'replaced_by', 'description', 'request_count']) {
      db.exec(`alter table keys drop column ${column}`);
    }
    db.exec("delete from kysely_migration where name > '0001-keys'");
    db.close();
    const again = await openSqliteStore(path);
    expect(await again.showKey('k1')).toEqual(key);
    expect((await again.fleet()).epoch).toMatch(/^[0-9a-f-]{36}$/);
    await again.close();
    expect(namesOf(path)).toEqual(names);
  });

  test('holds at most a million rows of audit; beyond them the oldest go, a bounded part at once', async () => {
    const path = join(testFolder(), 'keys.db');
    const first = await openSqliteStore(path);
    for (let i = 0; i < 700; i++) await first.recordAudit(auditRow({ at: T0 + i }));
    await first.close();
    const db = new DatabaseSync(path);
    db.exec('update audit set id = id + 1000000 where id = 700');
    db.close();
    const store = await openSqliteStore(path);
    const count = async () => (await store.listAudit(NO_FILTER, NEWEST)).map((row) => row.id).toReversed();
    await store.recordAudit(auditRow({ at: T0 + 700 }));
    const ids = await count();
    expect([ids.length, ids[0], ids.at(-1)]).toEqual([200, 502, 1_000_701]);
    await store.recordAudit(auditRow({ at: T0 + 701 }));
    expect(await count()).toEqual([1_000_700, 1_000_701, 1_000_702]);
    await store.close();
  });

  test('waits for the disk at every commit, so that a confirmed revocation outlives a power cut', async () => {
    const path = join(testFolder(), 'keys.db');
    const store = await openSqliteStore(path);
    const db = (store as unknown as { db: { executeQuery(query: object): Promise<{ rows: object[] }> } }).db;
    const ask = async (sql: string) =>
      Object.values(
        (await db.executeQuery({ sql, parameters: [], query: { kind: 'RawNode' }, queryId: {} })).rows[0] ??
          {},
      )[0];
    expect(await ask('pragma journal_mode')).toBe('wal');
    expect(await ask('pragma synchronous')).toBe(2);
    expect(await ask('pragma foreign_keys')).toBe(1);
    expect(await ask('pragma busy_timeout')).toBe(5000);
    await store.close();
  });

  test('is refused, with both names, where a newer program has migrated it', async () => {
    const path = join(testFolder(), 'keys.db');
    await (await openSqliteStore(path)).close();
    const db = new DatabaseSync(path);
    db.prepare('insert into kysely_migration (name, timestamp) values (?, ?)').run(
      '0099-later',
      '2040-01-01',
    );
    db.close();
    const opening = openSqliteStore(path);
    await expect(opening).rejects.toThrow(
      `cannot open the key store ${path}: it was written by a newer version`,
    );
    await expect(opening).rejects.toThrow('0099-later');
  });

  test('is as it was before a migration that could not be finished', async () => {
    const path = join(testFolder(), 'keys.db');
    const db = new DatabaseSync(path);
    db.exec('create table peppers (other text)');
    await expect(openSqliteStore(path)).rejects.toThrow('table "peppers" already exists');
    const tables = db.prepare("select name from sqlite_master where type = 'table'").all() as {
      name: string;
    }[];
    expect(tables.map((table) => table.name).filter((name) => !name.startsWith('kysely'))).toEqual([
      'peppers',
    ]);
    db.exec('drop table peppers');
    db.close();
    const store = await openSqliteStore(path);
    expect(await store.head()).toBe(0);
    await store.close();
  });

  test('answers lookups while a long write is under way', async () => {
    const store = await openSqliteStore(join(testFolder(), 'keys.db'));
    await store.putOwner(ACME, 1);
    let writing = true;
    const written = store
      .insertKeys(
        Array.from({ length: 2000 }, () => newKey()),
        1,
      )
      .finally(() => (writing = false));
    await new Promise(setImmediate);
    expect(await store.resolve(['any'])).toEqual({ key: null, hash: null, asOf: 1 });
    expect(writing).toBe(true);
    expect(await written).toMatchObject({ kind: 'inserted' });
    expect((await store.resolve(['any'])).asOf).toBe(2001);
    await store.close();
  });

  test('is refused where it is no store, and is left as it was', async () => {
    const path = join(testFolder(), 'keys.db');
    writeFileSync(path, 'this is a text file, and quite a long one for that matter\n'.repeat(100));
    const before = statSync(path).size;
    await expect(openSqliteStore(path)).rejects.toThrow(/cannot open the key store .*not a database/);
    expect(statSync(path).size).toBe(before);
  });

  test('is refused where a folder cannot be made', async () => {
    const folder = testFolder();
    writeFileSync(join(folder, 'file'), '');
    await expect(openSqliteStore(join(folder, 'file', 'keys.db'))).rejects.toThrow(
      /cannot open the key store/,
    );
  });

  test('is open in one process only, and a failed try does not open the door', async () => {
    const path = join(testFolder(), 'keys.db');
    const store = await openSqliteStore(path);
    await expect(openSqliteStore(path)).rejects.toThrow('open in another process');
    const program = `
      import { openSqliteStore } from ${JSON.stringify(new URL('../../src/key-service/store/sqlite.ts', import.meta.url).href)};
      try { await openSqliteStore(process.argv[1]); console.log('opened'); } catch (error) { console.log(error.message); }`;
    const openElsewhere = () =>
      spawnSync(process.execPath, ['--input-type=module', '-e', program, path], {
        encoding: 'utf8',
      }).stdout.trim();
    expect(openElsewhere()).toContain('open in another process');
    await store.close();
    expect(openElsewhere()).toBe('opened');
  });
});

function namesOf(path: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare('select name from sqlite_master order by name').all() as { name: string }[];
  db.close();
  return rows.map(({ name }) => name);
}

function dumpSchema(path: string): unknown {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare('select name, sql from sqlite_master order by name').all();
  const migrations = db.prepare('select name, timestamp from kysely_migration').all();
  db.close();
  return { rows, migrations };
}
