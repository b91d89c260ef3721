import { describe, expect, test } from 'vitest';
import type { SignedIn } from '../../../src/key-service/console/wire.ts';
import { NOBODY, PASSWORD, startStage, type Browser, type Stage } from './stage.ts';

const MINUTE = 60_000;

async function auditOf(stage: Stage): Promise<string[]> {
  const listed = await stage.keys.service.history.listAudit({ kind: 'management', limit: 500 });
  if (listed.kind !== 'listed') throw new Error(listed.kind);
  return listed.rows
    .filter(({ action }) => action?.startsWith('operator.') === true)
    .map(({ action, outcome, operator, subjectOperator }) =>
      [action, outcome, operator, subjectOperator].join(' '),
    );
}

describe('the first operator', () => {
  test('comes in by the link of the start, says which email is theirs, and is an admin', async () => {
    const stage = await startStage();
    const browser = stage.browser();
    expect((await browser.get('/session')).body).toMatchObject({ session: null, has_operators: false });
    const made = await stage.console.roster.firstLink();
    expect(made?.link).toMatch(new RegExp(`^${stage.origin}/console/enrol#[A-Za-z0-9_-]{43}$`));
    const link = made?.link ?? '';
    expect((await browser.enrol(link)).body).toMatchObject({ code: 'invalid', errors: [{ field: 'email' }] });
    const enrolled = await browser.enrol(link, { email: 'Ada@Example.com' });
    expect(enrolled.status).toBe(200);
    expect((enrolled.body as SignedIn).session.operator).toMatchObject({
      email: 'ada@example.com',
      role: 'admin',
    });
    expect((await browser.get('/session')).body).toMatchObject({ has_operators: true });
    expect((await browser.get('/keys')).status).toBe(200);
    expect(await stage.console.roster.firstLink()).toBeNull();
    expect((await stage.browser().post('/enrolment/look', { token: link.split('#')[1] })).body.code).toBe(
      'gone',
    );
  });

  test('has a link of the last start only', async () => {
    const stage = await startStage();
    const first = (await stage.console.roster.firstLink())?.link ?? '';
    await stage.console.roster.firstLink();
    expect((await stage.browser().post('/enrolment/look', { token: first.split('#')[1] })).status).toBe(410);
  });
});

describe('a link', () => {
  test('is good once, for an hour, and not with a wrong code or a short password', async () => {
    const stage = await startStage();
    const made = await stage.console.roster.create({ email: 'bob@example.com', role: 'operator' }, NOBODY);
    if (made.kind !== 'created') throw new Error(made.kind);
    const browser = stage.browser();
    const short = await browser.enrol(made.link, { password: 'elevenchars' });
    expect([short.status, short.body.errors[0].field]).toEqual([422, 'password']);
    const wrong = await browser.enrol(made.link, { code: '000000' });
    expect([wrong.status, wrong.body.code]).toEqual([401, 'not_admitted']);
    const other = await browser.enrol(made.link, { email: 'eve@example.com' });
    expect([other.status, other.body.errors[0].field]).toEqual([422, 'email']);
    expect((await browser.enrol(made.link)).status).toBe(200);
    await expect(stage.browser().enrol(made.link)).rejects.toThrow('gone');
    const again = await stage.console.roster.newLink(made.operator.id, NOBODY);
    stage.keys.clock.at += 60 * MINUTE;
    await expect(stage.browser().enrol(again.kind === 'made' ? again.link : '')).rejects.toThrow('gone');
  });

  test('of an admin replaces password and authenticator and ends the sessions there were', async () => {
    const stage = await startStage();
    const admin = await stage.signedIn('admin');
    const bob = await stage.signedIn('operator', 'bob@example.com');
    const rows = (await admin.get('/operators')).body.operators as { id: string; email: string }[];
    const id = rows.find(({ email }) => email === 'bob@example.com')?.id ?? '';
    const made = (await admin.post(`/operators/${id}/link`)).body;
    expect((await bob.get('/keys')).status).toBe(200);
    const anew = stage.browser();
    expect((await anew.enrol(made.link, { password: 'another password' })).status).toBe(200);
    expect((await bob.get('/keys')).body.code).toBe('signed_out');
    expect((await bob.signIn('bob@example.com')).status).toBe(401);
    expect((await anew.signIn('bob@example.com', { password: 'another password' })).status).toBe(200);
  });
});

