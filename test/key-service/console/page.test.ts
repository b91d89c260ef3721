import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAGE, openStage, type Stage } from './stage.ts';

let stage: Stage;
let named: Stage;
beforeAll(async () => {
  stage = await openStage();
  named = await openStage({ origin: 'https://keys.example.com' });
});
afterAll(() => Promise.all([stage.close(), named.close()]));

describe('the page', () => {
  const PLACES = ['/console', '/console/', '/console/keys', '/console/keys/key_1', '/console/enrol'];
  test.each(PLACES)('%s is the same page, with headers that let nothing else in', async (path) => {
    const { status, text, headers } = await stage.ask('GET', path, { headers: {} });
    expect([status, text]).toEqual([200, PAGE]);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-cache',
    });
  });

  test('has assets that may be kept for ever, packed where the browser takes it', async () => {
    const asset = '/console/assets/index-0123abcd.js';
    const lengths: Record<string, number> = {};
    for (const encoding of ['identity', 'gzip', 'gzip, br', 'br;q=0, gzip']) {
      const { status, headers, text } = await stage.ask('GET', asset, {
        headers: { 'accept-encoding': encoding },
      });
      expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
      lengths[`${encoding}: ${headers['content-encoding'] ?? 'plain'}`] = text.length;
    }
    expect(Object.keys(lengths)).toEqual([
      'identity: plain',
      'gzip: gzip',
      'gzip, br: br',
      'br;q=0, gzip: gzip',
    ]);
    expect(Math.max(...Object.values(lengths).slice(1))).toBeLessThan(200);
  });

  const NOT_THERE = [
    '/console/assets/other.js',
    '/console/notes.md',
    '/console/../../../etc/passwd.txt',
    '/console/%2e%2e/package.json',
    '/console/assets/',
    '/console/api/nothing',
    '/consolex',
  ];
  test.each(NOT_THERE)('%s is not there', async (path) => {
    expect((await stage.ask('GET', path, { headers: {} })).status).toBe(404);
  });

  const LEADING = [
    '/console//evil.example',
    '/console/?next=https://evil.example',
    '/console/enrol?return=//evil.example',
    '//evil.example/console',
    '/console/\\evil.example',
    '/console/%0d%0alocation:%20https://evil.example',
  ];
  test.each(LEADING)('%s leads nowhere else', async (path) => {
    const { status, headers } = await stage.ask('GET', path, { headers: {} });
    expect([path, headers['location'], status]).toEqual([path, undefined, expect.toBeOneOf([200, 400, 404])]);
  });

  const HOSTS: [string, string | null, number][] = [
    ['127.0.0.1:8081', null, 200],
    ['localhost', null, 200],
    ['[::1]:8081', null, 200],
    ['evil.example', null, 421],
    ['127.0.0.1.evil.example:8081', null, 421],
    ['localhost.evil.example', null, 421],
    ['keys.example.com', 'https://keys.example.com', 200],
    ['127.0.0.1:8081', 'https://keys.example.com', 421],
    ['evil.example', 'https://keys.example.com', 421],
  ];
  test.each(HOSTS)('asked for as %s, where the origin is %s, it answers %i', async (host, origin, status) => {
    const there = origin === null ? stage : named;
    const headers = { host, 'x-forwarded-host': 'keys.example.com' };
    expect((await there.ask('GET', '/console', { headers })).status).toBe(status);
    const call = await there.ask('GET', '/console/api/session', { headers });
    expect(call.status).toBe(status);
  });
});
