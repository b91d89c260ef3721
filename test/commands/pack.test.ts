import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { until } from '../support/until.ts';
import { defaultConfig, logLines, ROOT, startCommand } from './program.ts';

let folder: string;
let packed: readonly string[];

/** Packs what was built before, and installs it where nothing else is. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plexgate-pack-'));
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { code, stdout, stderr } = await startCommand('npm', pack, ROOT).ended;
  if (code !== 0) throw new Error(stderr);
  const [archive] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  packed = (archive?.files ?? []).map(({ path }) => path);
  const file = join(folder, archive?.filename ?? '');
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', file];
  const installed = await startCommand('npm', install, folder).ended;
  if (installed.code !== 0) throw new Error(installed.stderr);
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As a user types it. */
function npx(args: readonly string[]) {
  return startCommand('npx', ['--offline', 'plexgate', ...args], folder);
}

it('the archive holds the program, the shipped configurations and what a package is expected to hold', () => {
  const rest = packed.filter((path) => !/^dist\/(?:.+\.js$|console\/)/.test(path)).sort();
  const configs = readdirSync(join(ROOT, 'config')).map((name) => `config/${name}`);
  expect(rest).toEqual(['LICENSE', 'README.md', ...configs, 'package.json'].sort());
  expect(packed).toEqual(
    expect.arrayContaining([
      'dist/main.js',
      'dist/cli/healthcheck.js',
      'dist/console/index.html',
      'dist/console/licenses.txt',
    ]),
  );
});

it('an installed package has no development dependency beside it', () => {
  const isInstalled = (name: string): boolean => existsSync(join(folder, 'node_modules', name));
  for (const name of Object.keys(packageJson.dependencies))
    expect([name, isInstalled(name)]).toEqual([name, true]);
  const ofOthers = new Set(['ajv']);
  const development = Object.keys(packageJson.devDependencies).filter((name) => !ofOthers.has(name));
  expect(development.filter(isInstalled)).toEqual([]);
});

it('npx plexgate says its version and finds the shipped configurations good', async () => {
  expect(await npx(['--version']).ended).toMatchObject({ code: 0, stdout: `${packageJson.version}\n` });
  const file = 'node_modules/plexgate/config/plexgate.yaml';
  expect(await npx(['check', '--config', file]).ended).toMatchObject({ code: 0, stdout: `${file}: good\n` });
});

it('npx plexgate run serves, and a Ctrl-C ends it', async () => {
  writeFileSync(join(folder, 'gate.yaml'), defaultConfig());
  // A terminal sends Ctrl-C to all of a group; npx by itself passes no signal on.
  const args = ['--offline', 'plexgate', 'run', '--config', 'gate.yaml'];
  const child = spawn('npx', args, { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  const signal = (name: NodeJS.Signals): boolean => process.kill(-(child.pid ?? 0), name);
  let running = true;
  const ended = once(child, 'close').then(() => (running = false));
  onTestFinished(() => void (running && signal('SIGKILL')));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  await until('the gate listens', () => stdout.includes('gate listens'));
  const gate = logLines(stdout).find(({ msg }) => msg === 'gate listens')?.['url'];
  expect((await fetch(`${String(gate)}/plexe`)).status).toBe(401);
  expect(readFileSync(join(folder, 'data/secrets.json'), 'utf8')).toContain('{');
  signal('SIGINT');
  await ended;
  expect(logLines(stdout).map(({ msg }) => msg)).toContain(
    'stopping; a second signal ends the process at once',
  );
  await expect(fetch(String(gate))).rejects.toThrow('fetch failed');
});

it('nothing of the package can be imported: it is a program', async () => {
  const args = ['--input-type=module', '-e', "await import('plexgate/dist/run.js')"];
  const { code, stderr } = await startCommand(process.execPath, args, folder).ended;
  expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  expect(code).toBe(1);
});
