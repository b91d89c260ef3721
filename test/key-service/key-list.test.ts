import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStore } from '../../src/key-service/store/postgres.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import type { KeyFilter, KeyStore, NewKey } from '../../src/key-service/store/store.ts';
import { PATIENT } from '../support/postgres-stores.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { T0 } from './fixture.ts';

/** More than are ever sorted or passed over at once, in each of the parts that a list has. */
const KEYS = 6000;
const NOW = T0 + 1_000_000;
const ALL: KeyFilter = {
  ownerId: null,
  profile: null,
  status: null,
  workspace: null,
  name: null,
  now: NOW,
};

const folder = mkdtempSync(join(tmpdir(), 'plexgate-list-'));
const keys = Array.from({ length: KEYS }, (_, i) => keyNumber(i));
let server: TestPostgres;
let store: KeyStore;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const STORES: Readonly<Record<string, () => Promise<KeyStore>>> = {
  SQLite: () => openSqliteStore(join(folder, 'keys.db')),
  PostgreSQL: async () => openPostgresStore(await server.createDatabase(), PATIENT),
  'PostgreSQL without trigrams': async () => {
    const url = await server.createDatabase();
    await (await openPostgresStore(url, PATIENT)).close();
    await server.ask(new URL(url.reveal()).pathname.slice(1), 'drop extension pg_trgm cascade');
    return openPostgresStore(url, PATIENT);
  },
};

/** Some hundred share an instant; a third is revoked, a third has an end, half of those before NOW. */
function keyNumber(i: number): NewKey {
  const id = `key-${(i * 7919) % KEYS}`;
  return {
    keyId: id,
    ownerId: i % 50 === 0 ? 'small' : 'large',
    name: i % 600 === 1 ? `Rare "${i}" Näme 100%` : `Common ${i}`,
    description: null,
    profile: i % 5 === 0 ? 'plexmcp' : 'plexe',
    permission: 'read_write',
    limits: [],
    mcps: '*',
    createdBy: 'test',
    createdAt: T0 + Math.floor(i / 300) * 1000,
    expiresAt: i % 3 === 1 ? NOW + (i % 2 === 0 ? -1000 : 1000) : null,
    revokedAt: i % 3 === 2 ? T0 + i : null,
    shownPrefix: null,
    shownSuffix: null,
    digest: { pepperId: 'p1', hash: `hash of ${id}` },
    olderHashes: [],
    sealedDigest: 'sealed',
  };
}

type Status = 'active' | 'revoked' | 'expired';

function statusOf({ revokedAt, expiresAt }: NewKey): Status {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= NOW ? 'expired' : 'active';
}

/** What a list is, without any thought of speed. */
function expected({ ownerId, profile, status, workspace, name }: KeyFilter): string[] {
  const ended = (key: NewKey) => (statusOf(key) === 'active' ? 0 : 1);
  return keys
    .filter((key) => ownerId === null || key.ownerId === ownerId)
    .filter((key) => profile === null || key.profile === profile)
    .filter((key) => status === null || statusOf(key) === status)
    .filter((key) => workspace === null || key.ownerId === 'small')
    .filter((key) => name === null || key.name.toLowerCase().includes(name.toLowerCase()))
    .toSorted((a, b) => ended(a) - ended(b) || b.createdAt - a.createdAt || (a.keyId < b.keyId ? -1 : 1))
    .map((key) => key.keyId);
}

const FILTERS: Readonly<Record<string, Partial<KeyFilter>>> = {
  'all keys': {},
  'active keys': { status: 'active' },
  'revoked keys': { status: 'revoked' },
  'expired keys': { status: 'expired' },
  'keys of an owner with few': { ownerId: 'small' },
  'keys of an owner with many': { ownerId: 'large' },
  'active keys of an owner with many': { ownerId: 'large', status: 'active' },
  'keys of a workspace': { workspace: 'W1' },
  'keys of a profile': { profile: 'plexmcp' },
  'keys with a rare name': { name: 'rare' },
  'expired keys with a rare name': { name: 'RARE', status: 'expired' },
  'keys with a common name': { name: 'cOmmon' },
  'revoked keys with a common name': { name: 'common', status: 'revoked' },
  'keys of an owner by name': { name: 'rare', ownerId: 'large' },
  'keys of a workspace by name': { name: 'common', workspace: 'W1' },
  'keys with a short name': { name: 'om' },
  'keys with quotes and letters beyond ASCII in their name': { name: '" näme 100%' },
  'keys with a name nobody has': { name: 'nowhere' },
};

