import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { shipment } from '../../scripts/shipped-packages.ts';
import { engine, engineKind, inspect, tryEngine } from './command.ts';
import { IMAGES, ROOT } from './images.ts';

const NODE = '/nodejs/bin/node';
const MAX_BYTES = 190e6;

interface Image {
  readonly Size: number;
  readonly Architecture: string;
  readonly Config: {
    readonly User: string;
    readonly WorkingDir: string;
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly Env: readonly string[];
    readonly StopSignal: string;
    readonly ExposedPorts: Readonly<Record<string, object>>;
    readonly Labels: Readonly<Record<string, string>>;
    readonly Healthcheck?: HealthCheck;
  };
  /** Podman has it here. */
  readonly Healthcheck?: HealthCheck;
}

interface HealthCheck {
  readonly Test: readonly string[];
}

interface FileIn {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly kind: 'file' | 'folder' | 'link';
}

let image: Image;
let files: readonly FileIn[];

/** Runs in the image, which has no other program to look around with. */
const LIST_FILES = `
const { readdirSync, lstatSync } = require('node:fs');
const found = [];
const walk = (folder) => {
  for (const entry of readdirSync(folder || '/')) {
    const path = folder + '/' + entry;
    if (/^\\/(?:proc|sys|dev)$/.test(path)) continue;
    const at = lstatSync(path);
    const kind = at.isDirectory() ? 'folder' : at.isSymbolicLink() ? 'link' : 'file';
    found.push({ path, mode: at.mode & 0o7777, uid: at.uid, kind });
    if (at.isDirectory()) try { walk(path) } catch {}
  }
};
walk('');
console.log(JSON.stringify(found));
`;

beforeAll(async () => {
  image = await inspect<Image>('image', IMAGES.gate);
  files = JSON.parse(
    await engine(['run', '--rm', '--entrypoint', NODE, IMAGES.gate, '-e', LIST_FILES]),
  ) as FileIn[];
});

/** Of Docker's format. Podman builds in that of registries, which has none; so it adds this instruction again. */
async function healthCheck(): Promise<HealthCheck['Test'] | undefined> {
  if (engineKind() === 'docker') return image.Config.Healthcheck?.Test;
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const [instruction = ''] = /^HEALTHCHECK (?:.*\\\n)*.*$/m.exec(dockerfile) ?? [];
  const tag = 'localhost/plexgate-test/health:test';
  const build = ['build', '--quiet', '--format', 'docker', '--tag', tag, '-'];
  await engine(build, `FROM ${IMAGES.gate}\n${instruction}\n`);
  return (await inspect<Image>('image', tag)).Healthcheck?.Test;
}

describe('the image', () => {
  it('starts the program with node as the first process, as a numbered user', () => {
    const { Config } = image;
    expect(Config.Entrypoint).toEqual([NODE, '/app/dist/main.js']);
    expect(Config.Cmd).toEqual(['run', '--config', '/etc/plexgate/plexgate.yaml']);
    expect(Config.User).toBe('65532:65532');
    expect(Config.WorkingDir).toBe('/var/lib/plexgate');
    expect(Config.StopSignal).toMatch(/^(?:SIGTERM|15)$/);
    expect(Object.keys(Config.ExposedPorts).sort()).toEqual(['8080/tcp', '8081/tcp', '9090/tcp']);
  });

  it('asks itself how it is', async () => {
    expect(await healthCheck()).toEqual(['CMD', NODE, '/app/dist/main.js', 'healthcheck']);
  });

  it('says what it is', () => {
    expect(image.Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Plexgate',
      'org.opencontainers.image.version': packageJson.version,
      'org.opencontainers.image.licenses': packageJson.license,
      'org.opencontainers.image.source': packageJson.repository.url.replace(/^git\+(.*)\.git$/, '$1'),
      'org.opencontainers.image.revision': 'unknown',
    });
  });

  it('sets production and a share of the memory for the heap, and no secret', async () => {
    const set = image.Config.Env.filter((line) => !line.startsWith('PATH='));
    expect(set.sort()).toEqual([
      'NODE_ENV=production',
      'NODE_OPTIONS=--max-old-space-size-percentage=60 --max-semi-space-size=16 --v8-pool-size=1',
      'PLEXGATE_REVISION=unknown',
    ]);
    const history = await engine(['history', '--no-trunc', '--format', '{{.CreatedBy}}', IMAGES.gate]);
    expect(history).not.toMatch(/token|password|secret|pepper/i);
  });

  it(`takes at most ${MAX_BYTES / 1e6} MB unpacked`, () => {
    process.stderr.write(`image: ${(image.Size / 1e6).toFixed(1)} MB unpacked, ${image.Architecture}\n`);
    expect(image.Size).toBeLessThanOrEqual(MAX_BYTES);
  });

  it.each(['sh', 'bash', 'busybox', 'npm', 'npx', 'corepack', 'curl', 'env'])(
    'has no %s',
    async (program) => {
      const { code, stderr } = await tryEngine([
        'run',
        '--rm',
        '--entrypoint',
        program,
        IMAGES.gate,
        '--version',
      ]);
      expect(stderr).toMatch(/not found|no such file/i);
      expect(code).toBe(127);
      expect(files.filter(({ path }) => path.endsWith(`bin/${program}`))).toEqual([]);
    },
  );
});

