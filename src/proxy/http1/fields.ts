import { ownText } from '../../core/own-text.ts';

/** The bytes are no message of HTTP/1.x that could be read in one way only. */
export class UnreadableMessage extends Error {
  readonly code: string = 'UNREADABLE_MESSAGE';
}

/** Told of each header line, its name in lower case. */
export interface FieldReader {
  read(name: string, value: string): void;
}

/** In a value: control bytes, and a CR or LF by itself (RFC 9112 section 2.2). */
const UNREADABLE = /[^\t\x20-\x7e\x80-\xff]/;
/** RFC 9110 section 5.6.2. A folded line (RFC 9112 section 5.2) begins with none. */
const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/** As many digits as a number holds exactly. */
const LENGTH = /^\d{1,15}$/;

/** Lower-case names by the spellings that are met, so that each is checked once; the caps bound odd ones. */
const known = new Map<string, string>();
const KNOWN_MAX = 2000;
const KNOWN_LENGTH_MAX = 64;

/**
 * Reads the header lines of a message, strictly: RFC 9112 with nothing of its leniency, since whoever reads more
 * leniently takes the start of one message for the end of another. `text` is what stands before the empty line, each byte
 * a character, and `end` the end of its first line. Returns them flat as they came, without the blanks around a value.
 * Throws `UnreadableMessage`.
 */
export function readFields(text: string, end: number, fields: FieldReader): string[] {
  const raw: string[] = [];
  let at = end;
  while (at < text.length) {
    const start = at + 2;
    at = text.indexOf('\r\n', start);
    if (at === -1) at = text.length;
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon >= at) throw new UnreadableMessage('a header line without a colon');
    const name = text.slice(start, colon);
    const value = trimmed(text, colon + 1, at);
    if (UNREADABLE.test(value)) throw new UnreadableMessage('a byte that no header may have');
    fields.read(lowerName(name), value);
    raw.push(name, value);
  }
  return raw;
}

/** A Content-Length in bytes, of which there MUST NOT be another one before; throws where it is none. */
export function readLength(value: string, before: number | null): number {
  if (before !== null || !LENGTH.test(value)) throw new UnreadableMessage('Content-Length');
  return Number(value);
}

/** The one transfer coding that is read; throws where it is another one, or one came before. */
export function readCoding(value: string, before: boolean): true {
  if (before || value.toLowerCase() !== 'chunked') throw new UnreadableMessage('an unknown transfer coding');
  return true;
}

/** Whether a Connection field has the option, given in lower case. */
export function hasOption(value: string, option: string): boolean {
  // Nearly always one option.
  const options = value.toLowerCase();
  return (
    options === option ||
    (options.includes(option) && options.split(',').some((one) => one.trim() === option))
  );
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function lowerName(name: string): string {
  const lower = known.get(name);
  if (lower !== undefined) return lower;
  if (!TOKEN.test(name)) throw new UnreadableMessage('a header name that is none');
  const made = name.toLowerCase();
  if (known.size < KNOWN_MAX && name.length <= KNOWN_LENGTH_MAX) known.set(ownText(name), made);
  return made;
}
