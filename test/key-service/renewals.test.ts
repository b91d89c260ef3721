import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import type { Grant, Renewal } from '../../src/core/wire.ts';
import { ADMIN, SERVICE, problemOf, startServer, type RunningServer } from './running-server.ts';

const GRANT: Grant = {
  epoch: 'e1',
  head: 8,
  changes: [{ number: 8, keyId: null, ownerId: 'acme', digest: digestOf('a key') }],
  fenceMs: 2000,
  now: Date.UTC(2030, 0, 1),
  redisRun: null,
};

const asked: { readonly member: string; readonly renewal: Renewal }[] = [];
let server: RunningServer;

beforeEach(async () => {
  asked.length = 0;
  server = await startServer();
  server.keys.service.renew = async (member, renewal) => {
    asked.push({ member, renewal });
    return GRANT;
  };
});
afterEach(() => server.close());

const RENEWAL = { epoch: 'e1', applied: 7, stale_if_error: 60_000 };
const renew = (member: string, body: unknown, token = SERVICE) =>
  server.call('POST', `/v1/members/${member}/renew`, { body, token });

describe('a renewal', () => {
  test('is answered with what has changed, and for how long that may be used', async () => {
    const reply = await renew('gate-1', RENEWAL);
    expect([reply.status, reply.body]).toEqual([
      200,
      {
        epoch: 'e1',
        head: 8,
        changes: [{ number: 8, key_id: null, owner_id: 'acme', digest: digestOf('a key') }],
        fence: 2000,
        now: '2030-01-01T00:00:00.000Z',
        redis_run: null,
      },
    ]);
    const renewal = { epoch: 'e1', applied: 7, staleIfErrorMs: 60_000, leaving: false };
    expect(asked).toEqual([{ member: 'gate-1', renewal }]);
  });

  test('of a newcomer has no epoch: null or left out', async () => {
    for (const body of [
      { applied: 0, stale_if_error: 0 },
      { epoch: null, applied: 0, stale_if_error: 0 },
    ]) {
      expect((await renew('gate-1', body)).status).toBe(200);
      expect(asked.at(-1)?.renewal.epoch).toBeNull();
    }
  });

  test('may say that the member leaves', async () => {
    expect((await renew('gate-1', { ...RENEWAL, leaving: true })).status).toBe(200);
    expect(asked[0]?.renewal.leaving).toBe(true);
  });

  test('of a later gate, with fields that are not known here, is answered', async () => {
    expect((await renew('gate-1', { ...RENEWAL, colour: 'x' })).status).toBe(200);
  });

  test('needs the service token', async () => {
    expect(problemOf(await renew('gate-1', RENEWAL, ADMIN))).toEqual([401]);
    expect(asked).toEqual([]);
  });

  test.for(['a', 'A-z_0.9', 'x'.repeat(64)])('is that of the member %s', async (id) => {
    expect((await renew(id, RENEWAL)).status).toBe(200);
    expect(asked[0]?.member).toBe(id);
  });

  test.for(['x'.repeat(65), 'a%20b', 'a%2Fb', 'caf%C3%A9', 'a:b', '%0d%0a'])(
    'of a member called %s is 422',
    async (id) => {
      expect(problemOf(await renew(id, RENEWAL))).toEqual([422, 'id']);
      expect(asked).toEqual([]);
    },
  );

  const faults: [string, object, string][] = [
    ['no number', { applied: undefined }, 'applied'],
    ['a number below none', { applied: -1 }, 'applied'],
    ['half a number', { applied: 1.5 }, 'applied'],
    ['a number as text', { applied: '7' }, 'applied'],
    ['a number beyond those that are exact', { applied: 2 ** 60 }, 'applied'],
    ['no stale_if_error', { stale_if_error: undefined }, 'stale_if_error'],
    ['a stale_if_error of more than a day', { stale_if_error: 86_400_001 }, 'stale_if_error'],
    ['an epoch that is none', { epoch: 7 }, 'epoch'],
    ['a long epoch', { epoch: 'x'.repeat(129) }, 'epoch'],
    ['a leave-taking that is none', { leaving: 'yes' }, 'leaving'],
  ];
  test.for(faults)('with %s is 400', async ([, more, field]) => {
    expect(problemOf(await renew('gate-1', { ...RENEWAL, ...more }))).toEqual([400, field]);
    expect(asked).toEqual([]);
  });
});