describe.each(Object.entries(STORES))('in %s', (_, open) => {
  beforeAll(async () => {
    store = await open();
    for (const id of ['small', 'large']) {
      const owner = { id, profile: 'plexe' as const, tier: 'basic', enabled: true, limits: null };
      await store.putOwner({ ...owner, workspace: id === 'small' ? 'W1' : null }, T0);
    }
    await store.insertKeys(keys, T0);
  });
  afterAll(() => store.close());

  lists();
  changes();
});

function lists(): void {
  describe.each(Object.entries(FILTERS))('a list of %s', (_, part) => {
    const filter = { ...ALL, ...part };
    const whole = expected(filter);

    it('has every key once and in order, from whichever end it is read', async () => {
      const listed: string[] = [];
      for (let offset = 0; offset < whole.length + 700; offset += 700) {
        const page = await store.listKeys(filter, { limit: 700, offset });
        expect(page.total).toBe(whole.length);
        listed.push(...page.keys.map((key) => key.record.keyId));
      }
      expect(listed).toEqual(whole);
    });

    it('has the same keys on small pages anywhere', async () => {
      for (const at of [0, 0.01, 0.17, 0.32, 0.49, 0.51, 0.74, 0.99, 1]) {
        const offset = Math.max(0, Math.floor(whole.length * at) - 3);
        const page = await store.listKeys(filter, { limit: 7, offset });
        expect(page.keys.map((key) => key.record.keyId)).toEqual(whole.slice(offset, offset + 7));
      }
    });
  });
}

function changes(): void {
  it('a key that was given another name is found by that name and no more by the old one', async () => {
    const [key] = expected({ ...ALL, status: 'active', name: 'common 3' });
    const renamed = async (name: string) =>
      (await store.listKeys({ ...ALL, name }, { limit: 10, offset: 0 })).keys.map((it) => it.record.name);
    await store.patchKey(key ?? '', { name: 'Quite Another' }, NOW);
    expect(await renamed('quite another')).toEqual(['Quite Another']);
    expect(await renamed('ITE ANOTHE')).toEqual(['Quite Another']);
    await store.patchKey(key ?? '', { name: 'a third' }, NOW);
    expect(await renamed('another')).toEqual([]);
  });

  it('totals follow every change of keys and owners', async () => {
    const totalOf = async (more: Partial<KeyFilter>) =>
      (await store.listKeys({ ...ALL, ...more }, { limit: 1, offset: 0 })).total;
    const filters: Partial<KeyFilter>[] = [{}, { workspace: 'W1' }, { status: 'active' }, { name: 'on' }];
    const before = await Promise.all(filters.map(totalOf));
    expect(await Promise.all(filters.map(totalOf))).toEqual(before);
    const digest = { pepperId: 'p1', hash: 'hash of one more' };
    const added = {
      keyId: 'one-more',
      ownerId: 'small',
      name: 'one more',
      digest,
      revokedAt: null,
      expiresAt: null,
    };
    expect(await store.insertKeys([{ ...keyNumber(0), ...added }], NOW)).toMatchObject({ kind: 'inserted' });
    const after = await Promise.all(filters.map(totalOf));
    expect(after.map((total, i) => total - (before[i] ?? 0))).toEqual([1, 1, 1, 1]);
    const owner = { id: 'small', profile: 'plexe' as const, tier: 'basic', enabled: true, limits: null };
    await store.putOwner({ ...owner, workspace: 'W2' }, NOW);
    expect(await totalOf({ workspace: 'W1' })).toBe(0);
    expect(await totalOf({ workspace: 'W2' })).toBe(after[1]);
  });
}
