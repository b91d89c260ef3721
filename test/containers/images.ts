import { execFileSync } from 'node:child_process';
import { globSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findPostgres } from '../support/find-postgres.ts';
import { programs as redisPrograms } from '../support/redis-programs.ts';
import { engine, engineKind } from './command.ts';
import type { EngineKind } from './engine.ts';
import { RootFolder } from './root-folder.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** Made on this machine, since no registry may be in reach; each is gone with the engine's folder. */
export const IMAGES = {
  gate: 'localhost/plexgate-test/plexgate:test',
  app: 'localhost/plexgate-test/app:test',
  redis: 'localhost/plexgate-test/redis:test',
  postgres: 'localhost/plexgate-test/postgres:test',
  buildBase: 'localhost/plexgate-test/node-build:test',
  runtimeBase: 'localhost/plexgate-test/node-runtime:test',
} as const;

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const PASSWD = ['root:x:0:0::/root:/sbin/nologin', 'server:x:70:70::/:/sbin/nologin', ''].join('\n');

/** Two builds of the same sources are then the same image. */
export const FIXED_TIME: Readonly<Record<EngineKind, readonly string[]>> = {
  podman: ['--timestamp', '0'],
  docker: [],
};

type Build = (args: readonly string[]) => Promise<string>;

/** All images, the gate's from the Dockerfile. */
export async function buildImages(env: NodeJS.ProcessEnv): Promise<void> {
  const build: Build = (args) => engine(['build', ...args], '', env);
  await buildStandIn(build, IMAGES.runtimeBase, runtimeBase(), [
    'USER 65532:65532',
    'ENTRYPOINT ["/nodejs/bin/node"]',
  ]);
  await buildStandIn(build, IMAGES.buildBase, buildBase(), buildBaseLines());
  await Promise.all([
    buildGate({ env, more: FIXED_TIME[engineKind(env)] }),
    buildApp(build),
    buildStandIn(build, IMAGES.redis, redis(), redisLines()),
    buildStandIn(build, IMAGES.postgres, postgres(), postgresLines()),
  ]);
}

export interface GateBuild {
  readonly env?: NodeJS.ProcessEnv;
  readonly tag?: string;
  readonly context?: string;
  readonly more?: readonly string[];
}

/** The image of the Dockerfile on stand-ins for its two bases. What the build says. */
export function buildGate({
  env = process.env,
  tag = IMAGES.gate,
  context = ROOT,
  more = [],
}: GateBuild): Promise<string> {
  const bases = [
    '--build-arg',
    `BUILD_IMAGE=${IMAGES.buildBase}`,
    '--build-arg',
    `RUNTIME_IMAGE=${IMAGES.runtimeBase}`,
  ];
  return engine(['build', '--tag', tag, ...bases, ...more, context], '', env);
}

async function buildStandIn(
  build: Build,
  tag: string,
  root: RootFolder,
  lines: readonly string[],
): Promise<void> {
  const file = `${root.path}.dockerfile`;
  try {
    writeFileSync(file, ['FROM scratch', 'COPY . /', ...lines, ''].join('\n'));
    await build(['--quiet', '--tag', tag, '--file', file, root.path]);
  } finally {
    root.remove();
    rmSync(file, { force: true });
  }
}

/** As distroless has it: Node at /nodejs/bin/node, the user 65532, no shell. */
function runtimeBase(): RootFolder {
  return new RootFolder()
    .program(process.execPath, '/nodejs/bin/node')
    .copy(CERTIFICATES)
    .text('/etc/passwd', `${PASSWD}nonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n`)
    .text('/etc/group', 'root:x:0:\nnonroot:x:65532:\n')
    .text('/etc/nsswitch.conf', 'hosts: files dns\n')
    .folder('/home/nonroot')
    .folder('/var/lib')
    .folder('/tmp', 0o1777);
}

/** Of vite, the one package of the build with native code. */
const BUNDLERS = 'node_modules/@rolldown/binding-*/*.node';

