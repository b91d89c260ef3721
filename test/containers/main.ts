import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { findEngine } from './engine.ts';
import { buildImages, ROOT } from './images.ts';

/**
 * `npm run test:containers`: finds an engine, builds the images and runs the tests of this folder. Arguments are
 * vitest's. Ends with 3 where containers cannot be run here at all.
 */
const CANNOT_RUN = 3;

async function main(): Promise<number> {
  if (process.platform !== 'linux') {
    process.stderr.write('test:containers: needs Linux, whose programs go into the images\n');
    return CANNOT_RUN;
  }
  const engine = await findEngine();
  if (engine === null) {
    process.stderr.write('test:containers: needs podman or Docker; on Debian: apt-get install podman runc\n');
    return CANNOT_RUN;
  }
  try {
    const startedAt = performance.now();
    await buildImages(engine.env);
    const tookS = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stderr.write(`test:containers: ${engine.kind}, images built in ${tookS} s\n`);
    return await runTests(
      engine.kind === 'podman' ? [] : ['--exclude', 'test/containers/pods/**'],
      engine.env,
    );
  } finally {
    await engine.close();
  }
}

async function runTests(exclude: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  if (exclude.length > 0)
    process.stderr.write('test:containers: the tests of pods need podman; they are left out\n');
  const args = ['run', '--project', 'containers', ...exclude, ...process.argv.slice(2)];
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, ...args], { cwd: ROOT, env, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

// Ctrl-C reaches the tests as well; what they leave behind is cleared away when they have ended.
process.on('SIGINT', () => undefined);
process.exitCode = await main();
