import * as fc from 'fast-check';

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

const letters = (of: string, size: { minLength?: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...of.split('')), size).map((all) => all.join(''));

const TOKEN = "!#$%&'*+-.^_`|~0189AZaz";
const TEXT = '\t !"#;:,=~az\x80\xff';
const BLANK = fc.constantFrom('', ' ', '\t', ' \t ');
/** None that the framing is read from. */
const NAME = letters(TOKEN, { minLength: 1, maxLength: 8 }).map((name) => `X${name}`);
const VALUE = letters(TEXT, { maxLength: 12 });
const BODY = letters('\0\r\n:0 GETHP/1.\xff', { maxLength: 40 });
const METHOD = fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'M-SEARCH', 'QUERY');
const TARGET = fc.constantFrom('/', '/a/b?c=%20&d', '/%ff//..;x', '*', 'http://a.test/b', '/{|}"^`\\');

interface Line {
  readonly name: string;
  readonly value: string;
  readonly text: string;
}

const LINE: fc.Arbitrary<Line> = fc
  .record({ name: NAME, value: VALUE, before: BLANK, behind: BLANK })
  .map(({ name, value, before, behind }) => ({
    name,
    value: value.replace(/^[\t ]+|[\t ]+$/g, ''),
    text: `${name}:${before}${value}${behind}\r\n`,
  }));

const lineOf = (name: string, value: string): Line => ({ name, value, text: `${name}: ${value}\r\n` });

const EXTENSION = fc.constantFrom('', '', ';a', ';a=b', ';a=x;b', ';a="b;\\"c"', ';q=" \t\xff"');

const CHUNKED: fc.Arbitrary<{ text: string; body: string }> = fc
  .record({
    chunks: fc.array(
      fc.record({ body: BODY.filter((body) => body !== ''), extension: EXTENSION, zeros: fc.nat(2) }),
      { maxLength: 4 },
    ),
    last: fc.record({ extension: EXTENSION, zeros: fc.nat(3) }),
    trailer: fc.array(LINE, { maxLength: 2 }),
    isUpper: fc.boolean(),
  })
  .map(({ chunks, last, trailer, isUpper }) => {
    const sizeOf = (body: string, zeros: number): string => {
      const size = '0'.repeat(zeros) + body.length.toString(16);
      return isUpper ? size.toUpperCase() : size;
    };
    const texts = chunks.map(
      ({ body, extension, zeros }) => `${sizeOf(body, zeros)}${extension}\r\n${body}\r\n`,
    );
    const end = `${sizeOf('', last.zeros)}${last.extension}\r\n`;
    return {
      text: `${texts.join('')}${end}${trailer.map(({ text }) => text).join('')}\r\n`,
      body: chunks.map(({ body }) => body).join(''),
    };
  });

/** Of which the first is said by the version alone. */
const CONNECTION = fc.constantFrom('', '', 'keep-alive', 'Keep-Alive , x-a', 'close', 'x-close,keep-alive');

function framed(
  framing: 'none' | 'length' | 'chunks',
  body: string,
  chunked: { text: string; body: string },
) {
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
