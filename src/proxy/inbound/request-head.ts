import { METHODS } from 'node:http';
import {
  hasOption,
  readCoding,
  readFields,
  readLength,
  UnreadableMessage,
  type FieldReader,
} from '../http1/fields.ts';

/** What the head of a request says of itself. */
export interface InboundHead {
  readonly method: string;
  /** As it came; what it means is judged by whoever decides. */
  readonly target: string;
  readonly httpVersion: '1.0' | '1.1';
  /** Name, value, name, value ... as they came, each byte a character. */
  readonly raw: readonly string[];
  /** In bytes; null: none is given. */
  readonly contentLength: number | null;
  readonly isChunked: boolean;
  /** Whether the client lets another request follow on the connection. */
  readonly keepsAlive: boolean;
  /** It sends its body when it is told to. */
  readonly awaitsContinue: boolean;
  /** It wants a WebSocket. Any other Upgrade field is ignored, as RFC 9110 section 7.8 allows. */
  readonly isUpgrade: boolean;
}

/** More header lines, or more bytes than a head may have. */
export class HeadTooLarge extends UnreadableMessage {
  override readonly code = 'HEAD_TOO_LARGE';
}

/** More are refused, as more than `bounds.headerBytes` are. */
const MAX_HEADER_LINES = 1000;
/** RFC 9112 section 3. What is in the target beside visible ASCII is refused by the decision. */
const REQUEST_LINE = /^([A-Z-]+) ([!-~\x80-\xff]+) HTTP\/1\.([01])$/;
/** Those in use; any other word is no request. */
const KNOWN: ReadonlySet<string> = new Set(METHODS);
const EXPECTS = /^100-continue$/i;

/** Reads a head as strictly as `readFields`; `text` is what stands before the empty line. Throws `UnreadableMessage`. */
export function readRequestHead(text: string): InboundHead {
  let end = text.indexOf('\r\n');
  if (end === -1) end = text.length;
  const [, method = '', target = '', minor] = REQUEST_LINE.exec(text.slice(0, end)) ?? [];
  if (!KNOWN.has(method)) throw new UnreadableMessage('no request line of HTTP/1.x');
  const framing = new Framing(minor === '1');
  const raw = readFields(text, end, framing);
  if (raw.length > 2 * MAX_HEADER_LINES) throw new HeadTooLarge('too many header lines');
  return framing.headOf(method, target, raw);
}

/** Gathers what says where the request ends and what becomes of the connection. */
class Framing implements FieldReader {
  readonly #isPersistent: boolean;
  #contentLength: number | null = null;
  #isChunked = false;
  #asksToClose = false;
  #asksToKeep = false;
  #asksToUpgrade = false;
  #upgrade: string | null = null;
  #expects = false;

  constructor(isPersistent: boolean) {
    this.#isPersistent = isPersistent;
  }

  read(name: string, value: string): void {
    switch (name) {
      case 'content-length':
        this.#contentLength = readLength(value, this.#contentLength);
        break;
      case 'transfer-encoding':
        this.#isChunked = readCoding(value, this.#isChunked);
        break;
      case 'connection':
        this.#asksToClose ||= hasOption(value, 'close');
        this.#asksToKeep ||= hasOption(value, 'keep-alive');
        this.#asksToUpgrade ||= hasOption(value, 'upgrade');
        break;
      case 'upgrade':
        this.#upgrade = this.#upgrade === null ? value.toLowerCase() : 'several';
        break;
      case 'expect':
        this.#expects ||= EXPECTS.test(value);
        break;
    }
  }

  headOf(method: string, target: string, raw: readonly string[]): InboundHead {
    const isChunked = this.#isChunked;
    const contentLength = this.#contentLength;
    if (isChunked && contentLength !== null)
      throw new UnreadableMessage('Content-Length and Transfer-Encoding');
    // RFC 9112 section 6.1: its framing is in doubt.
    if (isChunked && !this.#isPersistent) throw new UnreadableMessage('Transfer-Encoding in HTTP/1.0');
    const hasBody = isChunked || (contentLength ?? 0) > 0;
    return {
      method,
      target,
      httpVersion: this.#isPersistent ? '1.1' : '1.0',
      raw,
      contentLength,
      isChunked,
      keepsAlive: !this.#asksToClose && (this.#isPersistent || this.#asksToKeep),
      awaitsContinue: this.#expects && hasBody && this.#isPersistent,
      isUpgrade:
        this.#upgrade === 'websocket' &&
        this.#asksToUpgrade &&
        method === 'GET' &&
        this.#isPersistent &&
        !hasBody,
    };
  }
}
