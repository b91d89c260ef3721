import { expect, test } from 'vitest';
import { repositoryFiles } from './tidy/repository.ts';
import { RULES } from './tidy/rules.ts';

const files = repositoryFiles(`${import.meta.dirname}/..`);

test('the repository is read', () => {
  const paths = files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['package.json', 'src/core/key.ts', 'test/tidy.test.ts']));
  expect(paths.filter((path) => path.startsWith('node_modules') || path.startsWith('dist'))).toEqual([]);
});

test.each(Object.entries(RULES))('%s', (_, rule) => {
  expect(rule(files).map(({ path, line, what }) => `${path}:${line}: ${what}`)).toEqual([]);
});
