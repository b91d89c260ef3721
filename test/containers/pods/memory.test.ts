import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { makeKey } from '../../../proof/revocation/admin.ts';
import { CHART } from '../../chart/helm.ts';
import { Fleet } from '../fleet.ts';
import type { LoadOrder, LoadReport } from '../load.ts';
import { memoryOf } from './memory.ts';
import { Pod } from './pod.ts';

const LOAD_S = Number(process.env['PLEXGATE_LOAD_SECONDS'] ?? 20);
const KEYS = 50;
const MIB = 2 ** 20;
const LIMIT_BYTES = chartsLimit();

let fleet: Fleet;
let pod: Pod;
const keys: string[] = [];

beforeAll(async () => {
  fleet = await Fleet.start();
  const limits = ['900000000/minute'];
  for (let i = 0; i < KEYS; i++) {
    const owner = { profile: 'standard', tier: 'default', limits };
    await fleet.admin.putOwner(`owner-${i}`, owner);
    keys.push((await makeKey(fleet.admin, `owner-${i}`)).key);
  }
  pod = await Pod.play('loaded', fleet);
  await pod.untilReady();
});
afterAll(async () => {
  await pod?.remove();
  await fleet?.stop();
});

async function load(order: Omit<LoadOrder, 'url' | 'keys'>): Promise<LoadReport> {
  const program = join(import.meta.dirname, '../load.ts');
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify({ url: pod.url, keys, ...order }));
  return JSON.parse(await text(child.stdout)) as LoadReport;
}

it(
  `${LOAD_S} s of full load do not end a sidecar with the chart's memory limit`,
  async () => {
    const { State: before, HostConfig } = await pod.container('plexgate');
    expect(HostConfig.Memory).toBe(LIMIT_BYTES);
    const idle = memoryOf(before.Pid);
    const { answers, failures } = await load({
      connections: 256,
      forMs: LOAD_S * 1000,
      bodyEvery: 10,
      bodyBytes: 256 * 1024,
    });
    const { State: after } = await pod.container('plexgate');
    expect({ pid: after.Pid, running: after.Running, killed: after.OOMKilled }).toEqual({
      pid: before.Pid,
      running: true,
      killed: false,
    });
    const use = memoryOf(after.Pid);
    const perSecond = Math.round((answers['200'] ?? 0) / LOAD_S);
    process.stderr.write(
      `memory: idle ${mib(idle.peakResidentBytes)}, after ${LOAD_S} s at ${perSecond} requests/s (${answers['503'] ?? 0} were 503) ` +
        `resident ${mib(use.peakResidentBytes)}, container ${mib(use.peakBytes)}, limit ${mib(LIMIT_BYTES)}\n`,
    );
    expect(failures).toEqual({});
    // With more asked than the machine can answer in time, what cannot be known in time is 503.
    expect(Object.keys(answers).filter((status) => status !== '200' && status !== '503')).toEqual([]);
    expect(answers['200']).toBeGreaterThan(10 * (answers['503'] ?? 0));
    expect(use.kills).toBe(0);
    expect(use.peakResidentBytes).toBeLessThan(LIMIT_BYTES);
  },
  (LOAD_S + 60) * 1000,
);

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}

/** What the chart gives a gate of which the values say nothing else. */
function chartsLimit(): number {
  const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as {
    resources: { limits: { memory: string } };
  };
  const { memory } = values.resources.limits;
  const [, number] = /^(\d+)Mi$/.exec(memory) ?? [];
  if (number === undefined) throw new Error(`not a number of MiB: ${memory}`);
  return Number(number) * MIB;
}
