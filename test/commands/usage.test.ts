import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { MAIN, makeFolder, ROOT, runProgram, startCommand } from './program.ts';

const SHIPPED = ['gateway', 'key-service', 'plexe', 'plexgate', 'plexmcp', 'plextera', 'sidecar'];

describe('plexgate check', () => {
  it('says of a good file that it is good', async () => {
    const { code, stdout, stderr } = await runProgram(['check', '--config', 'config/plexgate.yaml']);
    expect([code, stdout, stderr]).toEqual([0, 'config/plexgate.yaml: good\n', '']);
  });

  it('reports every mistake of a bad file with its place', async () => {
    const folder = makeFolder(
      ['proxy:', '  prot: 8080', '  drain: { delay: 5 }', '  routes: []', 'admin: { port: 90900 }', ''].join(
        '\n',
      ),
    );
    onTestFinished(() => folder.remove());
    const { code, stdout, stderr } = await runProgram(['check', '--config', folder.config]);
    const places = Array.from(stderr.matchAll(/^(.*):(\d+):(\d+) /gm), ([, file, line, column]) => {
      expect(file).toBe(folder.config);
      return [Number(line), Number(column)];
    });
    expect(places).toEqual([
      [2, 3],
      [3, 19],
      [4, 3],
      [5, 16],
    ]);
    expect(stderr.endsWith(`${folder.config}: 4 mistakes\n`)).toBe(true);
    expect([code, stdout]).toEqual([1, '']);
  });

  it('says of a file that is not there that it is not there', async () => {
    const { code, stderr } = await runProgram(['check', '--config', 'config/none.yaml']);
    expect(stderr).toContain('config/none.yaml:1:1 the file does not exist');
    expect(code).toBe(1);
  });
});

it('plexgate schema prints a JSON Schema that knows every section of the shipped files', async () => {
  const { code, stdout, stderr } = await runProgram(['schema']);
  const schema = JSON.parse(stdout) as { $schema: string; properties: object };
  expect([code, stderr]).toEqual([0, '']);
  expect(schema.$schema).toMatch(/^https:\/\/json-schema\.org\//);
  for (const name of SHIPPED) {
    const text = readFileSync(join(ROOT, `config/${name}.yaml`), 'utf8');
    for (const section of Object.keys(parse(text) as object))
      expect(schema.properties).toHaveProperty(section);
  }
});

it('plexgate --version is the version of the package', async () => {
  expect(await runProgram(['--version'])).toMatchObject({ code: 0, stdout: `${packageJson.version}\n` });
});

it('plexgate --help names the commands', async () => {
  const { code, stdout } = await runProgram(['--help']);
  expect(code).toBe(0);
  for (const name of ['run', 'check', 'schema']) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
});

describe('bad usage ends with 2 and says what is wrong', () => {
  it.each([
    ['no command', [], 'Usage: plexgate'],
    ['an unknown command', ['rnu'], "error: unknown command 'rnu'"],
    ['an unknown option', ['check', '--config', 'a', '--strict'], "error: unknown option '--strict'"],
    ['run without --config', ['run'], "error: required option '--config <file>' not specified"],
    ['check without --config', ['check'], "error: required option '--config <file>' not specified"],
    ['--config without a file', ['run', '--config'], "error: option '--config <file>' argument missing"],
    ['a word too many', ['schema', 'yaml'], "error: too many arguments for 'schema'"],
  ])('%s', async (_, args, what) => {
    const { code, stdout, stderr } = await runProgram(args);
    expect(stderr).toContain(what);
    expect([code, stdout]).toEqual([2, '']);
  });
});

describe('under a Node that is too old', () => {
  /** Changes where the program looks for the version. */
  const pretend = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.19.0'}})`;
  const nodes = [
    [
      'one that says so',
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`],
    ],
    ...oldNodes().map((node) => [node, node, []] as const),
  ] as const;

  it.each(nodes)('%s, the program says so in one line', async (_, node, args) => {
    const { code, stdout, stderr } = await startCommand(node, [...args, MAIN, 'schema'], ROOT).ended;
    expect(stderr).toMatch(/^plexgate needs Node 24 or newer; this is \d+\.\d+\.\d+\n$/);
    expect([code, stdout]).toEqual([2, '']);
  });
});

/** The machine's own Node, where it is one that can read modules and is too old for the program. */
function oldNodes(): string[] {
  const folders = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'));
  const node = folders.map((folder) => join(folder, 'node')).find((file) => existsSync(file));
  if (node === undefined) return [];
  const major = Number(/^v(\d+)\./.exec(execFileSync(node, ['--version'], { encoding: 'utf8' }))?.[1]);
  return major >= 16 && major < 24 ? [node] : [];
}

it('npm runs the same program from a clone', async () => {
  const args = ['run', '--silent', 'plexgate', '--', 'check', '--config', 'config/plexgate.yaml'];
  const { code, stdout } = await startCommand('npm', args, ROOT).ended;
  expect([code, stdout]).toEqual([0, 'config/plexgate.yaml: good\n']);
});
