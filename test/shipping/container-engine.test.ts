import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const MAIN = join(import.meta.dirname, '../containers/main.ts');

it('test:containers says so in one line and ends with 3 where no engine can be had', () => {
  const env = { ...process.env, PLEXGATE_CONTAINER_ENGINE: 'none' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN], { env, encoding: 'utf8' });
  expect(stderr).toMatch(/^test:containers: needs [^\n]+\n$/);
  expect([status, stdout]).toEqual([3, '']);
});
