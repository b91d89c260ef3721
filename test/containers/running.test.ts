import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../support/redis-programs.ts';
import { until } from '../support/until.ts';
import { engine, inspect, tryEngine } from './command.ts';
import { IMAGES } from './images.ts';

/** Everything in one process. */
const CONFIG = `
admin: { host: 0.0.0.0 }
proxy:
  routes: [{ upstream: echo }]
  drain: { delay: 0s }
keyService: { store: 'sqlite:plexgate.db' }
`;
const LOCKED = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
/** A new volume, which is gone with the container. */
const DATA = ['--volume', '/var/lib/plexgate'];
const NODE = '/nodejs/bin/node';
/** An idle machine takes a fifth of it. */
const READY_MS = 2_000;

interface State {
  readonly State: {
    readonly Pid: number;
    readonly Running: boolean;
    readonly ExitCode: number;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
}

class Running {
  readonly id: string;
  readonly #ports: readonly number[];

  constructor(id: string, ports: readonly number[]) {
    this.id = id;
    this.#ports = ports;
  }

  get gate(): string {
    return `http://127.0.0.1:${this.#ports[0]}`;
  }

  get admin(): string {
    return `http://127.0.0.1:${this.#ports[1]}`;
  }

  state(): Promise<State['State']> {
    return inspect<State>('container', this.id).then(({ State }) => State);
  }

  /** The exit code and the output of Node in the container. */
  node(...args: string[]) {
    return tryEngine(['exec', this.id, NODE, ...args]);
  }
}

/** The image as it should be run anywhere. */
async function start(more: readonly string[] = []): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-running-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'plexgate.yaml'), CONFIG);
  const ports = await freePorts(2);
  const publish = [8080, 9090].flatMap((port, i) => ['--publish', `127.0.0.1:${ports[i]}:${port}`]);
  const mount = ['--volume', `${folder}:/etc/plexgate:ro`];
  const id = await engine([
    'run',
    '--detach',
    ...LOCKED,
    ...DATA,
    ...publish,
    ...mount,
    ...more,
    IMAGES.gate,
  ]);
  onTestFinished(async () => {
    await engine(['rm', '--force', '--volumes', id]);
    rmSync(folder, { recursive: true });
  });
  return new Running(id, ports);
}

async function isReady({ admin }: Running): Promise<boolean> {
  return (await fetch(`${admin}/readyz`)).status === 200;
}

it('it runs read-only, without capabilities, as 65532, and can write to its data alone', async () => {
  const running = await start();
  await until('it is ready', () => isReady(running));
  expect((await fetch(running.gate)).status).toBe(401);
  const { stdout } = await running.node('-p', "fs.readFileSync('/proc/1/status', 'utf8')");
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  expect([field('Uid'), field('Gid')]).toEqual(['65532\t65532\t65532\t65532', '65532\t65532\t65532\t65532']);
  expect([field('CapEff'), field('CapPrm'), field('CapBnd')].map((mask) => BigInt(`0x${mask}`))).toEqual([
    0n,
    0n,
    0n,
  ]);
  expect([field('NoNewPrivs'), field('Seccomp')]).toEqual(['1', '2']);
  for (const place of ['/x', '/app/x', '/app/dist/main.js', '/etc/plexgate/x']) {
    const { code, stderr } = await running.node('-e', `fs.writeFileSync('${place}', '')`);
    expect([place, code]).toEqual([place, 1]);
    expect(stderr).toMatch(/EROFS|EACCES/);
  }
  expect((await running.node('-e', "fs.writeFileSync('/var/lib/plexgate/x', '')")).code).toBe(0);
});

it('it is ready within a second of its start, with room for a busy machine', async () => {
  const tookMs: number[] = [];
  for (let i = 0; i < 3; i++) {
    const running = await start();
    await until('it is ready', () => isReady(running));
    const readyAt = Date.now();
    tookMs.push(readyAt - Date.parse((await running.state()).StartedAt));
  }
  process.stderr.write(`start to ready: ${tookMs.sort((a, b) => a - b).join(', ')} ms\n`);
  expect(Math.min(...tookMs)).toBeLessThan(READY_MS);
});

it('its health check is well where the process is well, and says so where it is not', async () => {
  const running = await start();
  await until('it is ready', () => isReady(running));
  const check = ['/app/dist/main.js', 'healthcheck'];
  expect(await running.node(...check)).toMatchObject({ code: 0, stderr: '' });
  const { code, stderr } = await running.node(...check, '--url', 'http://127.0.0.1:3999/livez');
  expect(stderr).toContain('plexgate: GET http://127.0.0.1:3999/livez: no answer: nothing listens there');
  expect(code).toBe(1);
});

it('as the first process of its container it takes SIGTERM, and has ended with 0 within a second where it is idle', async () => {
  const running = await start();
  await until('it is ready', () => isReady(running));
  const startedAt = performance.now();
  await engine(['stop', '--time', '10', running.id]);
  const tookMs = performance.now() - startedAt;
  expect(await running.state()).toMatchObject({ Running: false, ExitCode: 0 });
  process.stderr.write(`stop: ${tookMs.toFixed(0)} ms\n`);
  // Were the signal not taken it would be 10 s.
  expect(tookMs).toBeLessThan(5_000);
});

it('a start without a configuration says what is missing, and ends with 1', async () => {
  const { code, stderr } = await tryEngine(['run', '--rm', ...LOCKED, IMAGES.gate]);
  expect(stderr).toContain('/etc/plexgate/plexgate.yaml');
  expect(code).toBe(1);
});

it('its heap is at most three fifths of the memory it is given, and three times 16 MiB for young objects', async () => {
  const script = "console.log(require('node:v8').getHeapStatistics().heap_size_limit)";
  const run = ['run', '--rm', '--memory', '256m', '--entrypoint', NODE, IMAGES.gate, '-e', script];
  const limit = Number(await engine(run));
  expect(limit).toBeGreaterThan(100 * 2 ** 20);
  expect(limit).toBeLessThanOrEqual((0.65 * 256 + 3 * 16) * 2 ** 20);
});
