import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { joinAndVanish } from '../key-service/fixture.ts';
import { openDesk, typed, type Desk } from './typed.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await openDesk();
});

afterEach(() => desk.close());

const CREATE = 'keys create --owner acme --name first --profile plexe --permission read_write'.split(' ');
const clearKey = () => randomBytes(16).toString('hex');

describe('plexgate keys create', () => {
  it('shows the new key once, alone on its line', async () => {
    const { code, out, err } = await desk.run(CREATE);
    const [said, key, end] = out.split('\n');
    expect([code, err, end]).toEqual([0, '', '']);
    expect(said).toMatch(/^Key key_\w+ of acme, shown once:$/);
    const { record } = await desk.server.keys.resolve(digestOf(key ?? ''));
    expect(record).toMatchObject({ name: 'first', permission: 'read_write', limits: [], mcps: '*' });
    const { out: listed } = await desk.run(['keys', 'list', '--json']);
    expect(listed).not.toContain(key);
  });

  it('with --json prints the answer of the API, with the key in its field', async () => {
    const { code, out } = await desk.run([...CREATE, '--json']);
    const body = JSON.parse(out) as { key: string; key_id: string };
    expect(code).toBe(0);
    expect((await desk.server.keys.resolve(digestOf(body.key))).record?.keyId).toBe(body.key_id);
  });

  it('gives the key its end, its limits and its servers', async () => {
    const more = '--expires-at 2031-01-31T12:00:00+02:00 --limit 5/second --limit 100/15m --mcp a --mcp b';
    const { out } = await desk.run([...CREATE, ...more.split(' '), '--json']);
    expect(JSON.parse(out)).toMatchObject({
      expires_at: '2031-01-31T10:00:00.000Z',
      limits: ['5/second', '100/15m'],
      mcps: ['a', 'b'],
    });
  });

  it('says which fields are wrong, what was tried and what came back', async () => {
    const args = CREATE.with(CREATE.indexOf('plexe'), 'plexy').with(CREATE.indexOf('read_write'), 'write');
    expect(await desk.run(args)).toEqual({
      code: 1,
      out: '',
      err: [
        `plexgate: POST ${desk.url}/admin/v1/keys: 422 Unprocessable Entity: The request has fields with invalid values.`,
        '  profile: must be one of plexe, plextera, plexmcp, standard',
        '  permission: must be one of read_only, read_write',
        '',
      ].join('\n'),
    });
  });

  it('with --json prints a refusal as the API wrote it, too', async () => {
    const { code, out, err } = await desk.run([...CREATE.with(CREATE.indexOf('plexe'), 'plexy'), '--json']);
    expect(JSON.parse(out)).toMatchObject({ status: 422, errors: [{ field: 'profile' }] });
    expect([code, err.includes('422')]).toEqual([1, true]);
  });

  it('without an option that it needs is bad usage', async () => {
    const { code, err } = await desk.run(['keys', 'create', '--owner', 'acme']);
    expect(code).toBe(2);
    expect(err).toContain("required option '--name <name>' not specified");
  });
});

describe('plexgate keys list', () => {
  it('shows a table whose columns fit what is in them', async () => {
    await desk.server.keys.create({
      name: 'ends',
      expiresAt: '2030-06-01T00:00:00Z',
      permission: 'read_only',
    });
    desk.server.keys.clock.at += 1000;
    await desk.server.keys.create({ name: 'a longer name' });
    const { code, out } = await desk.run(['keys', 'list']);
    const shape = out.replaceAll(/key_\w{22}/g, 'key_').replaceAll(/(plx_sk_)\S{4}…\S{4}/g, '$1');
    expect(code).toBe(0);
    expect(shape.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['KEY ID', 'OWNER', 'NAME', 'KEY', 'PERMISSION', 'STATUS', 'EXPIRES', 'LAST USED'],
      expect.arrayContaining(['acme', 'a longer name', 'read_write', 'active', 'never']),
      expect.arrayContaining(['acme', 'ends', 'read_only', 'active', '2030-06-01T00:00:00Z']),
      [''],
    ]);
    const at = out.split('\n').map((line) => [line.indexOf('acme'), line.search(/active|STATUS/)]);
    expect(at[1]).toEqual(at[2]);
    expect(at[0]?.[1]).toBe(at[1]?.[1]);
  });

  it('is cut to the width of a terminal, and whole where it goes elsewhere', async () => {
    await desk.server.keys.create({ name: 'n'.repeat(150) });
    const width = (out: string) => Math.max(...out.split('\n').map((line) => line.length));
    expect(width((await desk.run(['keys', 'list'], 100)).out)).toBeLessThanOrEqual(100);
    expect((await desk.run(['keys', 'list'])).out).toContain('n'.repeat(150));
  });

  it('pages through all, up to the number it was given, and says what it left out', async () => {
    const draft = { owner: 'acme', name: 'n', profile: 'plexe', permission: 'read_only' };
    const keys = Array.from({ length: 1203 }, () => ({ ...draft, sha256: digestOf(clearKey()) }));
    expect(await desk.server.keys.service.importKeys(keys)).toEqual({ kind: 'imported', imported: 1203 });
    const all = await desk.run(['keys', 'list', '--json', '--max', '5000']);
    const body = JSON.parse(all.out) as { keys: { key_id: string }[]; pagination: object };
    expect(new Set(body.keys.map(({ key_id }) => key_id)).size).toBe(1203);
    expect(body.pagination).toEqual({ total: 1203, limit: 5000, offset: 0, has_more: false });
    const some = await desk.run(['keys', 'list']);
    expect(some.out.split('\n')).toHaveLength(1 + 1000 + 1);
    expect(some.err).toBe('1000 of 1203 keys are listed; --max lists more\n');
  });

  it('lets the filters choose', async () => {
    const { keyId } = await desk.server.keys.create({ name: 'one & two' });
    await desk.server.keys.create({ name: 'three' });
    const ids = async (...filter: string[]) => {
      const { out } = await desk.run(['keys', 'list', '--json', ...filter]);
      return (JSON.parse(out) as { keys: { key_id: string }[] }).keys.map(({ key_id }) => key_id);
    };
    expect(await ids('--name', 'one & t')).toEqual([keyId]);
    await desk.run(['keys', 'revoke', keyId]);
    expect(await ids('--status', 'revoked', '--owner', 'acme', '--profile', 'plexe')).toEqual([keyId]);
    expect((await desk.run(['keys', 'list', '--owner', 'nobody'])).out).toBe('no keys\n');
  });

  it.each(['0', '-1', 'all', '1000001'])('takes no --max of %s', async (max) => {
    expect((await desk.run(['keys', 'list', `--max=${max}`])).code).toBe(2);
  });
});