describe('what lies in the image', () => {
  const under = (folder: string): FileIn[] => files.filter(({ path }) => path.startsWith(`${folder}/`));

  it('is the program, its configurations, its licence and its packages', () => {
    const top = under('/app').filter(({ path }) => path.split('/').length === 3);
    const names = top.map(({ path }) => path.replace('/app/', ''));
    expect(names.sort()).toEqual(['LICENSE', 'config', 'dist', 'node_modules', 'package.json']);
    const built = under('/app/dist').filter(({ kind }) => kind === 'file');
    expect(built.length).toBeGreaterThan(100);
    const page = built.filter(({ path }) => path.startsWith('/app/dist/console/'));
    expect(page.map(({ path }) => path)).toContain('/app/dist/console/index.html');
    expect(built.filter((file) => !file.path.endsWith('.js') && !page.includes(file))).toEqual([]);
  });

  it('has the packages of the lock file that run with the program, and no other', () => {
    const manifests = under('/app/node_modules').filter(({ path }) =>
      /^(?:\/app)?(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/.test(path),
    );
    const installed = manifests.map(({ path }) =>
      path.replace(/^\/app\//, '').replace(/\/package\.json$/, ''),
    );
    expect(installed.sort()).toEqual(
      shipment()
        .packages.map(({ path }) => path)
        .sort(),
    );
  });

  it('runs on every architecture for which there is Node: nothing is native code', () => {
    const { packages } = shipment();
    expect(packages.length).toBeGreaterThan(10);
    expect(under('/app').filter(({ path }) => /\.(?:node|so|wasm32|dylib|dll|exe)$/.test(path))).toEqual([]);
  });

  it('belongs to root and can be written to by nobody else, but for the one folder for data', () => {
    const foreign = files.filter(({ uid }) => uid !== 0).map(({ path }) => path);
    expect(foreign).toEqual(['/var/lib/plexgate']);
    const open = under('/app').filter(({ kind, mode }) => kind !== 'link' && (mode & 0o022) !== 0);
    expect(open).toEqual([]);
  });
});

it('the context of the build is what .dockerignore lets through, and small', async () => {
  const tag = 'localhost/plexgate-test/context:test';
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-context-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'dockerfile');
  writeFileSync(file, 'FROM scratch\nCOPY . /\n');
  await engine(['build', '--quiet', '--tag', tag, '--file', file, ROOT]);
  const { Size } = await inspect<Image>('image', tag);
  expect(Size).toBeLessThan(5e6);
  const id = await engine(['create', tag, '/none']);
  const archive = join(folder, 'context.tar');
  await engine(['export', '--output', archive, id]);
  await engine(['rm', id]);
  const listed = execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).trim().split('\n');
  const top = new Set(listed.map((path) => path.split('/')[0] ?? ''));
  // The engine puts places for its own mounts beside them.
  for (const place of ['etc', 'dev', 'proc', 'sys', 'run', 'tmp', '.dockerenv']) top.delete(place);
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').matchAll(/^!(.+)$/gm);
  expect([...top].sort()).toEqual(Array.from(lines, ([, name = '']) => name).sort());
});
