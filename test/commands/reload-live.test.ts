import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  KEY,
  OTHER_KEY,
  ask,
  change,
  configure,
  keysFileOf,
  mount,
  program,
  scrape,
  services,
  useReloadStage,
} from './reload-stage.ts';
import { until } from './running-program.ts';

useReloadStage();

describe('live in a changed configuration', () => {
  it('limits: what the running window has spent stays counted under the new number', async () => {
    const limited = (limit: string) => ({ tiers: { standard: { default: [limit] } } });
    const statuses = async (count: number) => {
      const all: number[] = [];
      for (let i = 0; i < count; i++) all.push((await ask()).status);
      return all;
    };
    await configure(limited('5/minute'));
    expect(await statuses(3)).toEqual([200, 200, 200]);
    await configure(limited('4/minute'));
    expect(await statuses(2)).toEqual([200, 429]);
    // A longer window begins with what the shorter one knew.
    await configure(limited('6/hour'));
    expect(await statuses(3)).toEqual([200, 200, 429]);
    await configure(limited('7/minute'));
    expect(await statuses(2)).toEqual([200, 429]);
    await configure();
    expect(await statuses(1)).toEqual([200]);
  });

  it('the log level', async () => {
    await configure({}, { log: { level: 'warn' } });
    const logged = program.log().length;
    expect((await ask('/quiet')).status).toBe(200);
    await configure();
    await ask('/loud');
    await until(
      () => program.log().includes('"path":"/loud"'),
      () => program.log(),
    );
    expect(program.log().slice(logged)).not.toContain('"path":"/quiet"');
  });

  it('which keys file is followed', async () => {
    await configure({ keys: { file: mount.pathOf('other.yaml') } });
    expect((await ask()).status).not.toBe(200);
    expect((await ask('/', { 'x-api-key': OTHER_KEY })).status).toBe(200);
    // The one before is followed no more, the other one is.
    mount.change('swap', { 'keys.yaml': keysFileOf(OTHER_KEY), 'other.yaml': keysFileOf(KEY) });
    await until(
      async () => (await ask()).status === 200,
      () => program.log().slice(-3000),
    );
    mount.change('swap', { 'keys.yaml': keysFileOf(KEY), 'other.yaml': keysFileOf(OTHER_KEY) });
    // One that has failed so often may be told that it is throttled.
    await until(
      async () => (await ask()).status !== 200,
      () => program.log().slice(-3000),
    );
  });

  it('a secret file, also one that was not named before', async () => {
    const rewriting = (value: string) => ({
      routes: [{ upstream: 'echo', credential: { header: 'X-Upstream-Key', value } }],
    });
    const sent = async () =>
      (JSON.parse((await ask()).body) as { headers: Record<string, string[]> }).headers[
        'x-upstream-key'
      ]?.[0];
    const path = mount.pathOf('upstream-key');
    const [first, second] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
    mount.change('swap', { 'upstream-key': first });
    await configure(rewriting(`\${file:${path}}`));
    expect(await sent()).toBe(first);
    for (const [way, value] of [
      ['swap', second],
      ['write', first],
      ['rename', second],
    ] as const) {
      await change({ 'upstream-key': value }, way);
      expect(await sent()).toBe(value);
    }
    expect(program.log()).not.toContain(first);
    expect(program.log()).not.toContain(second);
  });

  it('whose X-Forwarded-For is believed', async () => {
    const lastAddress = async () => {
      const marked = `/${randomBytes(6).toString('hex')}`;
      await ask(marked, { 'x-forwarded-for': '203.0.113.7' });
      const line = new RegExp(`"path":"${marked}".*?"address":"([^"]+)"`);
      await until(
        () => line.test(program.log()),
        () => program.log(),
      );
      return line.exec(program.log())?.[1];
    };
    expect(await lastAddress()).toBe('127.0.0.1');
    await configure({ trustedProxies: ['127.0.0.0/8'] });
    expect(await lastAddress()).toBe('203.0.113.7');
  });

  it('how many failed authentications an address may make', async () => {
    const fail = async () => (await ask('/', { 'x-api-key': randomBytes(16).toString('hex') })).status;
    await configure({ failedAuthentication: '2/hour', trustedProxies: [] });
    const statuses: number[] = [];
    while (!statuses.includes(429) && statuses.length < 20) statuses.push(await fail());
    expect(statuses.at(-1)).toBe(429);
    await configure({ failedAuthentication: 'off' });
    expect(await fail()).toBe(401);
  });

  it('timeouts and bounds', async () => {
    await configure({ timeouts: { firstByte: '50ms' } });
    expect((await ask('/slow')).status).toBe(504);
    services.a.slow.length = 0;
    await configure({ bounds: { inFlight: 1 } });
    const slow = ask('/slow');
    await until(() => services.a.slow.length === 1, scrape);
    expect((await ask()).status).toBe(503);
    await configure();
    expect((await ask()).status).toBe(200);
    services.a.slow.pop()?.end();
    await slow;
  });

  it('new tiers and how much is checked of a key', async () => {
    const shaped = `pg_sk_${'a'.repeat(40)}`;
    await configure({ keys: { file: mount.pathOf('keys.yaml'), checksum: 'ignore' } });
    expect((await ask('/', { 'x-api-key': shaped })).status).toBe(401);
    await configure({ tiers: { standard: { fresh: ['3/minute'] } } });
    expect((await ask()).headers.get('ratelimit-policy')).toContain('q=3');
  });
});
