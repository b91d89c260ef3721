import * as fc from 'fast-check';

/*
 * What requests and answers have in common as RFC 9112 knows them, as arbitraries of text, each byte a character.
 */

export const letters = (of: string, size: { minLength?: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...of.split('')), size).map((all) => all.join(''));

const TOKEN = "!#$%&'*+-.^_`|~0189AZaz";
const TEXT = '\t !"#;:,=~az\x80\xff';
const BLANK = fc.constantFrom('', ' ', '\t', ' \t ');
/** None that the framing is read from. */
const NAME = letters(TOKEN, { minLength: 1, maxLength: 8 }).map((name) => `X${name}`);
const VALUE = letters(TEXT, { maxLength: 12 });
const EXTENSION = fc.constantFrom('', '', ';a', ';a=b', ';a=x;b', ';a="b;\\"c"', ';q=" \t\xff"');

export interface Line {
  readonly name: string;
  readonly value: string;
  readonly text: string;
}

/** A header line that says nothing of the framing. */
export const LINE: fc.Arbitrary<Line> = fc
  .record({ name: NAME, value: VALUE, before: BLANK, behind: BLANK })
  .map(({ name, value, before, behind }) => ({
    name,
    value: value.replace(/^[\t ]+|[\t ]+$/g, ''),
    text: `${name}:${before}${value}${behind}\r\n`,
  }));

export const lineOf = (name: string, value: string): Line => ({ name, value, text: `${name}: ${value}\r\n` });

/** A body in chunks, with its trailer. */
export interface Chunked {
  readonly text: string;
  readonly body: string;
}

export const chunkedOf = (body: fc.Arbitrary<string>): fc.Arbitrary<Chunked> =>
  fc
    .record({
      chunks: fc.array(
        fc.record({ body: body.filter((part) => part !== ''), extension: EXTENSION, zeros: fc.nat(2) }),
        { maxLength: 4 },
      ),
      last: fc.record({ extension: EXTENSION, zeros: fc.nat(3) }),
      trailer: fc.array(LINE, { maxLength: 3 }),
      isUpper: fc.boolean(),
    })
    .map(({ chunks, last, trailer, isUpper }) => {
      const sizeOf = (part: string, zeros: number): string => {
        const size = '0'.repeat(zeros) + part.length.toString(16);
        return isUpper ? size.toUpperCase() : size;
      };
      const texts = chunks.map((one) => `${sizeOf(one.body, one.zeros)}${one.extension}\r\n${one.body}\r\n`);
      const end = `${sizeOf('', last.zeros)}${last.extension}\r\n`;
      return {
        text: `${texts.join('')}${end}${trailer.map(({ text }) => text).join('')}\r\n`,
        body: chunks.map((one) => one.body).join(''),
      };
    });
