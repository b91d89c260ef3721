import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey, propagationOf, type MadeKey } from '../../proof/revocation/admin.ts';
import { until } from '../support/until.ts';
import { Fleet } from './fleet.ts';

const GATES = ['gate-1', 'gate-2'] as const;
/** Longer than any answer's deadline in the gate, so that what has no answer by then hangs. */
const PATIENCE_MS = 10_000;

let fleet: Fleet;
let standing: MadeKey;

beforeAll(async () => {
  fleet = await Fleet.start();
  const proxy = 'routes: [{ upstream: echo }]\n';
  for (const name of GATES) await fleet.startGate(name, proxy);
  await fleet.admin.putOwner('acme', { profile: 'standard', tier: 'default' });
  standing = await makeKey(fleet.admin, 'acme');
});
afterAll(() => fleet?.stop());

async function ask(gate: string, key: string) {
  const answer = await fetch(fleet.gateUrl(gate), {
    headers: { 'x-api-key': key },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

async function statusesOf(key: string): Promise<number[]> {
  return Promise.all(GATES.map(async (gate) => (await ask(gate, key)).status));
}

/** A key of no key service, of a shape that is looked up. */
const UNKNOWN = 'a-key-that-nobody-has-made';

/** Statuses of many requests with the keys, one after the other at each gate. */
async function manyStatuses(keys: readonly string[], times: number): Promise<Set<number>> {
  const seen = new Set<number>();
  await Promise.all(
    GATES.map(async (gate) => {
      for (let i = 0; i < times; i++) for (const key of keys) seen.add((await ask(gate, key)).status);
    }),
  );
  return seen;
}

describe('gates, key service, Redis and PostgreSQL as containers', () => {
  it('accept a key that was made at every gate, and the upstream never sees it', async () => {
    const { key } = await makeKey(fleet.admin, 'acme');
    for (const gate of GATES) {
      const { status, body } = await ask(gate, key);
      expect(status).toBe(200);
      expect(body.toLowerCase()).toContain('x-key-id');
      expect(body).not.toContain(key);
    }
    expect(await statusesOf(UNKNOWN)).toEqual([401, 401]);
  });

  it('hold a limit over all gates together', async () => {
    const limits = { profile: 'standard', tier: 'default', limits: ['5/minute'] };
    await fleet.admin.putOwner('limited', limits);
    const { key } = await makeKey(fleet.admin, 'limited');
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await ask(GATES[i % 2] ?? '', key)).status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(7);
    const refused = await ask(GATES[0], key);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('refuse a key everywhere once its revocation has been answered', async () => {
    const made = await makeKey(fleet.admin, 'acme');
    expect(await statusesOf(made.key)).toEqual([200, 200]);
    const reply = await fleet.admin.revoke(made.keyId);
    expect(await statusesOf(made.key)).toEqual([401, 401]);
    expect(reply.status).toBe(200);
    expect(propagationOf(reply)).toMatchObject({ members: 2, acked: 2, fenced: 0 });
  });
});

describe('what is unknown because something is down is 503, and never 401', () => {
  it('with Redis paused: a good key is served or 503, a revoked one stays refused, and all is well after', async () => {
    const revoked = await makeKey(fleet.admin, 'acme');
    const fresh = await makeKey(fleet.admin, 'acme');
    expect((await fleet.admin.revoke(revoked.keyId)).status).toBe(200);
    await fleet.make('redis', 'pause');
    try {
      for (const status of await manyStatuses([standing.key, fresh.key], 20))
        expect([200, 503]).toContain(status);
      for (const status of await manyStatuses([revoked.key], 5)) expect([401, 503]).toContain(status);
    } finally {
      await fleet.make('redis', 'unpause');
    }
    await until('both gates serve again', async () =>
      (await statusesOf(standing.key)).every((s) => s === 200),
    );
    expect(await statusesOf(revoked.key)).toEqual([401, 401]);
  });

  it('with Redis killed and come back empty: keys live, and what was revoked stays so', async () => {
    const revoked = await makeKey(fleet.admin, 'acme');
    expect((await fleet.admin.revoke(revoked.keyId)).status).toBe(200);
    await fleet.make('redis', 'kill');
    try {
      for (const status of await manyStatuses([standing.key], 20)) expect([200, 503]).toContain(status);
      for (const status of await manyStatuses([revoked.key], 5)) expect([401, 503]).toContain(status);
    } finally {
      await fleet.make('redis', 'start');
    }
    await until('both gates serve again', async () =>
      (await statusesOf(standing.key)).every((s) => s === 200),
    );
    expect(await statusesOf(revoked.key)).toEqual([401, 401]);
  });

  it('with the key service killed: a key that nobody has asked for is 503 with Retry-After, also one of nobody', async () => {
    const cold = await makeKey(fleet.admin, 'acme');
    await fleet.make('key-service', 'kill');
    try {
      for (const key of [cold.key, `${UNKNOWN}-either`]) {
        for (const gate of GATES) {
          const { status, headers } = await ask(gate, key);
          expect([gate, status]).toEqual([gate, 503]);
          expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        }
      }
      // What is known may go on for `staleIfError`, since Redis is there to say that nothing has changed.
      for (const status of await manyStatuses([standing.key], 20)) expect([200, 503]).toContain(status);
    } finally {
      await fleet.make('key-service', 'start');
    }
    await until('a cold key is looked up again', async () =>
      (await statusesOf(cold.key)).every((s) => s === 200),
    );
    expect(await statusesOf(UNKNOWN)).toEqual([401, 401]);
  });

  it('with neither Redis nor key service: keyed requests are 503, also with a key used a moment ago', async () => {
    expect(await statusesOf(standing.key)).toEqual([200, 200]);
    await fleet.make('redis', 'kill');
    await fleet.make('key-service', 'kill');
    try {
      await until('both gates stop believing what they know', async () =>
        (await statusesOf(standing.key)).every((status) => status === 503),
      );
      // Not a key just asked for: what the key service itself has answered counts for a fence from its question on.
      expect(await manyStatuses([standing.key, `${UNKNOWN}-then`], 5)).toEqual(new Set([503]));
    } finally {
      await fleet.make('redis', 'start');
      await fleet.make('key-service', 'start');
    }
    await until('both gates serve again', async () =>
      (await statusesOf(standing.key)).every((s) => s === 200),
    );
  });
});

it('no token, pepper or key is in any log', async () => {
  const secrets = [...Object.values(fleet.secrets), standing.key];
  for (const name of ['key-service', ...GATES]) {
    const log = await fleet.log(name);
    expect(log).toContain('listens');
    for (const secret of secrets) expect(log).not.toContain(secret);
  }
});
