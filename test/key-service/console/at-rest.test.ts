import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { base32 } from '../../../src/key-service/console/one-time-codes.ts';
import { openSqliteStore } from '../../../src/key-service/store/sqlite.ts';
import { PASSWORD, startStage, type Browser } from './stage.ts';

/** What would let somebody in who has it. */
function secretsOf(browser: Browser): (string | Buffer)[] {
  const token = browser.cookie.split('=')[1] ?? '';
  const { secret } = browser;
  return [
    PASSWORD,
    token,
    browser.csrf,
    secret,
    secret.toString('hex'),
    secret.toString('base64'),
    base32(secret),
  ];
}

test('a copy of the store has nothing by which somebody could sign in', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-at-rest-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = await openSqliteStore(join(folder, 'keys.db'));
  const stage = await startStage({}, store);
  const admin = await stage.signedIn('admin');
  const { link } = await admin.link('new@example.com', 'viewer');
  await stage.browser().signIn('admin@example.com', { password: 'a password of mine' });
  const secrets = [...secretsOf(admin), link.slice(link.indexOf('#') + 1), 'a password of mine'];
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  const has = (secret: string | Buffer): boolean => files.some((file) => file.includes(secret));
  // What is looked for would be found.
  expect(has('admin@example.com')).toBe(true);
  for (const secret of secrets) expect([secret, has(secret)]).toEqual([secret, false]);
  await store.close();
});
