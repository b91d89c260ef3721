import { spawnSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'dist/console/index.html');

/** Brings `dist` up to date before the first test that runs the program; tsc changes nothing where it is. */
export default function build(): void {
  run('typescript/bin/tsc', '-p', 'tsconfig.build.json');
  if (!isPageCurrent()) run('vite/bin/vite.js', 'build');
}

function isPageCurrent(): boolean {
  if (!existsSync(PAGE)) return false;
  const made = statSync(PAGE).mtimeMs;
  const sources = ['package-lock.json', 'vite.config.ts', ...globSync('src/console/**/*', { cwd: ROOT })];
  return sources.every((path) => statSync(join(ROOT, path)).mtimeMs <= made);
}

function run(program: string, ...args: readonly string[]): void {
  const file = join(ROOT, 'node_modules', program);
  const { status } = spawnSync(process.execPath, [file, ...args], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) throw new Error('the program does not compile');
}
