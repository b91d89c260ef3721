import { runCommand } from '../../src/cli.ts';
import { ADMIN, startServer, type RunningServer } from '../key-service/running-server.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Typed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process. */
export async function typed(
  args: readonly string[],
  { input = '', columns = null }: { input?: string; columns?: number | null } = {},
): Promise<Typed> {
  let [out, err] = ['', ''];
  const code = await runCommand(['node', 'plexgate', ...args], {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    columns,
    typed: false,
    readInput: async () => Buffer.from(input),
  });
  return { code, out, err };
}

/** A key service that listens, a folder of its own, and commands that are told where it is. */
export interface Desk {
  readonly server: RunningServer;
  readonly url: string;
  /** Puts a file into the folder and answers its path. */
  file(name: string, text: string): string;
  /** With `--url` and `--token-file`. */
  run(args: readonly string[], columns?: number): Promise<Typed>;
  close(): Promise<void>;
}

export async function openDesk(): Promise<Desk> {
  const server = await startServer({ fenceMs: 400 });
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-'));
  const url = `http://127.0.0.1:${server.port}`;
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const tokenFile = file('token', `${ADMIN}\n`);
  return {
    server,
    url,
    file,
    run: (args, columns) =>
      typed([...args, '--url', url, '--token-file', tokenFile], { columns: columns ?? null }),
    async close() {
      await server.close();
      rmSync(folder, { recursive: true });
    },
  };
}