/** Node, npm, a shell and glibc whole, as the official image has them. */
function buildBase(): RootFolder {
  // Its command is a link to bin/npm-cli.js.
  const npm = dirname(dirname(realpathSync(whereIs('npm'))));
  const root = new RootFolder();
  for (const bundler of globSync(BUNDLERS)) root.librariesOf(bundler);
  return root
    .program(process.execPath, '/usr/local/bin/node')
    .program('/bin/sh')
    .program('/usr/bin/env')
    .copy(npm, '/usr/local/lib/node_modules/npm')
    .text(
      '/usr/local/bin/npm',
      '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n',
      0o755,
    )
    .copy(CERTIFICATES)
    .text('/etc/passwd', PASSWD)
    .text('/etc/nsswitch.conf', 'hosts: files dns\n')
    .folder('/root')
    .folder('/tmp', 0o1777);
}

/** Npm takes packages from where this machine takes them, and trusts whom it trusts. */
function buildBaseLines(): string[] {
  const registry = npmSays(['config', 'get', 'registry']);
  return [
    'ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/root',
    `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES} npm_config_registry=${registry} npm_config_update_notifier=false`,
  ];
}

function npmSays(args: readonly string[]): string {
  return execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

function redis(): RootFolder {
  const { server } = redisPrograms();
  const file = server.includes('/') ? server : whereIs(server);
  return new RootFolder()
    .program(file, '/usr/bin/redis-server')
    .text('/etc/passwd', PASSWD)
    .folder('/data', 0o777);
}

function redisLines(): string[] {
  const settings = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '', '--appendonly', 'no'];
  return [
    'WORKDIR /data',
    'USER 70:70',
    'EXPOSE 6379',
    `ENTRYPOINT ${JSON.stringify(['/usr/bin/redis-server', ...settings])}`,
  ];
}

function whereIs(program: string): string {
  return execFileSync('/bin/sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
}

/** Where Debian's PostgreSQL has its programs; the server looks for its other files from there. */
function postgresPrograms(): string {
  return dirname(realpathSync(join(findPostgres(), 'postgres')));
}

function postgres(): RootFolder {
  const programs = postgresPrograms();
  const libraries = join(programs, '../lib');
  const [, version = ''] = /postgresql\/(\d+)\//.exec(programs) ?? [];
  const root = new RootFolder()
    .program(join(programs, 'postgres'))
    .program(join(programs, 'initdb'))
    .program('/bin/sh')
    .copy(`/usr/share/postgresql/${version}`)
    .text('/etc/passwd', PASSWD)
    .folder('/run')
    .folder('/tmp', 0o1777)
    .folder('/data', 0o777);
  // What every new database has.
  for (const name of ['dict_snowball.so', 'plpgsql.so']) root.copy(join(libraries, name));
  return root;
}

/** An empty database `plexgate` whose user needs no password: it can be reached from the tests' network alone. */
function postgresLines(): string[] {
  const programs = postgresPrograms();
  const initdb = [join(programs, 'initdb'), '-D', '/data/store', '-U', 'plexgate', '-E', 'UTF8'];
  const settings = ['listen_addresses=*', 'unix_socket_directories=/tmp', 'fsync=off', 'jit=off'];
  return [
    'ENV LC_ALL=C',
    'USER 70:70',
    `RUN ${JSON.stringify([...initdb, '--locale=C', '--auth=trust', '--no-sync'])}`,
    'RUN ["/bin/sh", "-c", "echo host all all all trust >> /data/store/pg_hba.conf"]',
    'EXPOSE 5432',
    `ENTRYPOINT ${JSON.stringify([join(programs, 'postgres'), '-D', '/data/store', ...settings.flatMap((setting) => ['-c', setting])])}`,
  ];
}

/** The service behind the gate of a pod. */
async function buildApp(build: Build): Promise<void> {
  const file = join(import.meta.dirname, 'app/dockerfile');
  await build([
    '--quiet',
    '--tag',
    IMAGES.app,
    '--build-arg',
    `BASE=${IMAGES.runtimeBase}`,
    '--file',
    file,
    dirname(file),
  ]);
}
