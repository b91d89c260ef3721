import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
/** It ends what hangs; how long it takes is not the question. */
export const PATIENCE_MS = 600_000;

/** Runs a proof in its small size, as its command does; what it says is printed as it comes. */
export async function runQuick(program: string): Promise<{ code: number | null; said: string }> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const args = [join(ROOT, program), '--quick'];
  const proof = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [proof.stdout, proof.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      process.stdout.write(text);
    });
  }
  const [code] = (await once(proof, 'close')) as [number | null];
  return { code, said };
}
