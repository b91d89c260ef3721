import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateProcess, type RunningProgram } from '../commands/running-program.ts';
import { podOf } from './pods.ts';
import { manifestsOf, only } from './renders.ts';

const KEYS = `
owners: [{ id: acme, profile: standard, tier: default }]
keys: []
`;

/** The gate of the set keys-file, with its file of keys and its ports where this machine has them. */
async function startRendered(folder: string): Promise<RunningProgram> {
  const manifests = await manifestsOf('keys-file', '1.34', '--set', 'externalRedis.url=');
  const rendered = only(manifests, 'ConfigMap').data?.['plexgate.yaml'] ?? '';
  writeFileSync(join(folder, 'keys.yaml'), KEYS);
  writeFileSync(
    join(folder, 'plexgate.yaml'),
    rendered
      .replaceAll('host: 0.0.0.0', 'host: 127.0.0.1')
      .replaceAll(/port: \d+/g, 'port: 0')
      .replace('/etc/plexgate-keys/', `${folder}/`),
  );
  return startGateProcess('plexgate.yaml', folder);
}

/** What the container of `helm test` that asks the gate runs, with the address in its last place. */
async function askingScript(): Promise<readonly string[]> {
  const pod = podOf(only(await manifestsOf('keys-file'), 'Pod'));
  const [, ...args] = pod?.containers[0]?.command ?? [];
  expect(args.at(-1)).toBe('http://demo-plexgate:80/');
  return args.slice(0, -1);
}

async function exitOf(url: string): Promise<number> {
  const running = promisify(execFile)(process.execPath, [...(await askingScript()), url]);
  return running.then(
    () => 0,
    (error: unknown) => (error as { code: number }).code,
  );
}

describe('a gate with the file that the chart renders', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-rendered-'));
  let gate: RunningProgram;
  beforeAll(async () => {
    gate = await startRendered(folder);
  });
  afterAll(async () => {
    await gate.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers what its probes ask', async () => {
    const { template } = only(await manifestsOf('keys-file'), 'Deployment').spec as {
      template: { spec: { containers: { livenessProbe: unknown; readinessProbe: unknown }[] } };
    };
    const { livenessProbe, readinessProbe } = template.spec.containers[0] ?? {};
    for (const probe of [livenessProbe, readinessProbe]) {
      const { path } = (probe as { httpGet: { path: string } }).httpGet;
      expect((await fetch(gate.admin + path)).status).toBe(200);
    }
  });

  it('is what helm test finds', async () => {
    expect(await exitOf(gate.gate)).toBe(0);
    expect((await fetch(gate.gate)).status).toBe(401);
  });

  it('and no other service is, nor one that is not there', async () => {
    const other = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    expect(await exitOf(url)).toBe(1);
    await new Promise((resolve) => other.close(resolve));
    expect(await exitOf(url)).toBe(1);
  });

  it('runs under the options that the container gives to Node', async () => {
    const pod = podOf(only(await manifestsOf('keys-file'), 'Deployment'));
    const env = Object.fromEntries((pod?.containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
    const { status, stderr } = spawnSync(process.execPath, ['-e', '0'], { env, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });
});
