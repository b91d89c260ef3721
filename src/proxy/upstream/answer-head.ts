import {
  hasOption,
  readCoding,
  readFields,
  readLength,
  type FieldReader,
  UnreadableMessage,
} from '../http1/fields.ts';

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

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n]*))?$/;
const KEEP_ALIVE = /(?:^|[\s,;])timeout=(\d{1,9})/i;

/** Reads a head as strictly as `readFields`; `text` is what stands before the empty line. Throws `UnreadableMessage`. */
export function readAnswerHead(text: string): AnswerHead {
  let end = text.indexOf('\r\n');
  if (end === -1) end = text.length;
  const [, minor, status, phrase = ''] = STATUS_LINE.exec(text.slice(0, end)) ?? [];
  if (status === undefined) throw new UnreadableMessage('no status line of HTTP/1.x');
  const framing = new Framing(minor === '1');
  const raw = readFields(text, end, framing);
  return framing.headOf(Number(status), phrase, raw);
}

/** Gathers what says where the answer ends and what becomes of the connection. */
class Framing implements FieldReader {
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
        this.#contentLength = readLength(value, this.#contentLength);
        break;
      case 'transfer-encoding':
        this.#isChunked = readCoding(value, this.#isChunked);
        break;
      case 'connection':
        if (hasOption(value, 'close')) this.#keepsAlive = false;
        break;
      case 'keep-alive':
        this.#idleSeconds = leastOf(this.#idleSeconds, KEEP_ALIVE.exec(value)?.[1]);
        break;
    }
  }

  headOf(status: number, phrase: string, raw: readonly string[]): AnswerHead {
    if (this.#isChunked && this.#contentLength !== null)
      throw new UnreadableMessage('Content-Length and Transfer-Encoding');
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

function leastOf(before: number | null, seconds: string | undefined): number | null {
  return seconds === undefined ? before : Math.min(before ?? Infinity, Number(seconds));
}
