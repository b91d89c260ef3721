import * as fc from 'fast-check';
import { chunkedOf, letters, LINE, lineOf, type Chunked, type Line } from '../../support/message-grammar.ts';
import { mutationsWith } from '../../support/message-mutation.ts';

/** A request with what it is. */
export interface Framed {
  readonly method: string;
  readonly target: string;
  /** Flat, as a reader is to see it. */
  readonly raw: readonly string[];
  readonly body: string;
  /** Whether another one may follow on its connection. */
  readonly keepsAlive: boolean;
  readonly text: string;
}

const BODY = letters('\0\r\n:0 GETHP/1.\xff', { maxLength: 40 });
const METHOD = fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'M-SEARCH', 'QUERY');
const TARGET = fc.constantFrom('/', '/a/b?c=%20&d', '/%ff//..;x', '*', 'http://a.test/b', '/{|}"^`\\');

const CHUNKED = chunkedOf(BODY);

/** Of which the first is said by the version alone. */
const CONNECTION = fc.constantFrom('', '', 'keep-alive', 'Keep-Alive , x-a', 'close', 'x-close,keep-alive');

function framed(framing: 'none' | 'length' | 'chunks', body: string, chunked: Chunked) {
  if (framing === 'none') return { lines: [], text: '', body: '' };
  if (framing === 'length')
    return { lines: [lineOf('Content-Length', String(body.length))], text: body, body };
  return { lines: [lineOf('transfer-Encoding', 'Chunked')], ...chunked };
}

/** Requests as RFC 9112 knows them, each with what it says. */
export const REQUEST: fc.Arbitrary<Framed> = fc
  .record({
    method: METHOD,
    target: TARGET,
    version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
    before: fc.array(LINE, { maxLength: 2 }),
    behind: fc.array(LINE, { maxLength: 2 }),
    connection: CONNECTION,
    framing: fc.constantFrom('none', 'length', 'chunks'),
    emptyLines: fc.constantFrom('', '', '', '\r\n', '\r\n\r\n'),
    body: BODY,
    chunked: CHUNKED,
  })
  .map((of) => {
    // HTTP/1.0 knows no chunks.
    const framing = of.framing === 'chunks' && of.version === '1.0' ? 'length' : of.framing;
    const { lines: own, text, body } = framed(framing, of.body, of.chunked);
    const connection = of.connection === '' ? [] : [lineOf('Connection', of.connection)];
    const lines: readonly Line[] = [...of.before, ...own, ...connection, ...of.behind];
    const head = `${of.method} ${of.target} HTTP/${of.version}\r\n${lines.map((one) => one.text).join('')}\r\n`;
    const options = of.connection.toLowerCase().split(/ ?, ?/);
    return {
      method: of.method,
      target: of.target,
      raw: lines.flatMap(({ name, value }) => [name, value]),
      body,
      keepsAlive: !options.includes('close') && (of.version === '1.1' || options.includes('keep-alive')),
      text: of.emptyLines + head + text,
    };
  });

/** What a connection that carries them all has read of them. */
export function servedOf(requests: readonly Framed[]): readonly Framed[] {
  const last = requests.findIndex(({ keepsAlive }) => !keepsAlive);
  return last === -1 ? requests : requests.slice(0, last + 1);
}

/** None makes an Upgrade field or CONNECT, which Node's parser stops at, or Proxy-Connection, which it takes for Connection. */
export const REQUEST_MUTATION = mutationsWith([
  '2\r\nok\r\n0\r\n\r\n',
  'Connection: keep-alive\r\n',
  'Connection: x-close\r\n',
  'Connection:\r\n',
  'Expect: 100-continue\r\n',
  'Expect: x\r\n',
  ' HTTP/1.1\r\n',
  'GET / HTTP/1.1\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'POST / HTTP/1.0\r\n',
]);
