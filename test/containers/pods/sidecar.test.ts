import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey } from '../../../proof/revocation/admin.ts';
import { until } from '../../support/until.ts';
import { tryEngine } from '../command.ts';
import { Fleet } from '../fleet.ts';
import { IMAGES } from '../images.ts';
import { Pod } from './pod.ts';

const APP_PORT = 3000;
let fleet: Fleet;
let key: string;

beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.admin.putOwner('acme', { profile: 'standard', tier: 'default' });
  ({ key } = await makeKey(fleet.admin, 'acme'));
});
afterAll(() => fleet?.stop());

/** What becomes of a connection from this machine. */
function connecting(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5_000 });
    const settle = (outcome: string): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once('connect', () => settle('connected'));
    socket.once('timeout', () => settle('no answer'));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => settle(String(code)));
  });
}

/** What becomes of a request from another container of the same network. */
async function asking(url: string): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}).then((a) => console.log(a.status), (e) => console.log(e.cause.code))`;
  const run = ['run', '--rm', '--network', fleet.network.getName(), '--entrypoint', '/nodejs/bin/node'];
  return (await tryEngine([...run, IMAGES.gate, '-e', script])).stdout.trim();
}

describe('a pod with the gate beside the service', () => {
  let pod: Pod;
  let address: string;

  beforeAll(async () => {
    pod = await Pod.play('guarded', fleet);
    await pod.untilReady();
    address = await pod.address();
  });
  afterAll(() => pod?.remove());

  it('lets a request with a key through, which the service never sees', async () => {
    const answer = await fetch(`${pod.url}/things?a=1`, { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
    const text = await answer.text();
    const seen = JSON.parse(text) as { method: string; url: string; headers: Record<string, string> };
    expect(seen).toMatchObject({ method: 'GET', url: '/things?a=1', headers: { 'x-owner-id': 'acme' } });
    expect(text).not.toContain(key);
  });

  it('refuses a request without a key, and one that claims to be somebody', async () => {
    expect((await fetch(pod.url)).status).toBe(401);
    const headers = { 'x-owner-id': 'acme', 'x-forwarded-for': '127.0.0.1' };
    expect((await fetch(pod.url, { headers })).status).toBe(401);
  });

  it('leaves no other way to the service, from this machine or from another container', async () => {
    expect(await connecting(address, 8080)).toBe('connected');
    expect(await connecting(address, APP_PORT)).toBe('ECONNREFUSED');
    expect(await asking(`http://${address}:8080/`)).toBe('401');
    expect(await asking(`http://${address}:${APP_PORT}/`)).toBe('ECONNREFUSED');
    expect((await pod.log('app')).trim()).toBe('');
  });

  it('runs with nothing to write to, as nobody, without capabilities', async () => {
    const { State, HostConfig } = await pod.container('plexgate');
    const status = readFileSync(`/proc/${State.Pid}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
    expect(field('Uid')).toBe('65532\t65532\t65532\t65532');
    expect(BigInt(`0x${field('CapEff')}`)).toBe(0n);
    expect(BigInt(`0x${field('CapBnd')}`)).toBe(0n);
    expect(field('NoNewPrivs')).toBe('1');
    expect(HostConfig.ReadonlyRootfs).toBe(true);
  });
});

describe('a pod whose gate is missing', () => {
  let pod: Pod;

  beforeAll(async () => {
    pod = await Pod.play('unguarded', fleet, ['plexgate']);
    await until('the service runs', async () => (await pod.container('app')).State.Running);
  });
  afterAll(() => pod?.remove());

  it('is reached by nobody: nothing listens where the gate would, and the service only on loopback', async () => {
    const address = await pod.address();
    // The service is there, as it would be for its gate.
    const script = `fetch('http://127.0.0.1:${APP_PORT}').then((a) => console.log(a.status))`;
    await until('the service answers on loopback', async () => {
      const { stdout } = await tryEngine(['exec', 'unguarded-app', '/nodejs/bin/node', '-e', script]);
      return stdout.trim() === '200';
    });
    for (const port of [8080, APP_PORT]) {
      expect(await connecting(address, port)).toBe('ECONNREFUSED');
      expect(await asking(`http://${address}:${port}/`)).toBe('ECONNREFUSED');
    }
    await expect(fetch(pod.url)).rejects.toThrow('fetch failed');
  });
});
