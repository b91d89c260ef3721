import { spawnSync } from 'node:child_process';

/** Brings `dist` up to date before the first test that runs the program; tsc changes nothing where it is. */
export default function build(): void {
  const root = `${import.meta.dirname}/../..`;
  const args = [`${root}/node_modules/typescript/bin/tsc`, '-p', 'tsconfig.build.json'];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('the program does not compile');
}
