import { maskKeys } from '../core/secret.ts';

/** One thing that is wrong in a configuration file, or worth a warning, and where it stands. */
export interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `proxy.routes[0].upstream`; empty where the file as a whole is meant. */
  readonly path: string;
  /** What was found and what is allowed, path included. It holds no secret and no interpolated value. */
  readonly text: string;
}

/** A mistake before the file's name is put to it. */
export type Finding = Omit<Mistake, 'file'>;

export type Path = readonly PropertyKey[];

export function formatMistake({ file, line, column, text }: Mistake): string {
  return `${file}:${line}:${column} ${text}`;
}

const PLAIN_NAME = /^[A-Za-z_][\w-]*$/;

export function writePath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!PLAIN_NAME.test(String(step))) text += `[${quote(String(step))}]`;
    else text += text === '' ? String(step) : `.${String(step)}`;
  }
  return text;
}

/** `path: what` or, where the file as a whole is meant, `what`. */
export function sentence(path: Path, what: string): string {
  return path.length === 0 ? what : `${writePath(path)}: ${what}`;
}

const SHOWN_LENGTH = 60;

/** A text of the file in quotes: shortened, and without what looks like a key or a URL's password or query. */
export function quote(text: string): string {
  const shown = maskKeys(maskUrl(text));
  return JSON.stringify(shown.length > SHOWN_LENGTH ? `${shown.slice(0, SHOWN_LENGTH)}…` : shown);
}

/**
 * Without what a URL may hold of secrets, also one that is none: credentials, the query, and what stands where a port
 * should, since it may be a password that its host was forgotten behind.
 */
function maskUrl(text: string): string {
  if (!text.includes('//')) return text.replace(/:.*@/s, ':(secret)@');
  const shown = text.replace(/\/\/.*@/s, '//(secret)@').replace(/\?.*/s, '?(secret)');
  return shown.replace(/\/\/([^/@]*):(?!\d{1,5}(?:[/#]|$))([^/:@\]]*)(?:\/.*)?$/s, '//$1:(secret)');
}

/** What was found, in words. `hidden` values are secrets or came from an interpolation. */
export function describeValue(value: unknown, hidden: boolean): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping';
  if (value === '') return 'an empty text';
  if (hidden) return '(secret)';
  return typeof value === 'string' ? quote(value) : JSON.stringify(value);
}
