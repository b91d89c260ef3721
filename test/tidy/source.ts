/** A text file of the repository; `path` is relative to its root, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

/** A rule sees all files at once and says what is wrong. It reads nothing itself, so that it can be tested. */
export type Rule = (files: readonly SourceFile[]) => Violation[];

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** Every place in the files where the pattern, which MUST be global, matches. */
export function matchesIn(files: readonly SourceFile[], pattern: RegExp, what: string): Violation[] {
  return files.flatMap(({ path, text }) =>
    Array.from(text.matchAll(pattern), ({ index }) => ({ path, line: lineAt(text, index), what })),
  );
}

export function isCode({ path }: SourceFile): boolean {
  return /\.[cm]?[jt]sx?$/.test(path);
}

export function isUnder(folder: string, { path }: SourceFile): boolean {
  return path.startsWith(`${folder}/`);
}
