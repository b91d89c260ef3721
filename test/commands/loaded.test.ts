import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { MAIN, makeFolder, placesOf, startCommand } from './program.ts';

/** Tells, as the process ends, which packages it has loaded. */
const TELLING = `
import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({
  load(url, context, next) {
    const [, name] = /\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\/(?!.*\\/node_modules\\/)/.exec(url) ?? [];
    if (name !== undefined) packages.add(name);
    return next(url, context);
  },
});
process.on('exit', () => console.error('loaded ' + [...packages].sort().join(' ')));
`;

async function loadedWith(config: string): Promise<string[]> {
  const folder = makeFolder(config);
  onTestFinished(() => folder.remove());
  const hooks = join(folder.path, 'hooks.mjs');
  writeFileSync(hooks, TELLING);
  const run = ['--import', hooks, MAIN, 'run', '--config', folder.config];
  const program = startCommand(process.execPath, run, folder.path);
  await placesOf(program);
  program.signal('SIGINT');
  const { stderr } = await program.ended;
  return /^loaded (.*)$/m.exec(stderr)?.[1]?.split(' ') ?? [];
}

const GATE = `
admin: { port: 0 }
proxy: { port: 0, routes: [{ upstream: 'http://127.0.0.1:9', auth: none }] }
`;
const OF_KEY_SERVICE: ReadonlySet<string> = new Set(['fastify', 'kysely', 'pg']);

it('a gate by itself loads nothing of the key service, and one with a store of its own nothing of PostgreSQL', async () => {
  const alone = await loadedWith(GATE);
  expect(alone).toContain('zod');
  expect(alone.filter((name) => OF_KEY_SERVICE.has(name))).toEqual([]);
  const both = await loadedWith(`${GATE}keyService: { port: 0 }\n`);
  expect(both.filter((name) => OF_KEY_SERVICE.has(name))).toEqual(['fastify', 'kysely']);
});
