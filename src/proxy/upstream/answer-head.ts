/** What the head of an answer says of itself. */
export interface AnswerHead {
  readonly status: number;
  /** The reason phrase as it came; RFC 9112 section 4 gives it no meaning. */
  readonly phrase: string;
  /** Name, value, name, value ... as they came, each byte a character. */
  readonly raw: readonly string[];
  /** The value of the first Content-Type; null: none. */
  readonly contentType: string | null;
  /** In bytes; null: none is given. */
  readonly contentLength: number | null;
  readonly isChunked: boolean;
  /** Whether the upstream lets another request follow on the connection. */
  readonly keepsAlive: boolean;
  /** How long it says it keeps an idle connection, in seconds; null: it does not say. */
  readonly idleSeconds: number | null;
}

/** The upstream's bytes are no answer that could be read in one way only. */
export class UnreadableAnswer extends Error {
  readonly code = 'UNREADABLE_ANSWER';
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n]*))?$/;
/** In a value: control bytes, and a CR or LF by itself (RFC 9112 section 2.2). */
const UNREADABLE = /[^\t\x20-\x7e\x80-\xff]/;
/** RFC 9110 section 5.6.2. A folded line (RFC 9112 section 5.2) begins with none. */
const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/** As many digits as a number holds exactly. */
const LENGTH = /^\d{1,15}$/;
const KEEP_ALIVE = /(?:^|[\s,;])timeout=(\d{1,9})/i;

/** Lower-case names by the spellings that upstreams use, so that each is checked once; the caps bound odd ones. */
const known = new Map<string, string>();
const KNOWN_MAX = 2000;
const KNOWN_LENGTH_MAX = 64;

/**
 * Reads a head, strictly: RFC 9112 with nothing of its leniency, since whoever reads more leniently takes the start of
 * one answer for the end of another. `text` is what stands before the empty line. Throws `UnreadableAnswer`.
 */
export function readAnswerHead(text: string): AnswerHead {
  let end = text.indexOf('\r\n');
  if (end === -1) end = text.length;
  const [, minor, status, phrase = ''] = STATUS_LINE.exec(text.slice(0, end)) ?? [];
  if (status === undefined) throw new UnreadableAnswer('no status line of HTTP/1.x');
  const raw: string[] = [];
  const framing = new Framing(minor === '1');
  while (end < text.length) {
    const start = end + 2;
    end = text.indexOf('\r\n', start);
    if (end === -1) end = text.length;
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon >= end) throw new UnreadableAnswer('a header line without a colon');
    const name = text.slice(start, colon);
    const value = trimmed(text, colon + 1, end);
    if (UNREADABLE.test(value)) throw new UnreadableAnswer('a byte that no header may have');
    framing.read(lowerName(name), value);
    raw.push(name, value);
  }
  return framing.headOf(Number(status), phrase, raw);
}

/** Gathers what says where the answer ends and what becomes of the connection. */
class Framing {
  #contentType: string | null = null;
  #contentLength: number | null = null;
  #isChunked = false;
  #keepsAlive: boolean;
  #idleSeconds: number | null = null;

  constructor(isPersistent: boolean) {
    this.#keepsAlive = isPersistent;
  }

  read(name: string, value: string): void {
    switch (name) {
      case 'content-type':
        this.#contentType ??= value;
        break;
      case 'content-length':
        if (this.#contentLength !== null || !LENGTH.test(value)) throw new UnreadableAnswer('Content-Length');
        this.#contentLength = Number(value);
        break;
      case 'transfer-encoding':
        if (this.#isChunked || value.toLowerCase() !== 'chunked')
          throw new UnreadableAnswer('an unknown transfer coding');
        this.#isChunked = true;
        break;
      case 'connection':
        this.#keepsAlive = readConnection(value, this.#keepsAlive);
        break;
      case 'keep-alive':
        this.#idleSeconds = leastOf(this.#idleSeconds, KEEP_ALIVE.exec(value)?.[1]);
        break;
    }
  }

  headOf(status: number, phrase: string, raw: readonly string[]): AnswerHead {
    if (this.#isChunked && this.#contentLength !== null)
      throw new UnreadableAnswer('Content-Length and Transfer-Encoding');
    return {
      status,
      phrase,
      raw,
      contentType: this.#contentType,
      contentLength: this.#contentLength,
      isChunked: this.#isChunked,
      keepsAlive: this.#keepsAlive,
      idleSeconds: this.#idleSeconds,
    };
  }
}

function readConnection(value: string, before: boolean): boolean {
  // Nearly always one option.
  const options = value.toLowerCase();
  if (options === 'keep-alive') return before;
  return before && !options.split(',').some((option) => option.trim() === 'close');
}

function leastOf(before: number | null, seconds: string | undefined): number | null {
  return seconds === undefined ? before : Math.min(before ?? Infinity, Number(seconds));
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
  if (!TOKEN.test(name)) throw new UnreadableAnswer('a header name that is none');
  const made = name.toLowerCase();
  if (known.size < KNOWN_MAX && name.length <= KNOWN_LENGTH_MAX) {
    // A copy, since a part of a text keeps the whole of it.
    known.set(Buffer.from(name, 'latin1').toString('latin1'), made);
  }
  return made;
}
