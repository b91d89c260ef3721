import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
// It ends what hangs; how long it takes is not the question.
const PATIENCE_MS = 600_000;

it(
  'what is promised of revocation holds on real processes, in the small size',
  async () => {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const args = [join(ROOT, 'proof/revocation/main.ts'), '--quick'];
    const proof = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [proof.stdout, proof.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        process.stdout.write(text);
      });
    }
    const [code] = (await once(proof, 'close')) as [number | null];
    expect(code, said).toBe(0);
  },
  PATIENCE_MS,
);
