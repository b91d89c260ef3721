/**
 * A reading of requests on a connection, by RFC 9110 and 9112 and what the documents of the gate promise, with nothing of
 * the gate's own code: a second reader beside it. It works on latin-1 text, one character a byte.
 */
export interface Message {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Name and value of each line. */
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly hasBody: boolean;
}

export interface Reading {
  /** Those that are there to their end. */
  readonly messages: readonly Message[];
  /** What follows them: nothing, or something that is no whole request, of which perhaps the head is one. */
  readonly rest: 'nothing' | { readonly head: Message | null };
}

const START = /([A-Z][A-Z-]*) ([^\0-\x20\x7f]+) (HTTP\/\d\.\d)\r\n/y;
const LINE =
  /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?)[ \t]*\r\n/y;
const CHUNK =
  /([0-9A-Fa-f]{1,13})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"))?)*\r\n/y;
const FRAMING = /^(?:content-length|transfer-encoding)$/i;

export function read(text: string): Reading {
  const messages: Message[] = [];
  const cursor = new Cursor(text);
  for (;;) {
    cursor.take(/(?:\r\n)*/y);
    if (cursor.atEnd) return { messages, rest: 'nothing' };
    const head = readHead(cursor);
    if (head === null) return { messages, rest: { head: null } };
    const body = readBody(cursor, head);
    if (body === null) return { messages, rest: { head } };
    messages.push({ ...head, body });
    // What follows belongs to another protocol, or to nobody.
    if (head.method === 'CONNECT' || !persists(head)) return { messages, rest: 'nothing' };
  }
}

class Cursor {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.at >= this.#text.length;
  }

  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.at += match[0].length;
    return match;
  }

  /** Exactly so many, or null where there are fewer. */
  bytes(count: number): string | null {
    if (this.at + count > this.#text.length) return null;
    this.at += count;
    return this.#text.slice(this.at - count, this.at);
  }
}

export function valuesOf({ lines }: Pick<Message, 'lines'>, name: string): string[] {
  return lines.filter(([own]) => own.toLowerCase() === name).map(([, value]) => value);
}

export function tokensOf(message: Pick<Message, 'lines'>, name: string): string[] {
  return valuesOf(message, name).flatMap((value) =>
    value.split(',').map((token) => token.trim().toLowerCase()),
  );
}

function readHead(cursor: Cursor): Message | null {
  const [, method = '', target = '', version = ''] = cursor.take(START) ?? [];
  if (method === '') return null;
  const lines = readLines(cursor);
  if (lines === null) return null;
  const message = { method, target, version, lines, body: '' };
  const [length, ...more] = valuesOf(message, 'content-length');
  const codings = valuesOf(message, 'transfer-encoding');
  if (more.length > 0 || (length !== undefined && !/^\d+$/.test(length))) return null;
  if (codings.length > 0 && (length !== undefined || codings.join() !== codings[0])) return null;
  if (codings.length > 0 && codings[0]?.toLowerCase() !== 'chunked') return null;
  return { ...message, hasBody: codings.length > 0 || Number(length ?? 0) > 0 };
}

function readLines(cursor: Cursor): [string, string][] | null {
  const lines: [string, string][] = [];
  for (;;) {
    if (cursor.take(/\r\n/y) !== null) return lines;
    const [, name, value] = cursor.take(LINE) ?? [];
    if (name === undefined || value === undefined) return null;
    lines.push([name, value]);
  }
}

function readBody(cursor: Cursor, head: Message): string | null {
  const [length] = valuesOf(head, 'content-length');
  if (length !== undefined) return length.length > 15 ? null : cursor.bytes(Number(length));
  if (valuesOf(head, 'transfer-encoding').length === 0) return '';
  let body = '';
  for (;;) {
    const [, digits] = cursor.take(CHUNK) ?? [];
    if (digits === undefined) return null;
    const size = Number.parseInt(digits, 16);
    if (size === 0) break;
    const data = cursor.bytes(size);
    if (data === null || cursor.take(/\r\n/y) === null) return null;
    body += data;
  }
  const trailers = readLines(cursor);
  if (trailers === null || trailers.some(([name]) => FRAMING.test(name))) return null;
  return body;
}

/** RFC 9112 section 9.3. */
export function persists(message: Message): boolean {
  const options = tokensOf(message, 'connection');
  if (options.includes('close')) return false;
  return message.version !== 'HTTP/1.0' || options.includes('keep-alive');
}
