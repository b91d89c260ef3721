import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type * as z from 'zod';
import { readDocument, type DocumentForm, type Tree } from './document.ts';
import { adoptInterpolated, findingsOf } from './issues.ts';
import type { Finding, Mistake } from './mistake.ts';

export type Checked<T> =
  | { readonly kind: 'checked'; readonly value: T; readonly tree: Tree }
  | { readonly kind: 'mistakes'; readonly mistakes: readonly Mistake[] };

/**
 * The YAML text as `schema` reads it, or every mistake in it, in the order of the lines. `crossChecks` sees the
 * values as they stand, also while the schema minds something. Never throws.
 */
export function checkText<S extends z.ZodType>(
  text: string,
  fileName: string,
  form: DocumentForm,
  schema: S,
  crossChecks: (tree: Tree) => readonly Finding[],
): Checked<z.output<S>> {
  const { tree, findings } = readDocument(text, form);
  if (tree === null) return { kind: 'mistakes', mistakes: inFile(fileName, findings) };
  let result = schema.safeParse(tree.value);
  if (!result.success && adoptInterpolated(result.error.issues, tree)) result = schema.safeParse(tree.value);
  const minded = result.success ? [] : findingsOf(result.error.issues, schema, tree);
  const all = [...findings, ...minded, ...crossChecks(tree)];
  if (all.length > 0 || !result.success) return { kind: 'mistakes', mistakes: inFile(fileName, all) };
  return { kind: 'checked', value: result.data, tree };
}

export function inFile(file: string, findings: readonly Finding[]): Mistake[] {
  return findings.map((finding) => ({ file, ...finding })).sort(byPosition);
}

function byPosition(a: Mistake, b: Mistake): number {
  return a.line - b.line || a.column - b.column || (a.text < b.text ? -1 : 1);
}

/** The mistake that a file as a whole is. */
export function unreadable(file: string, why: string): Mistake {
  return { file, line: 1, column: 1, path: '', text: `the file ${why}; allowed: a file that can be read` };
}

export type FileText =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'unreadable'; readonly why: string };

/** Relative paths start at the working directory. */
export function readText(path: string): FileText {
  try {
    return textOf(readFileSync(path));
  } catch (error) {
    return whyUnreadable(error);
  }
}

export function textOf(bytes: Buffer): FileText {
  return isUtf8(bytes)
    ? { kind: 'text', text: bytes.toString('utf8') }
    : { kind: 'unreadable', why: 'is no UTF-8 text' };
}

const WHY: Record<string, string> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a directory',
};

export function whyUnreadable(error: unknown): FileText {
  const { code } = error as NodeJS.ErrnoException;
  return { kind: 'unreadable', why: WHY[code ?? ''] ?? `cannot be read (${code ?? 'unknown error'})` };
}
