import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PATIENCE_MS = 15 * 60_000;

async function accuracy(...args: string[]): Promise<{ code: number; output: string }> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const command = [join(ROOT, 'proof/accuracy/accuracy.ts'), ...args];
  const run = promisify(execFile)(process.execPath, command, { cwd: ROOT, env });
  return run.then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      output: error.stdout + error.stderr,
    }),
  );
}

test(
  'no window of any run is over its limit, and every header told the truth',
  { timeout: PATIENCE_MS },
  async () => {
    const { code, output } = await accuracy('--quick');
    expect(code, output).toBe(0);
  },
);

test.each([['--only', 'no-such-trial'], ['--seed', 'x'], ['--slow']])(
  'npm run accuracy says what it takes where %s %s is none of it',
  async (...args) => {
    const { code, output } = await accuracy(...args.filter((arg) => arg !== undefined));
    expect(code).toBe(2);
    expect(output).toContain('npm run accuracy -- [--quick] [--seed NUMBER] [--only NAME]...');
  },
);
