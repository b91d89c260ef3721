import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CLUSTER_RIGHTS, REDIS_RIGHTS } from '../../../src/runtime/redis/rights.ts';

test('the page on Redis names the rights that a user needs', () => {
  const page = readFileSync('docs/redis.md', 'utf8');
  for (const rights of [REDIS_RIGHTS, CLUSTER_RIGHTS]) expect(page).toContain(`\n${rights.join(' ')}\n`);
});

test('no script calls what a user with these rights may not', () => {
  const sources = globSync('src/**/*.ts').map((file) => readFileSync(file, 'utf8'));
  const called = new Set(
    sources.flatMap((text) => Array.from(text.matchAll(/redis\.p?call\('(\w+)'/g), ([, name]) => name ?? '')),
  );
  expect(called.size).toBeGreaterThan(5);
  expect(
    [...called].map((name) => `+${name.toLowerCase()}`).filter((right) => !REDIS_RIGHTS.includes(right)),
  ).toEqual([]);
});
