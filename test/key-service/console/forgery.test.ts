import { describe, expect, test, vi } from 'vitest';
import { PASSWORD, startStage, type Asked, type Stage } from './stage.ts';

const SIGN_IN = { email: 'viewer@example.com', password: PASSWORD };

describe('what another page can make a browser send', () => {
  /** The victim's cookie goes along, as if SameSite did not hold it back. */
  const FORGED: [string, Asked['headers']][] = [
    [
      'a form of another site',
      {
        origin: 'https://evil.example',
        'sec-fetch-site': 'cross-site',
        'content-type': 'application/x-www-form-urlencoded',
      },
    ],
    [
      'a form with JSON in it',
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'content-type': 'text/plain' },
    ],
    [
      'a fetch of another site',
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site', 'x-csrf-token': 'stolen' },
    ],
    [
      'a fetch of a neighbour',
      { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site', 'x-csrf-token': 'stolen' },
    ],
    ['a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'cross-site', 'x-csrf-token': 'stolen' }],
    [
      'a browser that says Origin alone',
      { origin: 'https://evil.example', 'sec-fetch-site': undefined, 'x-csrf-token': 'stolen' },
    ],
    ['no Origin at all', { origin: undefined, 'sec-fetch-site': undefined, 'x-csrf-token': 'stolen' }],
    [
      'a same-looking name',
      { origin: 'http://127.0.0.1.evil.example', 'sec-fetch-site': undefined, 'x-csrf-token': 'stolen' },
    ],
  ];
  test.each(FORGED)('%s does nothing, not even with the token', async (_, headers = {}) => {
    const stage = await startStage();
    const victim = await stage.signedIn('operator');
    const { keyId } = await stage.keys.create();
    const given = { ...headers, ...('x-csrf-token' in headers ? { 'x-csrf-token': victim.csrf } : {}) };
    for (const [path, body] of [
      [`/keys/${keyId}/revoke`, {}],
      ['/session', SIGN_IN],
    ] as const) {
      const answer = await victim.call('POST', path, body, given);
      expect([answer.status, answer.body.code, answer.headers['set-cookie']]).toEqual([
        403,
        'foreign',
        undefined,
      ]);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    }
    expect((await stage.keys.service.showKey(keyId))?.status).toBe('active');
  });

  test('from the page itself needs the token of this very session', async () => {
    const stage = await startStage();
    const victim = await stage.signedIn('operator');
    const attacker = await stage.signedIn('operator', 'eve@example.com');
    const { keyId } = await stage.keys.create();
    for (const token of ['', 'none', attacker.csrf, `${victim.csrf}x`]) {
      const answer = await victim.call('POST', `/keys/${keyId}/revoke`, {}, { 'x-csrf-token': token });
      expect([token, answer.body.code]).toEqual([token, 'foreign']);
    }
    const without = await victim.call('POST', '/session', SIGN_IN, { 'x-csrf-token': undefined });
    expect(without.body.code).toBe('foreign');
    expect((await victim.post(`/keys/${keyId}/revoke`)).status).toBe(202);
  });

  test('is no question, either: nothing is answered to a page of elsewhere', async () => {
    const stage = await startStage();
    const victim = await stage.signedIn('viewer');
    for (const site of ['cross-site', 'same-site']) {
      const answer = await victim.call('GET', '/keys', undefined, { 'sec-fetch-site': site });
      expect(answer.body.code).toBe('foreign');
    }
    const preflight = await stage.ask('OPTIONS', '/console/api/keys', {
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([404, undefined]);
  });

  test('is nothing but JSON', async () => {
    const stage = await startStage();
    const browser = await stage.signedIn('operator');
    const typed = { 'content-type': 'application/x-www-form-urlencoded' };
    const form = await browser.call('POST', '/session/confirm', 'password=x', typed);
    expect([form.status, form.body.code]).toEqual([415, 'malformed']);
    const broken = await browser.call('POST', '/session/confirm', '{', {});
    expect([broken.status, broken.body.code]).toEqual([400, 'malformed']);
    expect(broken.headers['content-security-policy']).toContain("default-src 'none'");
  });
});

describe('a session is nobody else’s', () => {
  test('a sign-in never takes up a session that the browser was given before', async () => {
    const stage = await startStage();
    const victim = await stage.signedIn('viewer');
    const attacker = await stage.signedIn('operator', 'eve@example.com');
    const planted = attacker.cookie;
    const browser = stage.browser();
    browser.secret = victim.secret;
    const [name = '', token = ''] = planted.split('=');
    browser.cookies.set(name, token);
    expect((await browser.signIn('viewer@example.com')).status).toBe(200);
    expect(browser.cookie).not.toBe(planted);
    expect((await attacker.get('/keys')).body.code).toBe('signed_out');
    browser.cookies.set(name, 'A'.repeat(43));
    expect((await browser.signIn('viewer@example.com')).status).toBe(200);
    expect(browser.cookie).not.toContain('AAAA');
    expect((await browser.get('/session')).body.session.operator.email).toBe('viewer@example.com');
  });

  test('each has another token, and the store has none of them', async () => {
    const stage = await startStage();
    const browser = await stage.signedIn('viewer');
    const first = browser.cookie;
    await browser.signIn('viewer@example.com');
    expect(browser.cookie).not.toBe(first);
    const token = browser.cookie.split('=')[1] ?? '';
    expect(await stage.keys.store.operators.session(token)).toBeNull();
    expect((await stage.ask('GET', '/console/api/keys', { headers: { cookie: first } })).status).toBe(401);
  });

  test('its cookie is for this host over TLS alone, and no script sees it', async () => {
    const secure = await startStage({ origin: 'https://keys.example.com' });
    const made = await secure.console.roster.firstLink();
    expect(made?.link).toMatch(/^https:\/\/keys\.example\.com\/console\/enrol#/);
    const headers = { host: 'keys.example.com', origin: 'https://keys.example.com' };
    const browser = secure.browser();
    const token = made?.link.split('#')[1];
    const look = await browser.call('POST', '/enrolment/look', { token }, headers);
    expect(look.status).toBe(200);
    const plain = await startStage();
    const lines = [await setCookieOf(plain, {}), await setCookieOf(secure, headers)];
    expect(lines[0]).toMatch(/^plexgate-console=[\w-]{43}; Path=\/console; HttpOnly; SameSite=Strict$/);
    expect(lines[1]).toMatch(/^__Host-plexgate=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
  });

  async function setCookieOf(stage: Stage, headers: Asked['headers']): Promise<string> {
    const made = await stage.console.roster.firstLink();
    const browser = stage.browser();
    const post = browser.call.bind(browser);
    vi.spyOn(browser, 'post').mockImplementation((path, body) => post('POST', path, body, headers));
    const answer = await browser.enrol(made?.link ?? '', { email: 'ada@example.com' });
    return answer.headers['set-cookie']?.[0] ?? '';
  }

  test('two cookies of its name are nobody’s', async () => {
    const stage = await startStage();
    const browser = await stage.signedIn('viewer');
    const twice = `${browser.cookie}; ${browser.cookie}`;
    expect((await browser.call('GET', '/keys', undefined, { cookie: twice })).body.code).toBe('signed_out');
  });
});
