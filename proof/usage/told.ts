import { setTimeout as pause } from 'node:timers/promises';
import type { AdminApi, MadeKey } from '../revocation/admin.ts';
import { Connection } from '../revocation/connection.ts';
import type { Gate } from '../revocation/fleet.ts';
import { differences, noCounts, sumOf, type Counts, type StatusClass } from './counted.ts';
import type { CountingUpstream } from './counting-upstream.ts';
import { requestOf } from './mixed-load.ts';
import { everybody, OWNERS, type People } from './people.ts';

/** What `GET /admin/v1/usage` says of a key or an owner. */
export async function usageOf(admin: AdminApi, of: `key=${string}` | `owner=${string}`): Promise<Counts> {
  const { status, body } = await admin.call('GET', `/admin/v1/usage?${of}`);
  if (status !== 200) throw new Error(`no usage of ${of}: ${status} ${JSON.stringify(body)}`);
  const listOf = (name: string) => Object.entries(body[name] as Record<string, number>);
  return {
    requests: Number(body['requests']),
    errors: Number(body['errors']),
    byRoute: new Map(listOf('by_route')),
    byStatus: new Map(listOf('by_status') as [StatusClass, number][]),
  };
}

/** Where what administrators are told is not what the upstream counted. */
export async function adminDifferences(
  admin: AdminApi,
  people: People,
  upstream: CountingUpstream,
): Promise<string[]> {
  const wrong: string[] = [];
  const keys = everybody(people);
  for (const { keyId } of keys) {
    const told = await usageOf(admin, `key=${keyId}`);
    wrong.push(...differences(keyId, told, upstream.byKey.get(keyId) ?? noCounts()));
  }
  for (const owner of OWNERS) {
    const told = await usageOf(admin, `owner=${owner}`);
    wrong.push(...differences(owner, told, countedOf(owner, keys, upstream)));
  }
  return wrong;
}

/** The same of what customers are told, through a gate: `/v1/usage`, its history, and each key's own. */
export async function customerDifferences(
  gate: Gate,
  people: People,
  upstream: CountingUpstream,
): Promise<string[]> {
  const keys = everybody(people);
  const connection = new Connection(gate.port);
  const wrong: string[] = [];
  const compare = (name: string, says: unknown, is: number): void => {
    if (says !== is) wrong.push(`${name} says ${String(says)}, the upstream answered ${is}`);
  };
  for (const owner of OWNERS) {
    const reader = [...people.good, ...people.limited].find((key) => key.owner === owner);
    if (reader === undefined) continue;
    const ask = (path: string) => askThrough(connection, gate, path, reader.key);
    const counted = countedOf(owner, keys, upstream);
    compare(`/v1/usage of ${owner}`, (await ask('/v1/usage'))['requests_used'], counted.requests);
    const hours = (await ask('/v1/usage/history?granularity=hour')) as unknown as readonly {
      readonly requests: number;
      readonly errors: number;
    }[];
    compare(`the history of ${owner}`, total(hours, 'requests'), counted.requests);
    compare(`the errors of ${owner}`, total(hours, 'errors'), counted.errors);
    if (owner === 'limited') continue;
    for (const { keyId } of keys.filter((key) => key.owner === owner)) {
      const told = await ask(`/v1/api-keys/${keyId}/usage`);
      const { requests, errors } = upstream.byKey.get(keyId) ?? noCounts();
      compare(`the usage of ${keyId}`, told['total_requests'], requests);
      compare(`the errors of ${keyId}`, (told['by_status'] as { error: number }).error, errors);
    }
  }
  connection.close();
  return wrong;
}

async function askThrough(
  connection: Connection,
  gate: Gate,
  path: string,
  key: string,
): Promise<Record<string, unknown>> {
  const request = requestOf(gate, 'GET', path, key);
  let answer = await connection.ask(request);
  // A gate that has just started may have to ask again what it may know.
  for (let attempt = 0; answer.status === 503 && attempt < 20; attempt++) {
    await pause(100);
    answer = await connection.ask(request);
  }
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
  return (JSON.parse(answer.body) as { data: Record<string, unknown> }).data;
}

function total<K extends string>(rows: readonly Readonly<Record<K, number>>[], what: K): number {
  return rows.reduce((sum, row) => sum + row[what], 0);
}

function countedOf(owner: string, keys: readonly MadeKey[], { byKey }: CountingUpstream): Counts {
  return sumOf(keys.filter((key) => key.owner === owner).map(({ keyId }) => byKey.get(keyId) ?? noCounts()));
}