describe('signing in', () => {
  const WRONG: [string, (browser: Browser) => object][] = [
    ['another password', () => ({ password: 'not the password' })],
    ['another code', () => ({ code: '000000' })],
    ['a code of seven digits', (browser) => ({ code: `${browser.code()}1` })],
    ['no code', () => ({ code: '' })],
    ['an email of nobody', () => ({ email: 'nobody@example.com' })],
    ['the code of ten minutes ago', (browser) => ({ code: ofThePast(browser) })],
  ];
  let stage: Stage;

  function ofThePast(browser: Browser): string {
    const code = browser.code();
    stage.keys.clock.at += 10 * MINUTE;
    return code;
  }

  test.each(WRONG)('with %s is refused in the same words', async (_, wrong) => {
    stage = await startStage();
    const browser = await stage.signedIn('viewer');
    const answer = await browser.post('/session', {
      email: 'viewer@example.com',
      password: PASSWORD,
      code: browser.code(),
      ...wrong(browser),
    });
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
      401,
      'not_admitted',
      'Email, password or code are wrong.',
    ]);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  test('with a code that was used before is refused, though it is not over', async () => {
    stage = await startStage();
    const browser = await stage.signedIn('viewer');
    const given = { email: 'VIEWER@example.com', password: PASSWORD, code: browser.code() };
    expect((await browser.post('/session', given)).status).toBe(200);
    expect((await browser.post('/session', given)).body.code).toBe('not_admitted');
    expect((await browser.post('/session/confirm', { code: given.code })).body.code).toBe('not_admitted');
  });

  test('is not for who is disabled, whose sessions have ended with it', async () => {
    stage = await startStage();
    const admin = await stage.signedIn('admin');
    const viewer = await stage.signedIn('viewer');
    const { id } = (await viewer.get('/session')).body.session.operator;
    const disabled = await admin.call('PATCH', `/operators/${id}`, { enabled: false });
    expect([disabled.status, disabled.body.enabled]).toEqual([200, false]);
    expect((await viewer.get('/keys')).body.code).toBe('signed_out');
    expect((await viewer.signIn('viewer@example.com')).body.code).toBe('not_admitted');
  });

  test('is in the audit, and so is who was refused; what was typed as an email is not', async () => {
    stage = await startStage();
    const browser = await stage.signedIn('viewer');
    const stranger = stage.browser();
    await stranger.signIn('viewer@example.com', { password: 'wrong wrong wrong' });
    await stranger.signIn('my secret passphrase');
    await browser.call('DELETE', '/session');
    expect(await auditOf(stage)).toEqual([
      'operator.sign_out done viewer@example.com viewer@example.com',
      'operator.sign_in unauthorized  ',
      'operator.sign_in unauthorized  viewer@example.com',
      'operator.sign_in done viewer@example.com viewer@example.com',
      'operator.enrol done viewer@example.com viewer@example.com',
      'operator.link done  viewer@example.com',
      'operator.create done  viewer@example.com',
    ]);
    const rows = await stage.keys.service.history.listAudit({});
    expect(JSON.stringify(rows)).not.toContain('passphrase');
  });
});

describe('a session', () => {
  test('ends of idleness, and what nobody asked for by hand does not keep it', async () => {
    const stage = await startStage({ times: { idleMs: 10 * MINUTE, longestMs: 60 * MINUTE } });
    const browser = await stage.signedIn('viewer');
    stage.keys.clock.at += 9 * MINUTE;
    expect((await browser.get('/keys')).status).toBe(200);
    stage.keys.clock.at += 9 * MINUTE;
    expect((await browser.call('GET', '/fleet', undefined, { 'x-background': '1' })).status).toBe(200);
    stage.keys.clock.at += MINUTE;
    expect((await browser.get('/keys')).body.code).toBe('signed_out');
    expect((await browser.get('/session')).body).toMatchObject({ session: null, has_operators: true });
  });

  test('ends in any case, however much is done in it', async () => {
    const stage = await startStage({ times: { idleMs: 10 * MINUTE, longestMs: 30 * MINUTE } });
    const browser = await stage.signedIn('viewer');
    const ends = Date.parse((await browser.get('/session')).body.session.ends_at);
    while (stage.keys.clock.at + 5 * MINUTE < ends) {
      stage.keys.clock.at += 5 * MINUTE;
      expect((await browser.get('/keys')).status).toBe(200);
    }
    stage.keys.clock.at = ends;
    expect((await browser.get('/keys')).body.code).toBe('signed_out');
  });

  test('ends with the sign-out, this one or all of the operator', async () => {
    const stage = await startStage();
    const here = await stage.signedIn('viewer');
    const there = stage.browser();
    there.secret = here.secret;
    await there.signIn('viewer@example.com');
    const kept = there.cookie;
    expect((await there.call('DELETE', '/session')).body).toMatchObject({ session: null });
    expect(there.cookies.size).toBe(0);
    const again = await there.call('GET', '/keys', undefined, { cookie: kept });
    expect(again.body.code).toBe('signed_out');
    expect((await here.get('/keys')).status).toBe(200);
    await there.signIn('viewer@example.com');
    await here.call('DELETE', '/sessions');
    expect((await there.get('/keys')).body.code).toBe('signed_out');
  });

  test('needs password or code once more for what is sensitive, five minutes after the last time', async () => {
    const stage = await startStage();
    const browser = await stage.signedIn('operator');
    expect((await browser.key()).key).toMatch(/^plx_sk_/);
    stage.keys.clock.at += 5 * MINUTE;
    const body = { owner: 'acme', name: 'k', profile: 'plexe', permission: 'read_only' };
    expect((await browser.post('/keys', body)).body.code).toBe('confirm');
    expect((await browser.post('/session/confirm', { password: 'not this one' })).body.code).toBe(
      'not_admitted',
    );
    expect((await browser.post('/keys', body)).body.code).toBe('confirm');
    expect((await browser.post('/session/confirm', { password: PASSWORD })).status).toBe(200);
    expect((await browser.post('/keys', body)).status).toBe(201);
    stage.keys.clock.at += 5 * MINUTE;
    expect((await browser.post('/session/confirm', { code: browser.code() })).status).toBe(200);
    expect((await browser.post('/keys', body)).status).toBe(201);
    expect((await browser.post('/session/confirm', {})).status).toBe(400);
  });
});
