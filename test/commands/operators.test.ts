import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDesk, type Desk } from './typed.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await openDesk();
});

afterEach(() => desk.close());

const ada = () => desk.server.keys.store.operators.operatorByEmail('ada@example.com');
const create = () => desk.run('operators create --email Ada@example.com --role admin'.split(' '));

describe('plexgate operators', () => {
  it('create makes an operator and prints the link, this once', async () => {
    const { code, out } = await create();
    expect(code).toBe(0);
    expect(out).toMatch(/^EMAIL +ada@example\.com$/m);
    expect(out).toMatch(/^LINK +https:\/\/keys\.example\.com\/console\/enrol#[\w-]{43}$/m);
    const listed = await desk.run(['operators', 'list', '--json']);
    expect(JSON.parse(listed.out)).toMatchObject({
      operators: [{ email: 'ada@example.com', is_enrolled: false }],
    });
    expect(listed.out).not.toContain('#');
  });

  it('create says what is wrong with an email, a role, or one that is there', async () => {
    await create();
    expect(await create()).toMatchObject({ code: 1, err: expect.stringContaining('409') });
    const wrong = await desk.run('operators create --email ada --role root'.split(' '));
    expect(wrong.code).toBe(1);
    expect(wrong.err).toMatch(/role: must be one of viewer, operator, admin[^]*email: must be an email/);
  });

  it('role, disable and enable change the operator, reset prints another link', async () => {
    const first = await create();
    const id = (await ada())?.id ?? '';
    await desk.run(['operators', 'role', id, '--role', 'viewer']);
    await desk.run(['operators', 'disable', id]);
    expect(await ada()).toMatchObject({ role: 'viewer', enabled: false });
    expect(await desk.run(['operators', 'reset', id])).toMatchObject({ code: 1 });
    expect((await desk.run(['operators', 'enable', id])).out).toMatch(/^ENABLED +true$/m);
    const { code, out } = await desk.run(['operators', 'reset', id]);
    expect([code, /#\S+/.exec(out)?.[0] === /#\S+/.exec(first.out)?.[0]]).toEqual([0, false]);
    expect(await desk.run(['operators', 'disable', 'op_nobody'])).toMatchObject({ code: 1 });
  });
});
