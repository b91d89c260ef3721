import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { crossChecks, warningsOf } from './checks.ts';
import type { Config } from './config.ts';
import { configOf } from './convert.ts';
import { readDocument, type Tree } from './document.ts';
import type { Sources } from './interpolate.ts';
import { adoptInterpolated, findingsOf } from './issues.ts';
import type { Finding, Mistake } from './mistake.ts';
import { configSchema, type ParsedFile } from './schema.ts';

export type Loaded =
  | {
      readonly kind: 'config';
      readonly config: Config;
      /** Legal, and probably not meant. */
      readonly warnings: readonly Mistake[];
      /** Paths of `${file:PATH}`, whose change is a change of the configuration. */
      readonly secretFiles: readonly string[];
    }
  | {
      readonly kind: 'mistakes';
      readonly mistakes: readonly Mistake[];
      readonly secretFiles: readonly string[];
    };

export interface ParseOptions extends Sources {
  /** How messages name the file. */
  readonly fileName: string;
}

/** The configuration in the file at `path`, or every mistake in it. Never throws. */
export function loadConfig(path: string, env: Sources['env']): Loaded {
  const read = readText(path);
  if (read.kind === 'unreadable') {
    const text = `the file ${read.why}; allowed: a file that can be read`;
    return {
      kind: 'mistakes',
      mistakes: [{ file: path, line: 1, column: 1, path: '', text }],
      secretFiles: [],
    };
  }
  return parseConfig(read.text, { fileName: path, env, readFile: readText });
}

/** The configuration in `text`, or every mistake in it, in the order of the lines. Never throws. */
export function parseConfig(text: string, { fileName, env, readFile }: ParseOptions): Loaded {
  const files = new Set<string>();
  const sources: Sources = {
    env,
    readFile: (path) => {
      files.add(path);
      return readFile(path);
    },
  };
  const { tree, findings } = readDocument(text, sources);
  const secretFiles = [...files];
  const inFile = (found: readonly Finding[]): Mistake[] =>
    found.map((finding) => ({ file: fileName, ...finding })).sort(byPosition);
  if (tree === null) return { kind: 'mistakes', mistakes: inFile(findings), secretFiles };
  const checked = checkTree(tree);
  const all = [...findings, ...checked.findings, ...crossChecks(tree)];
  if (all.length > 0 || checked.file === null)
    return { kind: 'mistakes', mistakes: inFile(all), secretFiles };
  const config = configOf(checked.file, env);
  return { kind: 'config', config, warnings: inFile(warningsOf(config, tree, env)), secretFiles };
}

function checkTree(tree: Tree): { readonly file: ParsedFile | null; readonly findings: readonly Finding[] } {
  let result = configSchema.safeParse(tree.value);
  if (!result.success && adoptInterpolated(result.error.issues, tree))
    result = configSchema.safeParse(tree.value);
  if (result.success) return { file: result.data, findings: [] };
  return { file: null, findings: findingsOf(result.error.issues, configSchema, tree) };
}

function byPosition(a: Mistake, b: Mistake): number {
  return a.line - b.line || a.column - b.column || (a.text < b.text ? -1 : 1);
}

const WHY: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a directory',
};

/** Relative paths start at the working directory. */
function readText(path: string): ReturnType<Sources['readFile']> {
  try {
    const bytes = readFileSync(path);
    return isUtf8(bytes)
      ? { kind: 'text', text: bytes.toString('utf8') }
      : { kind: 'unreadable', why: 'is no UTF-8 text' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { kind: 'unreadable', why: WHY[code ?? ''] ?? `cannot be read (${code ?? 'unknown error'})` };
  }
}
