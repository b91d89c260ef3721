import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startExample } from './example-key-service.ts';
import { keyLookupContract } from './key-lookup.contract.ts';
import { keyRevocationContract } from './key-revocation.contract.ts';
import { startPlexgate } from './plexgate-key-service.ts';

const own = (name: 'resolve-alone' | 'resolve-and-renew') => () => startExample(name);

keyLookupContract('Plexgate', startPlexgate);
keyLookupContract('the example resolve-alone', own('resolve-alone'));
keyLookupContract('the example resolve-and-renew', own('resolve-and-renew'));

keyRevocationContract('Plexgate', startPlexgate);
keyRevocationContract('the example resolve-and-renew', own('resolve-and-renew'));

test.each([
  ['resolve-alone', 60],
  ['resolve-and-renew', 200],
])('the example %s has at most %i lines', (name, most) => {
  const file = join(import.meta.dirname, '../../examples/own-key-service', `${name}.js`);
  expect(readFileSync(file, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(most);
});
