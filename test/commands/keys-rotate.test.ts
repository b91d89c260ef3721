import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { openDesk, type Desk } from './typed.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await openDesk();
});

afterEach(() => desk.close());

it('plexgate keys rotate shows the new key once, and when the old one ends', async () => {
  const { keyId, digest } = await desk.server.keys.create({ name: 'rotated' });
  const { code, out, err } = await desk.run(['keys', 'rotate', keyId, '--overlap', '1h']);
  const [said, key, end] = out.split('\n');
  expect([code, err, end]).toEqual([0, '', '']);
  expect(said).toMatch(
    new RegExp(
      `^Key key_\\w+ of acme in place of ${keyId}, which ends at 2030-01-01T01:00:00Z, shown once:$`,
    ),
  );
  expect((await desk.server.keys.resolve(digestOf(key ?? ''))).record).toMatchObject({ name: 'rotated' });
  expect((await desk.server.keys.resolve(digest)).record?.expiresAt).toBe(Date.UTC(2030, 0, 1, 1));
});

it('with --json it prints the answer of the API', async () => {
  const { keyId } = await desk.server.keys.create();
  const { code, out } = await desk.run(['keys', 'rotate', keyId, '--overlap', '0s', '--json']);
  expect([code, JSON.parse(out)]).toEqual([
    0,
    expect.objectContaining({
      key: expect.any(String),
      replaces: keyId,
      old_expires_at: expect.stringMatching(/^2030-01-01T00:00:00(?:\.000)?Z$/),
    }),
  ]);
});

it('a duration that is none is shown as the field it is', async () => {
  const { keyId } = await desk.server.keys.create();
  const { code, err } = await desk.run(['keys', 'rotate', keyId, '--overlap', 'soon']);
  expect(code).toBe(1);
  expect(err).toMatch(/^ {2}overlap: /m);
});
