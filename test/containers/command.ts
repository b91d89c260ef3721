import { spawn } from 'node:child_process';
import { KIND_VARIABLE, type EngineKind } from './engine.ts';

export interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The engine that `npm run test:containers` has found. */
export function engineKind(env: NodeJS.ProcessEnv = process.env): EngineKind {
  const kind = env[KIND_VARIABLE];
  if (kind === 'podman' || kind === 'docker') return kind;
  throw new Error('these tests need the engine and the images of `npm run test:containers`');
}

/** Runs `podman ARGS` or `docker ARGS` to its end. */
export function tryEngine(args: readonly string[], input = '', env = process.env): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(engineKind(env), args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
    // It may end without having read.
    child.stdin.on('error', () => undefined).end(input);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
  });
}

/** As `tryEngine`; rejects where it fails. Its standard output without the last newline. */
export async function engine(args: readonly string[], input = '', env = process.env): Promise<string> {
  const { code, stdout, stderr } = await tryEngine(args, input, env);
  if (code !== 0) throw new Error(`${args.slice(0, 3).join(' ')} ...: ${code}: ${stderr}${stdout}`);
  return stdout.trimEnd();
}

/** What the engine says of a container or an image. */
export async function inspect<T>(kind: 'container' | 'image', name: string): Promise<T> {
  const [found] = JSON.parse(await engine([kind, 'inspect', name])) as T[];
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
}
