import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDesk, type Desk } from './typed.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await openDesk();
});

afterEach(() => desk.close());

const owner = (id: string) => desk.server.keys.service.showOwner(id);

describe('plexgate owners', () => {
  it('put makes an owner and shows it', async () => {
    const put =
      'owners put lab --profile plextera --tier default --limit 5/second --limit 100/hour --workspace W1';
    const { code, out } = await desk.run(put.split(' '));
    expect([code, out.split('\n').map((line) => line.split(/ {2,}/))]).toEqual([
      0,
      [
        ['OWNER', 'lab'],
        ['PROFILE', 'plextera'],
        ['TIER', 'default'],
        ['ENABLED', 'true'],
        ['WORKSPACE', 'W1'],
        ['LIMITS', '5/second, 100/hour'],
        [''],
      ],
    ]);
    expect(await owner('lab')).toMatchObject({ workspace: 'W1', enabled: true });
  });

  it('put replaces an owner as a whole', async () => {
    await desk.run('owners put acme --profile plexe --tier pro --limit 5/second --disabled'.split(' '));
    expect(await owner('acme')).toMatchObject({ tier: 'pro', enabled: false });
    await desk.run('owners put acme --profile plexe --tier basic'.split(' '));
    expect(await owner('acme')).toMatchObject({ tier: 'basic', enabled: true, limits: null });
  });

  it('disable and enable change nothing else', async () => {
    await desk.run('owners put acme --profile plexe --tier pro --limit 5/second --workspace W'.split(' '));
    const before = await owner('acme');
    expect(await desk.run(['owners', 'disable', 'acme'])).toMatchObject({ code: 0, err: '' });
    expect(await owner('acme')).toEqual({ ...before, enabled: false });
    await desk.run(['owners', 'enable', 'acme']);
    expect(await owner('acme')).toEqual(before);
  });

  it('disable of nobody makes nobody', async () => {
    const { code, err } = await desk.run(['owners', 'disable', 'nobody']);
    expect([code, err]).toEqual([
      1,
      `plexgate: GET ${desk.url}/admin/v1/owners/nobody: 404 Not Found: No owner has this id.\n`,
    ]);
    expect(await owner('nobody')).toBeNull();
  });

  it('list and show print the same owner, as a table and as JSON', async () => {
    const { out } = await desk.run(['owners', 'list']);
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['OWNER', 'PROFILE', 'TIER', 'ENABLED', 'WORKSPACE', 'LIMITS'],
      ['acme', 'plexe', 'basic', 'true', '-', "the tier's"],
      [''],
    ]);
    const listed = JSON.parse((await desk.run(['owners', 'list', '--json'])).out) as { owners: unknown[] };
    const shown = JSON.parse((await desk.run(['owners', 'show', 'acme', '--json'])).out) as unknown;
    expect(listed.owners).toEqual([shown]);
  });

  it.each(['.', '..', ''])('"%s" is no id: it would be another path', async (id) => {
    expect((await desk.run(['owners', 'show', id])).code).toBe(2);
  });
});