describe('plexgate keys show', () => {
  it('shows a line for each fact, without what would steer a terminal', async () => {
    const { keyId } = await desk.server.keys.create({ name: 'turned \u202e round', limits: ['5/second'] });
    const { code, out } = await desk.run(['keys', 'show', keyId]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^KEY ID +${keyId}\nNAME +turned \ufffd round\n`));
    expect(out).toMatch(/^LIMITS +5\/second$/m);
    expect(out).toMatch(/^CREATED +2030-01-01T00:00:00Z$/m);
  });

  it('says that no key has the id', async () => {
    const { code, err } = await desk.run(['keys', 'show', 'a/b']);
    expect([code, err]).toEqual([
      1,
      `plexgate: GET ${desk.url}/admin/v1/keys/a%2Fb: 404 Not Found: No key has this id.\n`,
    ]);
  });

  it('takes no key in place of its id, and does not repeat it', async () => {
    const { text } = await desk.server.keys.create();
    const { code, err } = await desk.run(['keys', 'show', text]);
    expect([code, err.includes(text)]).toEqual([2, false]);
    expect(err).toContain('this is a key; its id is wanted');
  });
});

describe('plexgate keys revoke', () => {
  it('says since when the key is revoked and who has confirmed it', async () => {
    const { keyId, digest } = await desk.server.keys.create();
    expect(await desk.run(['keys', 'revoke', keyId])).toEqual({
      code: 0,
      out: `Key ${keyId} is revoked since 2030-01-01T00:00:00Z; of 1 gates 1 have confirmed, 0 are fenced off.\n`,
      err: '',
    });
    expect((await desk.server.keys.resolve(digest)).record?.revokedAt).not.toBeNull();
  });

  it('exits with 1 while a gate has not confirmed, and shows how far it got', async () => {
    const { keyId } = await desk.server.keys.create();
    await joinAndVanish(desk.server.keys);
    const { code, out, err } = await desk.run(['keys', 'revoke', keyId]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(
      `plexgate: DELETE ${desk.url}/admin/v1/keys/${keyId}: 202 Accepted: The key is revoked, but not every gate has confirmed it; it is certain at 2030-01-01T00:01:`,
    );
    expect(err).toMatch(/\. Repeat the call\.\n {2}of 2 gates 1 have confirmed, 0 are fenced off\n$/);
    const again = await desk.run(['keys', 'revoke', keyId, '--json']);
    expect([again.code, JSON.parse(again.out)]).toEqual([
      1,
      expect.objectContaining({
        key_id: keyId,
        propagation: { members: 2, acked: 1, fenced: 0, fenced_members: [] },
      }),
    ]);
  });
});

describe('plexgate keys hash', () => {
  const keys = [clearKey(), clearKey()];
  const digests = keys.map((key) => `${digestOf(key)}\n`).join('');

  it.each([
    ['lines', keys.join('\n') + '\n'],
    ['lines without an end', keys.join('\n')],
    ['lines of Windows', keys.join('\r\n') + '\r\n'],
  ])('prints the digest of each key of %s, from standard input and from a file', async (_, input) => {
    expect(await typed(['keys', 'hash'], { input })).toEqual({ code: 0, out: digests, err: '' });
    expect(await typed(['keys', 'hash', desk.file('keys.txt', input)])).toMatchObject({
      code: 0,
      out: digests,
    });
  });

  it.each(['a b c d e f', '', `\u00e4${clearKey()}`, 'short'])(
    'refuses "%s", which no header can carry',
    async (line) => {
      const { code, out, err } = await typed(['keys', 'hash'], {
        input: `${keys[0]}\n${line}\n${keys[1]}\n`,
      });
      expect([code, out]).toEqual([1, '']);
      expect(err).toMatch(/^line 2 is no key: /);
    },
  );

  it('takes a key as an argument for the name of a file, and does not repeat it', async () => {
    const { code, out, err } = await typed(['keys', 'hash', keys[0] ?? '']);
    expect([code, out, err]).toEqual([
      1,
      '',
      'plexgate: the file does not exist; keys are read from a file or from standard input\n',
    ]);
  });
});
