import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { inspect } from '../command.ts';
import { buildGate, FIXED_TIME, IMAGES, ROOT } from '../images.ts';

it('two builds from nothing with a fixed time have the same digest', async () => {
  const tag = 'localhost/plexgate-test/again:test';
  await buildGate({ tag, more: ['--quiet', '--no-cache', ...FIXED_TIME.podman] });
  // The other one was built before all tests, where there was nothing yet.
  const [first, second] = await Promise.all(
    [IMAGES.gate, tag].map((name) => inspect<{ Digest: string; Id: string }>('image', name)),
  );
  process.stderr.write(`digest: ${first?.Digest}\n`);
  expect(first?.Digest).toMatch(/^sha256:/);
  expect([second?.Digest, second?.Id]).toEqual([first?.Digest, first?.Id]);
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
