import { expect, test } from 'vitest';
import { TestMember } from '../support/member.ts';
import { joinAndVanish, testService } from './fixture.ts';

const FENCE = 200;

test('revocations are counted by how they ended and how long they took, members and renewals too', async () => {
  const revoked: [string, number][] = [];
  const renewals = { count: 0 };
  const members: number[] = [];
  const keys = await testService({
    fenceMs: FENCE,
    events: {
      revoked: (result, durationMs) => revoked.push([result, durationMs]),
      renewed: () => void (renewals.count += 1),
      counted: (count) => members.push(count),
    },
  });
  const revoke = async () => keys.service.revokeKey((await keys.create()).keyId);
  await revoke();
  const silent = await TestMember.join(keys.service, { staleIfErrorMs: 60_000 });
  silent.silence();
  await revoke();
  const vanished = await joinAndVanish(keys);
  await revoke();
  expect(revoked.map(([result]) => result)).toEqual(['certain', 'fenced', 'uncertain']);
  expect(revoked[1]?.[1]).toBeGreaterThanOrEqual(1.15 * FENCE);
  await expect.poll(() => members.at(-1)).toBe(3);
  await vanished.leave();
  await silent.leave();
  await keys.member.leave();
  await expect.poll(() => members.at(-1)).toBe(0);
  const before = renewals.count;
  await keys.service.renew(
    'one',
    { epoch: null, applied: 0, staleIfErrorMs: 0, leaving: false },
    new AbortController().signal,
  );
  expect(renewals.count - before).toBe(1);
  await expect(keys.service.revokeKey('key_none')).resolves.toEqual({ kind: 'unknown_key' });
  expect(revoked).toHaveLength(3);
  await keys.service.stop();
});
