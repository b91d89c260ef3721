import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { digestOf } from '../../src/core/secret.ts';
import { ConfigMount, WAYS } from '../../test/commands/config-mount.ts';
import { startGateProcess, until, type RunningProgram } from '../../test/commands/running-program.ts';
import { percentile } from '../revocation/percentile.ts';
import type { Findings, Proof, Stage } from '../revocation/proof.ts';
import { Scrape } from '../revocation/scrape.ts';
import { startUpstream } from '../revocation/upstream.ts';
import { SteadyLoad } from './steady-load.ts';

const PER_SECOND = 1000;
const CONNECTIONS = 20;
const LIVE_WITHIN_MS = 2000;
const BROKEN = join(import.meta.dirname, '../../test/config/bad');

interface Running {
  readonly mount: ConfigMount;
  readonly program: RunningProgram;
  readonly upstream: string;
  readonly key: string;
}

/** Changed files take effect, broken ones are refused, and no request fails. */
export const reloads: Proof = {
  name: 'reloads',
  async run(stage, findings) {
    const running = await start(stage);
    const { mount, program, upstream, key } = running;
    const port = Number(new URL(program.gate).port);
    const scrape = () => Scrape.of(Number(new URL(program.admin).port));
    const load = new SteadyLoad({
      perSecond: PER_SECOND,
      connections: CONNECTIONS,
      key,
      ports: () => [port],
    });
    const startedAt = performance.now();
    await changeAgainAndAgain(running, stage.quick ? 10 : 100, findings);
    await breakAgainAndAgain(running, stage.quick ? 5 : 25, findings);
    await load.stop();
    const rate = load.answered / ((performance.now() - startedAt) / 1000);
    findings.note(`${load.answered} requests, ${rate.toFixed(0)}/s`);
    for (const failure of load.failures) findings.must(false, failure);
    mount.change('swap', { 'gate.yaml': configOf(mount, upstream, null) });
    await until(
      async () => (await scrape()).sum('plexgate_config_last_reload_successful') === 1,
      () => program.log().slice(-2000),
    );
    const left = (await scrape()).text.match(/(?:route="\/live|tier="standard\/tier)-[1-9]\d*"/g) ?? [];
    findings.must(left.length === 0, `series of what is gone are left: ${[...new Set(left)].join(', ')}`);
  },
};

async function start(stage: Stage): Promise<Running> {
  const { origin } = await startUpstream(stage);
  const key = randomBytes(16).toString('hex');
  const keys = `owners: [{ id: acme, profile: standard, tier: default }]
keys: [{ sha256: ${digestOf(key)}, owner: acme, name: one, profile: standard, permission: read_write }]
`;
  const mount = new ConfigMount({ 'keys.yaml': keys, 'gate.yaml': '' });
  stage.atEnd(() => mount.remove());
  // Where it listens is said at this level; a line for each request would only be in the way.
  const first = configOf(mount, origin, null).replace('"warn"', '"info"');
  mount.change('swap', { 'gate.yaml': first });
  const program = await startGateProcess(mount.pathOf('gate.yaml'), mount.folder);
  stage.atEnd(() => program.stop());
  mount.change('swap', { 'gate.yaml': configOf(mount, origin, null) });
  await until(
    async () => (await (await fetch(`${program.admin}/config`)).text()).includes('"level": "warn"'),
    () => program.log(),
  );
  return { mount, program, upstream: origin, key };
}

/** With a route, a tier and a limit of this number. */
function configOf(mount: ConfigMount, upstream: string, number: number | null): string {
  const route = { profile: 'standard', upstream };
  return JSON.stringify({
    admin: { port: 0 },
    proxy: {
      host: '127.0.0.1',
      port: 0,
      keys: { file: mount.pathOf('keys.yaml') },
      tiers: {
        standard: { default: [`${1_000_000 + (number ?? 0)}/minute`], [`tier-${number ?? 0}`]: 'unlimited' },
      },
      routes:
        number === null ? [route] : [route, { ...route, match: { path: `/live-${number}` }, auth: 'none' }],
    },
    log: { level: 'warn' },
  });
}

async function changeAgainAndAgain(
  { mount, program, upstream }: Running,
  count: number,
  findings: Findings,
): Promise<void> {
  const tookMs: number[] = [];
  for (let i = 1; i <= count; i++) {
    const changedAt = performance.now();
    mount.change(WAYS[i % WAYS.length] ?? 'swap', { 'gate.yaml': configOf(mount, upstream, i) });
    // A path without a route of its own asks for a key.
    const isLive = async () => (await fetch(`${program.gate}/live-${i}`)).status === 200;
    await until(isLive, () => program.log().slice(-2000));
    tookMs.push(performance.now() - changedAt);
  }
  const most = Math.max(...tookMs);
  findings.inTime(most <= LIVE_WITHIN_MS, `a change was live after ${most.toFixed(0)} ms`);
  findings.note(
    `${count} changes, live after ${percentile(tookMs, 0.5).toFixed(0)} ms (median), ${most.toFixed(0)} ms at most`,
  );
}

async function breakAgainAndAgain(
  { mount, program, upstream }: Running,
  count: number,
  findings: Findings,
): Promise<void> {
  const broken = brokenFiles(mount.pathOf('gate.yaml'));
  findings.must(broken.length >= count, `there are ${broken.length} broken files only`);
  const chosen = broken.filter((_, i) => i % Math.floor(broken.length / count) === 0).slice(0, count);
  for (const [i, { name, text, mistakes }] of chosen.entries()) {
    const said = program.log().length;
    mount.change(WAYS[i % WAYS.length] ?? 'swap', { 'gate.yaml': text });
    await until(
      () => program.log().slice(said).includes('configuration refused'),
      () => `${name}: ${program.log().slice(said)}`,
    );
    const isTold = (mistake: string): boolean =>
      program.log().slice(said).includes(JSON.stringify(mistake).slice(1, -1));
    const untold = mistakes.filter((mistake) => !isTold(mistake));
    findings.must(untold.length === 0, `${name}: the log does not say ${untold.join(' and ')}`);
    // The one before is as it was.
    const good = await fetch(`${program.gate}/live-1`);
    findings.must(good.status !== 404, `${name}: the routes before are gone`);
    await pause(20);
  }
  mount.change('swap', { 'gate.yaml': configOf(mount, upstream, null) });
  findings.note(`${chosen.length} broken files refused with their places`);
}

/** Those that are wrong wherever they lie, with what is to be said of them. */
function brokenFiles(path: string) {
  return readdirSync(BROKEN)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .map((name) => ({
      name,
      text: readFileSync(join(BROKEN, `${name}.yaml`), 'utf8'),
      mistakes: readFileSync(join(BROKEN, `${name}.txt`), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.replace(`test/config/bad/${name}.yaml`, path)),
    }))
    .filter(({ text }) => text.trim() !== '' && !text.includes('${'));
}
