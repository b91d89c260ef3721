import { describe, expect, test, vi } from 'vitest';
import { Passwords } from '../../../src/key-service/console/passwords.ts';
import { NOBODY, startStage, type Browser } from './stage.ts';

const MINUTE = 60_000;

describe('whoever guesses', () => {
  test('is stopped after five tries at an email, whether it is anybody’s or not, in the same words', async () => {
    const stage = await startStage();
    const viewer = await stage.signedIn('viewer');
    for (const email of ['viewer@example.com', 'nobody@example.com']) {
      const guess = (): ReturnType<Browser['post']> =>
        stage.browser().post('/session', { email, password: 'a guess of mine', code: '123456' });
      const statuses: number[] = [];
      for (let i = 0; i < 7; i++) statuses.push((await guess()).status);
      expect([email, statuses]).toEqual([email, [401, 401, 401, 401, 401, 429, 429]]);
      const { body, headers } = await guess();
      expect([body.code, body.retry_after_ms, headers['retry-after']]).toEqual([
        'throttled',
        15 * MINUTE,
        '900',
      ]);
    }
    const right = await viewer.signIn('viewer@example.com');
    expect(right.status).toBe(429);
    stage.keys.clock.at += 15 * MINUTE;
    expect((await viewer.signIn('viewer@example.com')).status).toBe(200);
  });

  test('is stopped at thirty tries from one address, over all emails; another address may go on', async () => {
    const stage = await startStage({ trustedProxies: ['127.0.0.0/8'] });
    const viewer = await stage.signedIn('viewer');
    const from = (address: string, email: string): ReturnType<Browser['call']> =>
      stage
        .browser()
        .call(
          'POST',
          '/session',
          { email, password: 'a guess of mine', code: '1' },
          { 'x-forwarded-for': address },
        );
    const statuses: number[] = [];
    for (let i = 0; i < 32; i++) statuses.push((await from('192.0.2.1', `user${i}@example.com`)).status);
    expect(statuses.slice(28)).toEqual([401, 401, 429, 429]);
    expect((await from('192.0.2.2', 'user@example.com')).status).toBe(401);
    expect((await viewer.signIn('viewer@example.com')).status).toBe(200);
  });

  test('is not believed what address it comes from, where no proxy is trusted', async () => {
    const stage = await startStage();
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) {
      const headers = { 'x-forwarded-for': `192.0.2.${i}` };
      const body = { email: 'a@b.example', password: 'a guess of mine', code: '1' };
      statuses.push((await stage.browser().call('POST', '/session', body, headers)).status);
    }
    expect(statuses.at(-1)).toBe(429);
  });

  test('of password or code in a session is stopped as well, and sign-ins that succeed are not counted', async () => {
    const stage = await startStage();
    const viewer = await stage.signedIn('viewer');
    for (let i = 0; i < 8; i++) expect((await viewer.signIn('viewer@example.com')).status).toBe(200);
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) {
      statuses.push((await viewer.post('/session/confirm', { password: 'a guess of mine' })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  });

  test('learns nothing from the time it takes: the work is the same for whoever it is', async () => {
    const matches = vi.spyOn(Passwords.prototype, 'matches');
    const stage = await startStage();
    await stage.signedIn('viewer');
    await stage.console.roster.create({ email: 'new@example.com', role: 'viewer' }, NOBODY);
    const admin = await stage.signedIn('admin');
    const { id } = (await stage.signedIn('viewer', 'off@example.com').then((one) => one.get('/session'))).body
      .session.operator;
    await admin.call('PATCH', `/operators/${id}`, { enabled: false });
    const derive = await scryptCalls(async () => {
      for (const email of [
        'viewer@example.com',
        'nobody@example.com',
        'new@example.com',
        'off@example.com',
      ]) {
        matches.mockClear();
        const body = { email, password: 'a guess of mine', code: '123456' };
        expect((await stage.browser().post('/session', body)).status).toBe(401);
        expect([email, matches.mock.calls.length]).toEqual([email, 1]);
      }
    });
    expect(derive).toBe(4);
    matches.mockRestore();
  });
});

/** How often a password is derived meanwhile, counted where it is done. */
async function scryptCalls(work: () => Promise<void>): Promise<number> {
  const normalize = vi.spyOn(String.prototype, 'normalize');
  await work();
  const count = normalize.mock.calls.filter(([form]) => form === 'NFC').length;
  normalize.mockRestore();
  return count;
}
