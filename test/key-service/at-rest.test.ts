import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import type { Report } from '../../src/core/wire.ts';
import { openPostgresStore } from '../../src/key-service/store/postgres.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { PATIENT } from '../support/postgres-stores.ts';
import { startPostgres } from '../support/postgres.ts';
import { DRAFT, T0, keptChanges, testService } from './fixture.ts';
import { testFolder } from './folder.ts';

/** Enough of a key to tell it from any other; the four characters shown at each end are not. */
const TELLING_LENGTH = 8;

test('neither a key, a telling part of one nor its digest is at rest: not in a table, not in a byte of a file', async () => {
  const folder = testFolder();
  const path = join(folder, 'keys.db');
  const store = await openSqliteStore(path);
  const look = await fill(store);
  expect(readdirSync(folder).sort()).toEqual(['keys.db', 'keys.db-shm', 'keys.db-wal', 'keys.db.lock']);
  for (const name of readdirSync(folder)) look(name, readFileSync(join(folder, name)));
  const tables = dump(path);
  expect(Object.keys(tables)).toEqual(expect.arrayContaining(TABLES));
  look('tables', Buffer.from(JSON.stringify(tables)));
  await store.close();
  look('keys.db after close', readFileSync(path));
});

test('nor is it in a dump of PostgreSQL, or in a statement that PostgreSQL was ever sent', async () => {
  const server = await startPostgres({ settings: { log_statement: 'all', log_min_messages: 'debug1' } });
  onTestFinished(() => server.stop());
  const url = await server.createDatabase();
  const store = await openPostgresStore(url, PATIENT);
  const look = await fill(store);
  const text = server.dump(new URL(url.reveal()).pathname.slice(1));
  for (const table of TABLES) expect(text).toContain(`COPY public.${table} (`);
  look('dump', Buffer.from(text));
  expect(server.log).toMatch(/insert into "keys".*\n.*parameters: \$1 = /);
  look('statements', Buffer.from(server.log));
  await store.close();
});

const TABLES = ['owners', 'keys', 'head', 'changes', 'peppers', 'usage', 'reports', 'audit', 'members'];

/** Does everything with keys; the answer looks for any of them. */
async function fill(store: KeyStore): Promise<(place: string, bytes: Buffer) => void> {
  const { create, service, member } = await testService({ store });
  const made = [await create(), await create({ profile: 'plexmcp' }), await create({ profile: 'standard' })];
  const imported = digestOf('a key of another system');
  await service.importKeys([{ ...DRAFT, sha256: imported }]);
  await service.revokeKey(made[0]?.keyId ?? '');
  const rotated = await service.rotateKey(made[1]?.keyId ?? '', { overlap: '1h' });
  if (rotated.kind !== 'rotated') throw new Error(rotated.kind);
  made.push({ text: rotated.key.reveal(), digest: rotated.key.digest(), keyId: rotated.view.record.keyId });
  expect(await keptChanges(service)).toHaveLength(8);
  for (const { digest } of made) await service.resolve(digest, new AbortController().signal);
  await service.report(reportFullOf(made[2]?.text ?? ''));
  await member.leave();
  await service.stop();
  const secrets = [imported, ...made.flatMap(({ text, digest }) => [digest, ...telling(text)])].flatMap(
    spellings,
  );
  return (place, bytes) => {
    for (const secret of secrets) expect([place, bytes.includes(secret)]).toEqual([place, false]);
  };
}

/** What a gate that masks nothing would report of a client that puts its key everywhere. */
function reportFullOf(text: string): Report {
  const refusal = {
    at: T0,
    requestId: text,
    reason: 'unknown_key',
    keyId: null,
    ownerId: null,
    address: '192.0.2.1',
    userAgent: `curl/${text}`,
    method: text,
    path: `/models/${text}?key=${text}`,
    route: null,
  };
  return { member: 'gate', sequence: 1, usage: [], refusals: [refusal], suppressed: [] };
}

/** Every run of characters of a key that would tell it, outside its prefix. */
function telling(key: string): string[] {
  const body = key.slice(key.lastIndexOf('_') + 1);
  return Array.from({ length: body.length - TELLING_LENGTH + 1 }, (_, i) =>
    body.slice(i, i + TELLING_LENGTH),
  );
}

/** A text as it is, and a digest also as its bytes and in Base64. */
function spellings(text: string): (string | Buffer)[] {
  if (!/^[0-9a-f]{64}$/.test(text)) return [text];
  const bytes = Buffer.from(text, 'hex');
  return [
    text,
    text.toUpperCase(),
    bytes,
    bytes.toString('base64').slice(0, 40),
    bytes.toString('base64url').slice(0, 40),
  ];
}

function dump(path: string): Record<string, unknown[]> {
  const db = new DatabaseSync(path, { readOnly: true });
  const names = db.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[];
  const tables = Object.fromEntries(
    names.map(({ name }) => [name, db.prepare(`select * from "${name}"`).all()]),
  );
  db.close();
  return tables;
}
