import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/redis-programs.ts';
import { blocksOf, isAsPrinted } from './page.ts';
import { EXAMPLES, PATIENCE_MS, portsOf, runPage } from './run-page.ts';

/** What the pages share. */
const SHARED = 'bin';

const folders = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== SHARED)
  .map(({ name }) => name);
const pages = folders.filter((name) => {
  const readme = join(EXAMPLES, name, 'README.md');
  return existsSync(readme) && blocksOf(readme).length > 0;
});

const ports = new Map<string, ReadonlyMap<string, number>>();
let folder = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plexgate-examples-'));
  const named = pages.map((page) => ({ page, wanted: portsOf(page) }));
  const free = await freePorts(named.flatMap(({ wanted }) => wanted).length);
  for (const { page, wanted } of named) {
    ports.set(page, new Map(wanted.map((port) => [port, free.pop() ?? 0])));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const typed = (commands: string, below: string, exitCode: number) =>
  `${commands}${below}exit code ${exitCode}\n`;

describe('an example', () => {
  it.each(pages)(
    '%s prints what its page shows, and leaves nothing behind',
    // Where the machine has no time left a gate answers 503, which is true and on no page.
    { timeout: PATIENCE_MS, retry: 2 },
    async (page) => {
      const { blocks, left } = await runPage(page, join(folder, page), ports.get(page) ?? new Map());
      const seen = blocks.map(({ commands, printed, output, exitCode }) =>
        typed(commands, isAsPrinted(printed, output) ? printed : output, exitCode),
      );
      expect(seen.join('')).toBe(blocks.map(({ commands, printed }) => typed(commands, printed, 0)).join(''));
      expect(left).toEqual([]);
    },
  );

  it.each(folders)('%s is in the list of examples', (name) => {
    expect(readFileSync(join(EXAMPLES, 'README.md'), 'utf8')).toContain(`](${name}/`);
  });

  it.each(folders.filter((name) => !pages.includes(name)))('%s is run by a test of its own', (name) => {
    const tests = readdirSync(join(import.meta.dirname, '..'), { recursive: true, encoding: 'utf8' });
    const naming = tests.filter(
      (file) =>
        file.endsWith('.ts') &&
        readFileSync(join(import.meta.dirname, '..', file), 'utf8').includes(`examples/${name}`),
    );
    expect(naming).not.toEqual([]);
  });
});

describe('what a page shows', () => {
  it.each([
    ['a\nb\n', 'a\nb\n', true],
    ['a\n', 'a\nb\n', false],
    ['', '', true],
    ['', 'a\n', false],
    ['a ... c\n', 'a b c\n', true],
    ['a ... c\n', 'a b\n c\n', false],
    ['a.c\n', 'abc\n', false],
    ['...\nc\n', 'a\nb\nc\n', true],
    ['...\nc\n', 'c\n', true],
    ['...\nc\n', 'a\n', false],
    ['a\n...\n', 'b\n', false],
  ])('%j is how %j is printed: %s', (printed, output, is) => {
    expect(isAsPrinted(printed, output)).toBe(is);
  });
});
