import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN, SERVICE, problemOf, startServer, type RunningServer } from './running-server.ts';

let server: RunningServer;
let digest = '';
let keyId = '';

beforeEach(async () => {
  server = await startServer();
  ({ digest, keyId } = await server.keys.create());
});
afterEach(() => server.close());

const RENEWAL = { epoch: null, applied: 0, stale_if_error: 60_000 };
const renew = (member: string, body: unknown, token = SERVICE) =>
  server.call('POST', `/v1/members/${member}/renew`, { body, token });

/** The members over HTTP, without the one that the fixture has in this process. */
async function members(): Promise<{ member_id: string; applied: number; stale_if_error: number }[]> {
  const { members: all } = (await server.call('GET', '/admin/v1/members')).body;
  return all.filter(({ member_id }: { member_id: string }) => member_id !== server.keys.member.id);
}

describe('a renewal', () => {
  test('is answered with what has changed, and for how long that may be used', async () => {
    const reply = await renew('gate-1', RENEWAL);
    expect([reply.status, reply.body]).toEqual([
      200,
      {
        epoch: expect.stringMatching(/^[\x21-\x7e]+$/),
        head: 2,
        changes: [
          { number: 1, key_id: null, owner_id: 'acme', digest: null },
          { number: 2, key_id: keyId, owner_id: null, digest },
        ],
        fence: 2000,
        now: '2030-01-01T00:00:00.000Z',
        redis_run: null,
      },
    ]);
  });

  test('acknowledges what the member has applied, and is told the rest', async () => {
    const { epoch } = (await renew('gate-1', RENEWAL)).body;
    expect((await renew('gate-1', { ...RENEWAL, epoch, applied: 1 })).body.changes).toMatchObject([
      { number: 2 },
    ]);
    expect((await renew('gate-1', { ...RENEWAL, epoch, applied: 2 })).body).toMatchObject({
      head: 2,
      changes: [],
    });
    expect(await members()).toMatchObject([
      { member_id: 'gate-1', applied: 2, lag: 0, stale_if_error: 60_000 },
    ]);
  });

  test('of a newcomer has no epoch: null or left out', async () => {
    for (const body of [
      { applied: 0, stale_if_error: 0 },
      { epoch: null, applied: 0, stale_if_error: 0 },
    ]) {
      const reply = await renew('gate-1', body);
      expect([reply.status, reply.body.changes.length]).toEqual([200, 2]);
    }
  });

  test('may say that the member leaves, who is waited for no longer', async () => {
    const { epoch } = (await renew('gate-1', RENEWAL)).body;
    expect(await members()).toHaveLength(1);
    const left = await renew('gate-1', { ...RENEWAL, epoch, applied: 2, leaving: true });
    expect([left.status, left.body.fence]).toEqual([200, 0]);
    expect(await members()).toEqual([]);
  });

  test('of a later gate, with fields that are not known here, is answered', async () => {
    expect((await renew('gate-1', { ...RENEWAL, colour: 'x' })).status).toBe(200);
  });

  test('needs the service token', async () => {
    expect(problemOf(await renew('gate-1', RENEWAL, ADMIN))).toEqual([401]);
    expect(await members()).toEqual([]);
  });

  test.for(['a', 'A-z_0.9', 'x'.repeat(64)])('is that of the member %s', async (id) => {
    expect((await renew(id, RENEWAL)).status).toBe(200);
    expect(await members()).toMatchObject([{ member_id: id }]);
  });

  test.for(['x'.repeat(65), 'a%20b', 'a%2Fb', 'caf%C3%A9', 'a:b', '%0d%0a'])(
    'of a member called %s is 422',
    async (id) => {
      expect(problemOf(await renew(id, RENEWAL))).toEqual([422, 'id']);
      expect(await members()).toEqual([]);
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
    expect(await members()).toEqual([]);
  });
});
