import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type EngineKind = 'podman' | 'docker';

/** What runs containers for the tests, and ends with them. */
export interface Engine {
  readonly kind: EngineKind;
  /** For its own command, and for everything that speaks to it over Docker's API. */
  readonly env: Readonly<NodeJS.ProcessEnv>;
  close(): Promise<void>;
}

export const KIND_VARIABLE = 'PLEXGATE_CONTAINER_ENGINE';
const DEBIAN_PACKAGES = ['podman', 'runc', 'netavark', 'aardvark-dns', 'catatonit', 'iptables'];
const ANSWERS_WITHIN_MS = 20_000;

/**
 * Podman where it is, else Docker, else podman from Debian where that is possible; null where there is none. The
 * variable `PLEXGATE_CONTAINER_ENGINE` allows only the one it names.
 */
export async function findEngine(): Promise<Engine | null> {
  const wanted = process.env[KIND_VARIABLE];
  const may = (kind: EngineKind): boolean => wanted === undefined || wanted === kind;
  if (may('podman') && succeeds('podman', ['--version'])) return startPodman();
  if (may('docker') && succeeds('docker', ['info'])) return dockerEngine();
  if (may('podman') && installsPodman()) return startPodman();
  return null;
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function installsPodman(): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false;
  process.stderr.write('tests: neither podman nor Docker is there; installing podman from Debian\n');
  // At run level 1 Debian starts no service of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update'], { stdio: 'ignore', env });
  const install = ['install', '-y', '--no-install-recommends', ...DEBIAN_PACKAGES];
  spawnSync('apt-get', install, { stdio: 'ignore', env });
  return succeeds('podman', ['--version']);
}

function dockerEngine(): Engine {
  const env = { ...process.env, ...FOR_TESTCONTAINERS, [KIND_VARIABLE]: 'docker' };
  return { kind: 'docker', env, close: () => Promise.resolve() };
}

const FOR_TESTCONTAINERS = {
  // Its image for cleaning up would have to be pulled; the tests clean up themselves.
  TESTCONTAINERS_RYUK_DISABLED: 'true',
  // It takes a machine with a /.dockerenv for a container, and looks for ports at the bridge.
  TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
};

/** Podman with its API on a socket. Images, containers, settings and networks are in a temporary folder. */
async function startPodman(): Promise<Engine> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-podman-'));
  const socket = join(folder, 'podman.sock');
  const env = {
    ...process.env,
    ...FOR_TESTCONTAINERS,
    [KIND_VARIABLE]: 'podman',
    CONTAINERS_CONF: write(join(folder, 'containers.conf'), containersConf(folder)),
    CONTAINERS_STORAGE_CONF: write(join(folder, 'storage.conf'), storageConf(folder)),
    DOCKER_HOST: `unix://${socket}`,
    // What builds keep from one step to the next goes with the rest.
    TMPDIR: folder,
    // Health checks are run by the tests; podman would ask systemd, which may not be there.
    DISABLE_HC_SYSTEMD: 'true',
  };
  const log = join(folder, 'service.log');
  const script = `exec podman system service --time=0 "unix://$0" >"${log}" 2>&1`;
  const service = spawn('/bin/sh', ['-c', script, socket], { env, stdio: 'ignore' });
  const engine: Engine = { kind: 'podman', env, close: () => closePodman(service, folder, env) };
  if (await answers(socket, service)) return engine;
  const why = readFileSync(log, 'utf8');
  await engine.close();
  throw new Error(`podman's service does not start: ${why}`);
}

function write(file: string, text: string): string {
  writeFileSync(file, text);
  return file;
}

function containersConf(folder: string): string {
  const networks = join(folder, 'networks');
  mkdirSync(networks);
  const isRoot = process.getuid?.() === 0;
  const files = spawnSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim();
  return [
    '[containers]',
    // More than a process has itself it may not be allowed to give.
    ...(isRoot && /^\d+$/.test(files)
      ? [`default_ulimits = ["nofile=${files}:${files}", "nproc=32768:32768"]`]
      : []),
    '[engine]',
    ...(isRoot && succeeds('runc', ['--version']) ? ['runtime = "runc"'] : []),
    ...(existsSync('/run/systemd/system') ? [] : ['cgroup_manager = "cgroupfs"']),
    'events_logger = "file"',
    `tmp_dir = "${join(folder, 'tmp')}"`,
    '[network]',
    `network_config_dir = "${networks}"`,
    '',
  ].join('\n');
}

function storageConf(folder: string): string {
  const lines = ['driver = "overlay"', `graphroot = "${folder}/images"`, `runroot = "${folder}/run"`];
  return ['[storage]', ...lines, ''].join('\n');
}

async function answers(socket: string, service: ChildProcess): Promise<boolean> {
  const until = performance.now() + ANSWERS_WITHIN_MS;
  while (performance.now() < until && service.exitCode === null) {
    const connection = connect(socket);
    const connected = await Promise.race([
      once(connection, 'connect').then(() => true),
      once(connection, 'error').then(() => false),
    ]).catch(() => false);
    connection.destroy();
    if (connected) return true;
    await sleep(50);
  }
  return false;
}

async function closePodman(service: ChildProcess, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  spawnSync('podman', ['rm', '--all', '--force', '--time', '0'], { env, stdio: 'ignore' });
  spawnSync('podman', ['network', 'prune', '--force'], { env, stdio: 'ignore' });
  if (service.exitCode === null && service.signalCode === null) {
    service.kill('SIGTERM');
    await once(service, 'exit');
  }
  for (const place of mountsIn(folder)) spawnSync('umount', [place], { stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
}

/** The innermost first. */
function mountsIn(folder: string): string[] {
  if (!existsSync('/proc/mounts')) return [];
  const places = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  return places.filter((place) => place.startsWith(`${folder}/`)).toReversed();
}
