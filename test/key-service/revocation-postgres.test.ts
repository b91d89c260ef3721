import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Secret } from '../../src/core/secret.ts';
import { KeyService } from '../../src/key-service/keys.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { openPostgresStore } from '../../src/key-service/store/postgres.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { TestMember } from '../support/member.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { DRAFT, pepperSet } from './fixture.ts';

const FENCE = 1000;

let server: TestPostgres;
let url: Secret;
let stores: KeyStore[];
let services: KeyService[];
let members: TestMember[];

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

/** Three processes of the key service over one database, with two members each. */
beforeEach(async () => {
  url = await server.createDatabase();
  stores = await Promise.all([openPostgresStore(url), openPostgresStore(url), openPostgresStore(url)]);
  services = stores.map(
    (store) =>
      new KeyService({ store, clock: systemClock, peppers: pepperSet('p1'), randomBytes, fenceMs: FENCE }),
  );
  for (const service of services) await service.start();
  await service(0).putOwner('acme', { profile: 'plexe', tier: 'basic' });
  members = [];
  for (const one of [...services, ...services]) {
    members.push(await TestMember.join(one, { news: one.onNews, staleIfErrorMs: 60_000 }));
  }
});

afterEach(async () => {
  for (const member of members) await member.leave();
  await Promise.all(services.map((one) => one.stop()));
  await Promise.all(stores.map((store) => store.close()));
});

function service(index: number): KeyService {
  const one = services[index];
  if (one === undefined) throw new RangeError('no such process');
  return one;
}

async function newKey(): Promise<string> {
  const created = await service(0).createKey(DRAFT);
  if (created.kind !== 'created') throw new Error(created.kind);
  return created.view.record.keyId;
}

test('a revocation is certain when every member has acknowledged it, to whichever process', async () => {
  const made = [await newKey(), await newKey(), await newKey()];
  const outcomes = await Promise.all(made.map((keyId, i) => service(i).revokeKey(keyId)));
  const propagation = { members: 6, acked: 6, fenced: 0, fencedMembers: [] };
  for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'revoked', propagation });
  const revoked = members.map(({ changes }) => new Set(changes.slice(-3).map(({ keyId }) => keyId)));
  expect(revoked).toEqual(members.map(() => new Set(made)));
});

test('a member of one process that is silent is fenced off by another', async () => {
  const keyId = await newKey();
  const silent = members[4];
  silent?.silence();
  const fenced = { members: 6, acked: 5, fenced: 1, fencedMembers: [silent?.id] };
  expect(await service(0).revokeKey(keyId)).toMatchObject({ kind: 'revoked', propagation: fenced });
});

test('a store that has lost commits begins a new epoch, in which every member begins anew', async () => {
  for (let i = 0; i < 3; i++) await newKey();
  const { epoch } = await service(1).members();
  const database = new URL(url.reveal()).pathname.slice(1);
  await server.ask(database, 'delete from changes where number > 2; update head set number = 2');
  await until('a new epoch', async () => (await service(2).members()).epoch !== epoch);
  const renewed = await service(0).members();
  await until('all have begun anew', async () =>
    Promise.resolve(members.every(({ grant, applied }) => grant.epoch === renewed.epoch && applied === 2)),
  );
  expect(members.map(({ changes }) => changes.map(({ number }) => number))).toEqual(
    members.map(() => [1, 2]),
  );
});
