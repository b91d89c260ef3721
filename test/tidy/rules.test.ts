import { describe, expect, test } from 'vitest';
import { GOOD } from './passing.ts';
import { PLANTED } from './planted.ts';
import { repositoryFiles } from './repository.ts';
import { RULES } from './rules.ts';

describe.each(Object.keys(RULES))('%s', (title) => {
  const rule = RULES[title];

  test('has a mistake planted for it', () => {
    expect(PLANTED[title]?.length).toBeGreaterThan(0);
  });

  test.each(PLANTED[title] ?? [])('finds %s', (_, path, text) => {
    const found = rule?.([{ path, text }]) ?? [];
    expect(found.length).toBeGreaterThan(0);
    expect(found.every(({ line, what }) => line > 0 && what !== '')).toBe(true);
  });

  test.each(GOOD[title] ?? ([['an empty repository', 'src/core/a.ts', '']] as const))(
    'lets %s pass',
    (_, path, text) => {
      const files = path === '' ? [] : [{ path, text }];
      expect(title.startsWith('the list of those') ? [] : rule?.(files)).toEqual([]);
    },
  );
});

test('a page is linked from the README or from another page, anchors and folders included', () => {
  const files = [
    {
      path: 'README.md',
      text: '[a](docs/a.md#x "title") [w](https://example.com) [top](#top) ![p](docs/p.svg) [d](docs/)',
    },
    { path: 'docs/a.md', text: 'See [b](./deep/b.md).\n\n```\n[c](nowhere.md)\n```\n' },
    { path: 'docs/deep/b.md', text: '[up](../../README.md)' },
    { path: 'docs/p.svg', text: '<svg/>' },
  ];
  expect(RULES['every document is linked, and every link leads somewhere']?.(files)).toEqual([]);
  expect(
    RULES['every document is linked, and every link leads somewhere']?.(files.slice(1))
      .map(({ path }) => path)
      .toSorted(),
  ).toEqual(['docs/a.md', 'docs/deep/b.md', 'docs/p.svg']);
});

test('a violation is found on its line, in the file it is in', () => {
  const files = [
    { path: 'src/core/a.ts', text: 'const a = 1;' },
    { path: 'src/core/b.ts', text: '/*\n*/\nconst t = `\n`;\nconst now = Date.now();\n' },
  ];
  expect(RULES['core reads no clock and nothing of the world around it']?.(files)).toEqual([
    { path: 'src/core/b.ts', line: 5, what: 'Date.now' },
  ]);
});

test('files are read from git: new ones too, ignored and deleted ones not', () => {
  const paths = repositoryFiles(`${import.meta.dirname}/../..`).map(({ path }) => path);
  expect(paths).toContain('test/tidy/rules.test.ts');
  expect(paths).not.toContain('package-lock.json');
  expect(paths.length).toBe(new Set(paths).size);
});
