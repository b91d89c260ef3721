import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { inject } from 'vitest';

/** One of the example services, as a process of its own. */
export interface IdentitySample {
  readonly origin: string;
  stop(): Promise<void>;
}

export const SAMPLES = ['service.ts', 'service.py'] as const;
export type SampleName = (typeof SAMPLES)[number];

const FOLDER = join(import.meta.dirname, '../../examples/signed-identity');

/** Where its keys are, or the secret it shares with the gate. */
type Trust = { readonly JWKS_URL: string } | { readonly IDENTITY_SECRET: string };

export async function startSample(name: SampleName, trust: Trust): Promise<IdentitySample> {
  const program = name === 'service.ts' ? process.execPath : inject('pythonJwt');
  const child = spawn(program, [join(FOLDER, name)], {
    env: { PATH: process.env['PATH'], AUDIENCE: 'orders', PORT: '0', ...trust },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [unknown];
  const origin = /http:\S+/.exec(String(said))?.[0];
  if (origin === undefined) throw new Error('the example does not say where it listens');
  return {
    origin,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
