import { afterEach, beforeEach, expect, test } from 'vitest';
import { joinAndVanish } from './fixture.ts';
import { SERVICE, problemOf, startServer, type RunningServer } from './running-server.ts';

let server: RunningServer;
beforeEach(async () => {
  server = await startServer({ fenceMs: 400 });
});
afterEach(() => server.close());

test('the members are listed for administrators, with how far behind each is', async () => {
  const { member } = server.keys;
  const silent = await joinAndVanish(server.keys);
  await server.keys.create();
  const { epoch } = await server.keys.store.fleet();
  const seen = { seen_ago: expect.any(Number) };
  const reply = await server.call('GET', '/admin/v1/members');
  expect([reply.status, reply.body]).toEqual([
    200,
    {
      epoch,
      head: 2,
      redis_run: expect.toBeOneOf(['out of reach', null]),
      redis_settled: false,
      members: expect.arrayContaining([
        { member_id: member.id, applied: 2, lag: 0, stale_if_error: 0, ...seen },
        { member_id: silent.id, applied: 1, lag: 1, stale_if_error: 60_000, ...seen },
      ]),
    },
  ]);
  expect(reply.body.members.every((one: { seen_ago: number }) => Number.isInteger(one.seen_ago))).toBe(true);
});

test('the members are listed for nobody else', async () => {
  expect(problemOf(await server.call('GET', '/admin/v1/members', { token: SERVICE }))).toEqual([401]);
});
