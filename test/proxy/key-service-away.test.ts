import { describe, expect, it, onTestFinished } from 'vitest';
import type { MemberState } from '../../src/proxy/keys/start.ts';
import { readExposition } from '../support/exposition.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';

const CONFIG = `
proxy:
  failedAuthentication: off
  routes:
    - { match: { path: / }, profile: standard, upstream: '{upstream}' }
    - { match: { path: /plextera }, profile: plextera, upstream: '{upstream}' }
keyService: {}
`;

async function stage(withRedis: boolean): Promise<Stage> {
  const made = await startStage({ config: CONFIG, fixtures: '{S} {REV} {T1} {RW}', withRedis });
  onTestFinished(() => made.stop());
  return made;
}

async function statusOf({ gate, fixtures }: Stage, key: string, path = '/'): Promise<number> {
  const field =
    path === '/' ? ['x-api-key', fixtures.fill(key)] : ['authorization', `api-key ${fixtures.fill(key)}`];
  const answer = await fetch(`http://127.0.0.1:${gate.port}${path}`, {
    headers: [field as [string, string]],
  });
  await answer.arrayBuffer();
  return answer.status;
}

async function memberOf({ gate }: Stage): Promise<MemberState> {
  const answer = await fetch(`http://127.0.0.1:${gate.adminPort}/members`);
  return (await answer.json()) as MemberState;
}

async function sampleOf({ gate }: Stage, name: string, labels: Record<string, string> = {}): Promise<number> {
  const family = readExposition(await gate.metrics()).get(`plexgate_${name}`);
  const samples = (family?.samples ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return samples.reduce((sum, { value }) => sum + value, 0);
}

describe('with the key service away and Redis there', () => {
  it('what is warm goes on for staleIfError, ten seconds by ten, and all else is 503 and never 401', async () => {
    const made = await stage(true);
    const { gate } = made;
    expect([await statusOf(made, '{S}'), await statusOf(made, '{REV}')]).toEqual([200, 401]);
    expect(await statusOf(made, '{T1}', '/plextera')).toBe(200);
    gate.keyServiceAnswers(false);
    for (let second = 10; second <= 80; second += 10) {
      gate.advance(10_000);
      const isOver = second >= 60;
      expect(await statusOf(made, '{S}'), `after ${second} s`).toBe(isOver ? 503 : 200);
      // Redis knows it to be revoked for as long as it can tell that nothing has changed.
      expect(await statusOf(made, '{REV}')).toBe(isOver ? 503 : 401);
      expect(await statusOf(made, '{RW}'), 'a key not asked for before').toBe(503);
      expect(await statusOf(made, '{T1}', '/plextera'), 'no grace').toBe(503);
    }
    expect(await sampleOf(made, 'key_stale_served_total')).toBeGreaterThan(5);
    expect(await sampleOf(made, 'witness_readings_total', { result: 'confirmed' })).toBeGreaterThan(5);
    expect(await sampleOf(made, 'knowledge_age_seconds')).toBeGreaterThan(79);
    gate.keyServiceAnswers(true);
    gate.advance(2000);
    for (const key of ['{S}', '{RW}']) expect(await statusOf(made, key)).toBe(200);
  });

  it('nothing is served any more once Redis tells of a change that this gate does not know', async () => {
    const made = await stage(true);
    const { gate, redis, fixtures } = made;
    expect(await statusOf(made, '{S}')).toBe(200);
    const { applied } = await memberOf(made);
    gate.keyServiceAnswers(false);
    gate.advance(10_000);
    expect(await statusOf(made, '{S}')).toBe(200);
    const revoked = gate.service.revokeKey(fixtures.fill('{S.id}'));
    const head = async () => Number((await redis?.cli('GET', 'plexgate:head'))?.split(' ')[1]);
    await until('the head', async () => (await head()) > applied);
    gate.advance(10_000);
    expect(await statusOf(made, '{S}')).toBe(503);
    expect((await revoked).kind).toBe('revoked');
    gate.keyServiceAnswers(true);
    gate.advance(2000);
    expect(await statusOf(made, '{S}')).toBe(401);
  });
});

describe('with the key service away and no Redis', () => {
  it('what is warm goes on for the fence, and all is 503 then', async () => {
    const made = await stage(false);
    const { gate } = made;
    expect(await statusOf(made, '{S}')).toBe(200);
    gate.keyServiceAnswers(false);
    gate.advance(1000);
    expect(await statusOf(made, '{S}')).toBe(200);
    gate.advance(1000);
    for (const key of ['{S}', '{RW}', '{REV}']) expect(await statusOf(made, key)).toBe(503);
    expect(await memberOf(made)).toMatchObject({
      stale_if_error_ms: 0,
      redis_run: null,
      news_channel_up: false,
    });
    gate.keyServiceAnswers(true);
    gate.advance(2000);
    expect(await statusOf(made, '{REV}')).toBe(401);
  });
});

describe('messages in Redis', () => {
  it('of the key service are heard, and others change nothing and are counted', async () => {
    const made = await stage(true);
    const { gate, redis, fixtures } = made;
    await until('the channel', async () => (await memberOf(made)).news_channel_up);
    expect(await statusOf(made, '{S}')).toBe(200);
    const renewals = () => sampleOf(made, 'renewals_total', { result: 'ok' });
    for (const text of ['anything', '', 'e1 999 x', '0'.repeat(4000)]) {
      await redis?.cli('PUBLISH', 'plexgate:news', text);
    }
    await until(
      'four forgeries',
      async () => (await sampleOf(made, 'revocation_news_total', { result: 'forged' })) === 4,
    );
    expect(await statusOf(made, '{S}')).toBe(200);
    const before = await renewals();
    const revoked = await gate.service.revokeKey(fixtures.fill('{S.id}'));
    expect(revoked).toMatchObject({ kind: 'revoked', propagation: { members: 1, acked: 1, fenced: 0 } });
    expect(await statusOf(made, '{S}')).toBe(401);
    expect(await renewals()).toBeGreaterThan(before);
    await until(
      'news',
      async () => (await sampleOf(made, 'revocation_news_total', { result: 'received' })) > 0,
    );
  });
});

describe('the admin port', () => {
  it('says what this gate is as a member', async () => {
    const made = await stage(true);
    await until('the channel', async () => (await memberOf(made)).news_channel_up);
    const { renewal_age_ms: ageMs, ...state } = await memberOf(made);
    expect(ageMs).toBeLessThan(2000);
    expect(state).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      mode: 'renew',
      epoch: expect.any(String),
      applied: expect.any(Number),
      fence_ms: 2000,
      stale_if_error_ms: 60_000,
      confirmation_age_ms: null,
      redis_run: expect.any(String),
      news_channel_up: true,
    });
  });
});
