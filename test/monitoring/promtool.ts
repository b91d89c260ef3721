import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prometheusPrograms } from '../support/prometheus-programs.ts';

/** What it has to say and whether it is content. */
export interface Verdict {
  readonly isContent: boolean;
  readonly output: string;
}

/** Runs promtool in a folder with these files, which are JSON and so YAML, too. */
export async function promtool(
  args: readonly string[],
  files: Readonly<Record<string, unknown>>,
): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-promtool-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), JSON.stringify(content));
    }
    return await new Promise((resolve) => {
      execFile(prometheusPrograms().promtool, args, { cwd: folder }, (error, stdout, stderr) =>
        resolve({ isContent: error === null, output: stdout + stderr }),
      );
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
