import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { Secret, type Digest } from '../src/core/secret.ts';
import type { KeyListQuery } from '../src/key-service/drafts.ts';
import { KeyService } from '../src/key-service/keys.ts';
import { openSqliteStore } from '../src/key-service/store/sqlite.ts';

/**
 * `npm run bench:keys`: how long the key service takes to list, search and resolve with 100,000 keys in its SQLite
 * file. Measured around the service's own methods, without HTTP. Of the keys one in ten is revoked and one in ten
 * has expired; they belong to 1,000 owners, of whom the first has every tenth key.
 */
const KEYS = 100_000;
const OWNERS = 1000;
const PER_IMPORT = 10_000;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 300);
const WARM_UP = 20;
const GOAL_MS = 10;
const DAY_MS = 86_400_000;

const WORDS = ['billing', 'search', 'mobile', 'import', 'report', 'night', 'deploy', 'web', 'audit', 'sync'];

interface Question {
  readonly name: string;
  readonly ask: () => Promise<unknown>;
}

function digestOf(i: number): Digest {
  return createHash('sha256').update(`key number ${i}`).digest('hex') as Digest;
}

function ownerOf(i: number): string {
  return `owner-${i % 10 === 0 ? 0 : i % OWNERS}`;
}

function draftOf(i: number, expiresAt: string) {
  return {
    sha256: digestOf(i),
    owner: ownerOf(i),
    name: `${WORDS[i % 10]} ${WORDS[Math.floor(i / 10) % 10]} ${i}`,
    profile: 'plexe',
    permission: i % 3 === 0 ? 'read_only' : 'read_write',
    status: i % 10 === 3 ? 'revoked' : 'active',
    ...(i % 10 === 7 ? { expiresAt } : {}),
  };
}

/** The service with its keys; the clock stands a day after they were made, so that those with an end have ended. */
async function fill(file: string) {
  let now = Date.now();
  const clock = { now: () => now, monotonic: () => performance.now() };
  const store = await openSqliteStore(file);
  const peppers = { current: 'p1', secrets: new Map([['p1', new Secret(randomBytes(32).toString('hex'))]]) };
  const service = new KeyService({ store, clock, peppers, randomBytes });
  await service.start();
  for (let i = 0; i < OWNERS; i++) {
    await service.putOwner(`owner-${i}`, { profile: 'plexe', tier: 'basic', workspace: `W${i % 50}` });
  }
  const expiresAt = new Date(now + DAY_MS / 2).toISOString();
  for (let start = 0; start < KEYS; start += PER_IMPORT) {
    const drafts = Array.from({ length: PER_IMPORT }, (_, i) => draftOf(start + i, expiresAt));
    const imported = await service.importKeys(drafts);
    if (imported.kind !== 'imported') throw new Error(`import: ${imported.kind}`);
    now += 60_000;
  }
  now += DAY_MS;
  return { service, store };
}

function questions(service: KeyService): readonly Question[] {
  const list = (name: string, query: KeyListQuery, total: number): Question => ({
    name,
    ask: async () => {
      const listed = await service.listKeys(query);
      if (listed.kind !== 'listed' || listed.total < total)
        throw new Error(`${name}: ${JSON.stringify(listed)}`);
    },
  });
  let next = 0;
  const resolve = (name: string, digest: () => Digest, found: boolean): Question => ({
    name,
    ask: async () => {
      const { record } = await service.resolve(digest(), new AbortController().signal);
      if ((record !== null) !== found) throw new Error(name);
    },
  });
  return [
    list('list, first page', { limit: 20 }, KEYS),
    list('list, first page of 100', { limit: 100 }, KEYS),
    list('list, page in the middle', { limit: 20, offset: KEYS / 2 }, KEYS),
    list('list, last page', { limit: 20, offset: KEYS - 20 }, KEYS),
    list('list, owner of 100', { owner: 'owner-1', limit: 20 }, 1),
    list('list, owner of 10,000', { owner: 'owner-0', limit: 20 }, KEYS / 10),
    list('list, active', { status: 'active', limit: 20 }, KEYS / 2),
    list('list, revoked', { status: 'revoked', limit: 20 }, KEYS / 10),
    list('list, expired, last page', { status: 'expired', limit: 20, offset: 9980 }, KEYS / 10),
    list('list, workspace', { workspace: 'W7', limit: 20 }, 1),
    list('search, one key', { name: ' 77777', limit: 20 }, 1),
    list('search, every tenth key', { name: 'billing', limit: 20 }, KEYS / 10),
    list('search, two letters', { name: 'ng', limit: 20 }, 1),
    list('search, nothing', { name: 'nowhere', limit: 20 }, 0),
    resolve('resolve', () => digestOf(next++ % KEYS), true),
    resolve('resolve, no such key', () => digestOf(KEYS + next++), false),
  ];
}

/** The first time counts what later ones remember; it is shown by itself. */
async function timesOf({ ask }: Question): Promise<{ firstMs: number; times: Float64Array }> {
  const firstAt = performance.now();
  await ask();
  const firstMs = performance.now() - firstAt;
  for (let i = 1; i < WARM_UP; i++) await ask();
  const times = new Float64Array(ROUNDS);
  for (let i = 0; i < ROUNDS; i++) {
    const startedAt = performance.now();
    await ask();
    times[i] = performance.now() - startedAt;
  }
  return { firstMs, times: times.sort() };
}

function percentile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-bench-keys-'));
  try {
    const { service, store } = await fill(join(folder, 'keys.db'));
    const rows = [['', 'first ms', 'p50 ms', 'p99 ms', '']];
    for (const question of questions(service)) {
      const { firstMs, times } = await timesOf(question);
      const p99 = percentile(times, 0.99);
      const late = p99 > GOAL_MS ? `over ${GOAL_MS}` : '';
      rows.push([question.name, firstMs.toFixed(2), percentile(times, 0.5).toFixed(2), p99.toFixed(2), late]);
    }
    await store.close();
    const [cpu] = cpus();
    const machine = `${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
    const lines = rows.map(
      ([name = '', ...cells]) => name.padEnd(28) + cells.map((it) => it.padStart(9)).join(''),
    );
    const about = `${KEYS} keys, ${ROUNDS} times each; Node ${process.versions.node}, ${machine}`;
    process.stdout.write([...lines, about, ''].join('\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main();
