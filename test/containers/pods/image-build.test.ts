import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { inspect } from '../command.ts';
import { buildGate, FIXED_TIME, ROOT } from '../images.ts';

it('two builds from nothing with a fixed time have the same digest', async () => {
  const digests: string[] = [];
  for (const name of ['first', 'second']) {
    const tag = `localhost/plexgate-test/${name}:test`;
    // In the format of registries; the older one notes the container that each step ran in.
    await buildGate({ tag, format: 'oci', more: ['--quiet', '--no-cache', ...FIXED_TIME.podman] });
    const { Digest, Id } = await inspect<{ Digest: string; Id: string }>('image', tag);
    digests.push(`${Digest} ${Id}`);
  }
  process.stderr.write(`digest and id: ${digests[0]}\n`);
  expect(digests[0]).toMatch(/^sha256:[0-9a-f]{64} /);
  expect(digests[1]).toBe(digests[0]);
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
