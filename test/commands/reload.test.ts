import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { WAYS } from './config-mount.ts';
import {
  ask,
  change,
  configOf,
  configure,
  judged,
  metric,
  mount,
  program,
  routeTo,
  scrape,
  services,
  useReloadStage,
  type Fields,
} from './reload-stage.ts';
import { whileOthersAsk } from '../support/while-others-ask.ts';
import { until } from './running-program.ts';

useReloadStage();

describe('a changed configuration', () => {
  it.each(WAYS)('is in force without a failed request: %s', async (way) => {
    const wrong = await whileOthersAsk(
      () => ask(),
      async () => {
        expect((await ask('/new')).body).toBe('a');
        const routes = [routeTo('a'), routeTo('b', { match: { path: '/new' } })];
        const logged = await configure({ routes }, {}, way);
        expect((await ask('/new')).body).toBe('b');
        expect(logged).toContain('"msg":"configuration read anew and in force"');
        expect(await metric('config_last_reload_successful')).toBe(1);
        expect(
          Date.now() / 1000 - (await metric('config_last_reload_success_timestamp_seconds')),
        ).toBeLessThan(60);
      },
    );
    expect(wrong).toEqual([]);
  });

  it('is told by /config and by another hash', async () => {
    const hash = async () => /config_info\{hash="(\w+)"\} 1/.exec(await scrape())?.[1];
    const before = await hash();
    await configure({ tiers: { standard: { default: ['7/minute'] } } });
    expect(await (await fetch(`${program.admin}/config`)).json()).toMatchObject({
      proxy: { tiers: { standard: { default: ['7/minute'] } } },
    });
    expect(await hash()).not.toBe(before);
    expect((await scrape()).match(/^plexgate_config_info\{/gm)).toHaveLength(1);
  });

  it('leaves a request that is under way with what it began with', async () => {
    const answer = ask('/slow');
    await until(() => services.a.slow.length === 1, scrape);
    await configure({ routes: [routeTo('b', { match: { path: '/moved' } })] });
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/moved')).body).toBe('b');
    services.a.slow.pop()?.end('late');
    expect(await answer).toMatchObject({ status: 200, body: 'late' });
  });

  it('takes the series of routes, tiers and upstreams that are gone along, once nothing is under way on them', async () => {
    const tiers = { standard: { default: 'unlimited', golden: ['9/minute'] } };
    await configure({ tiers, routes: [routeTo('a'), routeTo('b', { match: { path: '/gone' } })] });
    await ask('/gone');
    await fetch(`${program.gate}/gone`, { method: 'PROPFIND' });
    const slow = ask('/slow');
    await until(() => services.a.slow.length === 1, scrape);
    for (const label of ['route="/gone"', 'tier="standard/golden"', `upstream="${services.b.origin}"`]) {
      expect(await scrape()).toContain(label);
    }
    await configure({ routes: [routeTo('a', { match: { path: '/left' } })] });
    const after = await scrape();
    for (const label of ['route="/gone"', 'tier="standard/golden"', `upstream="${services.b.origin}"`]) {
      expect(after).not.toContain(label);
    }
    expect(after).toContain('plexgate_http_requests_in_flight{route="/"} 1');
    services.a.slow.pop()?.end();
    await slow;
    await until(async () => !(await scrape()).includes('route="/"'), scrape);
    expect(await scrape()).toContain('route="/left"');
  });
});

describe('a changed configuration that is refused', () => {
  it('is told with every mistake and its place, and the one before stays in force', async () => {
    const wrong = await whileOthersAsk(
      () => ask(),
      async () => {
        const logged = await change({ 'gate.yaml': `${configOf()}\nlogg: {}\nadmin: [1]\n` }, 'write');
        expect(logged).toContain('mistake in the configuration');
        expect(logged).toMatch(/gate\.yaml:2:1 /);
        expect(logged).toContain('configuration refused; the one before stays in force');
        expect(await metric('config_last_reload_successful')).toBe(0);
        await configure();
        expect(await metric('config_last_reload_successful')).toBe(1);
      },
    );
    expect(wrong).toEqual([]);
  });

  it.each([
    ['an unknown field', () => configOf({ colour: 'red' }), 'proxy.colour: unknown field'],
    ['a broken limit', () => configOf({ tiers: { standard: { default: ['7/fortnight'] } } }), '7/fortnight'],
    ['half a file', () => configOf().slice(0, 80), 'gate.yaml:1:'],
    ['no text at all', () => '', 'gate.yaml:1:1'],
    [
      'a keys file that does not exist',
      () => configOf({ keys: { file: '/nowhere/keys.yaml' } }),
      '/nowhere/keys.yaml:1:1 the file does not exist',
    ],
    [
      'a secret file that does not exist',
      () => configOf({}, { admin: { port: 0, token: '${file:/nowhere/token}' } }),
      '/nowhere/token\\" does not exist',
    ],
    [
      'an upstream that this process has not',
      () => {
        const { proxy, ...file } = JSON.parse(configOf({ routes: [{ upstream: 'key-service' }] })) as {
          proxy: Fields;
        };
        const { keys: _, ...rest } = proxy;
        return JSON.stringify({ ...file, proxy: rest, keyService: { port: 0, store: 'sqlite:never.db' } });
      },
      'the key service does not run',
    ],
  ])('%s', async (_, text, told) => {
    const logged = await change({ 'gate.yaml': text() });
    expect(logged).toContain(told);
    expect(await metric('config_last_reload_successful')).toBe(0);
    expect(await ask()).toMatchObject({ status: 200, body: 'a' });
  });
});

describe('what waits for a restart', () => {
  it('is named in the log and counted, while the rest of the change is in force', async () => {
    const logged = await configure(
      {
        port: 1,
        keys: { file: mount.pathOf('keys.yaml'), cacheSize: 7 },
        routes: [routeTo('b')],
      },
      { redis: { url: 'redis://127.0.0.1:1' } },
    );
    expect(logged).toContain('"detail":"redis, proxy.port, proxy.keys.cacheSize"');
    expect(logged).toContain('changed, but in force only after a restart');
    expect(await metric('config_fields_pending')).toBe(3);
    expect(await metric('config_last_reload_successful')).toBe(1);
    expect((await ask()).body).toBe('b');
    const inForce = await (await fetch(`${program.admin}/config`)).json();
    expect(inForce).toMatchObject({ proxy: { port: 0, keys: { cacheSize: 100_000 } } });
    expect(inForce).not.toHaveProperty('redis');
    await configure();
    expect(await metric('config_fields_pending')).toBe(0);
  });
});

it('a file that is written over and over is judged when it stands still', async () => {
  const before = await judged();
  for (let i = 0; i < 20; i++) {
    mount.change('write', { 'gate.yaml': configOf().slice(0, 40 + i) });
    await pause(50);
  }
  await configure({ routes: [routeTo('b')] }, {}, 'write');
  expect((await ask()).body).toBe('b');
  // On a machine that stood still itself, a half may have stood for long enough; none was in force.
  expect(await judged()).toBeGreaterThan(before);
});
