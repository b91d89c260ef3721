import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SourceFile } from './source.ts';

/** Made by npm, not by people. */
const GENERATED = new Set(['package-lock.json']);

/** The files of the repository as they lie there: tracked ones, and new ones that git would take. */
export function repositoryFiles(root: string): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split('\0'))]
    .filter((path) => path !== '' && !GENERATED.has(path) && isFile(join(root, path)))
    .map((path) => ({ path, text: textOf(join(root, path)) }));
}

/** Of a picture nothing: it has a name, and places that link it, and no text. */
function textOf(path: string): string {
  const text = readFileSync(path, 'utf8');
  return text.includes('\0') ? '' : text;
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
