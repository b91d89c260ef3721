import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { inspect } from '../command.ts';
import { buildGate, FIXED_TIME, IMAGES, ROOT } from '../images.ts';

interface Built {
  readonly Digest: string;
  readonly Id: string;
}

it('two builds from nothing with a fixed time have the same digest', async () => {
  // The first is the image of all tests here: the engine had none when it was built.
  const first = await inspect<Built>('image', IMAGES.gate);
  const tag = 'localhost/plexgate-test/second:test';
  await buildGate({ tag, more: ['--quiet', '--no-cache', ...FIXED_TIME.podman] });
  const second = await inspect<Built>('image', tag);
  process.stderr.write(`digest: ${first.Digest}\n`);
  expect(first.Digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect([second.Digest, second.Id]).toEqual([first.Digest, first.Id]);
});

it('a changed source file does not fetch the packages again', async () => {
  const context = mkdtempSync(join(tmpdir(), 'plexgate-context-'));
  onTestFinished(() => rmSync(context, { recursive: true }));
  const listed = readFileSync(join(ROOT, '.dockerignore'), 'utf8').matchAll(/^!(.+)$/gm);
  for (const name of [...Array.from(listed, ([, path = '']) => path), '.dockerignore', 'Dockerfile'])
    cpSync(join(ROOT, name), join(context, name), { recursive: true, preserveTimestamps: true });
  appendFileSync(join(context, 'src/main.ts'), '// changed\n');
  const tag = 'localhost/plexgate-test/changed:test';
  const said = await buildGate({ tag, context, more: [...FIXED_TIME.podman, '--target', 'build'] });
  const steps = said.split(/^(?:\[\d\/\d\] )?STEP /m);
  const fetching = steps.filter((step) => /npm (?:ci|install)/.test(step));
  expect(fetching).toHaveLength(2);
  for (const step of fetching) expect(step).toContain('Using cache');
});
