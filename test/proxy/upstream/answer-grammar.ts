import * as fc from 'fast-check';
import { chunkedOf, letters, LINE, lineOf, type Chunked, type Line } from '../../support/message-grammar.ts';

/** An answer with what it is. */
export interface Framed {
  readonly interim: readonly number[];
  readonly status: number;
  readonly phrase: string;
  /** Flat, as a reader is to see it. */
  readonly raw: readonly string[];
  readonly isToHead: boolean;
  readonly body: string;
  /** Whether it ends with the connection. */
  readonly endsWithConnection: boolean;
  readonly text: string;
}

const NEWLINE = '\r\n';
const PHRASE = fc.constantFrom(' OK', ' ', '', ' a  b', ' \xe9');
const BODY = letters('\0\r\n:0 HTP/1.\xff', { maxLength: 40 });

const CHUNKED = chunkedOf(BODY);

const INTERIM = fc
  .record({ status: fc.constantFrom(100, 102, 103, 199), lines: fc.array(LINE, { maxLength: 2 }) })
  .map(({ status, lines }) => ({
    status,
    text: `HTTP/1.1 ${status} Wait${NEWLINE}${lines.map(({ text }) => text).join('')}${NEWLINE}`,
  }));

type Framing = 'length' | 'chunks' | 'connection';

function framed(framing: Framing, body: string, chunked: Chunked) {
  if (framing === 'length')
    return { line: [['Content-Length', String(body.length)]], text: body, body, ends: false } as const;
  if (framing === 'chunks')
    return {
      line: [['transfer-Encoding', 'Chunked']],
      text: chunked.text,
      body: chunked.body,
      ends: false,
    } as const;
  return { line: [], text: body, body, ends: true } as const;
}

/** Answers as RFC 9112 knows them, each with what it says. */
export const ANSWER: fc.Arbitrary<Framed> = fc
  .record({
    interim: fc.array(INTERIM, { maxLength: 2 }),
    version: fc.constantFrom('1.1', '1.1', '1.0'),
    status: fc.constantFrom(200, 201, 204, 205, 304, 404, 500, 999),
    phrase: PHRASE,
    before: fc.array(LINE, { maxLength: 3 }),
    behind: fc.array(LINE, { maxLength: 3 }),
    framing: fc.constantFrom<Framing>('length', 'chunks', 'connection'),
    body: BODY,
    chunked: CHUNKED,
    isToHead: fc.boolean(),
  })
  .map((of) => {
    const { line, text, body, ends } = framed(of.framing, of.body, of.chunked);
    const hasBody = !of.isToHead && of.status !== 204 && of.status !== 304;
    const own = line.map(([name, value]) => lineOf(name, value));
    const lines: readonly Line[] = [...of.before, ...own, ...of.behind];
    const head = `HTTP/${of.version} ${of.status}${of.phrase}${NEWLINE}${lines.map((one) => one.text).join('')}${NEWLINE}`;
    return {
      interim: of.interim.map(({ status }) => status),
      status: of.status,
      phrase: of.phrase.slice(1),
      raw: lines.flatMap(({ name, value }) => [name, value]),
      isToHead: of.isToHead,
      body: hasBody ? body : '',
      endsWithConnection: hasBody && ends,
      text: of.interim.map((one) => one.text).join('') + head + (hasBody ? text : ''),
    };
  });
