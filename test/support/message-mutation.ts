import * as fc from 'fast-check';

/** Changes a text somewhere. */
type Mutation = (text: string) => string;

const BYTE = fc.constantFrom(...'\0\t\n\v\r "(),:;=\x7f\x80\xffaAxX0129fF-+.'.split(''));
/** As they stand in a head, in a body, and where there is to be neither. */
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\n\n',
  '\r\n ',
  ' \r\n',
  '\r\r\n',
  ':',
  ' :',
  ' ',
  '\t',
  '0\r\n\r\n',
  '0\r\n',
  ';a',
  '"',
  'Content-Length: 2\r\n',
  'content-length:0\r\n',
  'Content-Length: 2, 2\r\n',
  'Content-Length:\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding:\r\n',
  'Connection: close\r\n',
];

const AT = fc.nat(999);
const LINE = fc.nat(99);

/** `share` is the place, in thousandths of the text. */
function splice(text: string, share: number, length: number, by: string): string {
  const at = Math.floor((text.length * share) / 1000);
  return text.slice(0, at) + by + text.slice(at + length);
}

function atLineEnd(text: string, nth: number, by: string): string {
  const lines = text.split('\r\n');
  const at = nth % Math.max(1, lines.length - 1);
  return lines.slice(0, at + 1).join('\r\n') + by + lines.slice(at + 1).join('\r\n');
}

function atLineStart(text: string, nth: number, by: string): string {
  const lines = text.split('\r\n');
  const at = nth % lines.length;
  return lines.toSpliced(at, 1, by + (lines[at] ?? '')).join('\r\n');
}

function doubledLine(text: string, nth: number): string {
  const lines = text.split('\r\n');
  const at = nth % lines.length;
  return lines.toSpliced(at, 0, lines[at] ?? '').join('\r\n');
}

function otherDigit(text: string, nth: number, by: string): string {
  const digits = [...text.matchAll(/\d/g)];
  const at = digits[nth % Math.max(1, digits.length)]?.index ?? 0;
  return text.slice(0, at) + by + text.slice(at + 1);
}

const mutating = <T>(arbitrary: fc.Arbitrary<T>, change: (text: string, by: T) => string) =>
  arbitrary.map(
    (by): Mutation =>
      (text) =>
        change(text, by),
  );

/** `pieces` are those of requests, or of answers. */
export function mutationsWith(pieces: readonly string[]): fc.Arbitrary<Mutation> {
  const piece = fc.constantFrom(...PIECES, ...pieces);
  return fc.oneof(
    mutating(fc.tuple(AT, BYTE), (text, [at, byte]) => splice(text, at, 1, byte)),
    mutating(fc.tuple(AT, fc.oneof(BYTE, piece)), (text, [at, by]) => splice(text, at, 0, by)),
    mutating(fc.tuple(AT, fc.integer({ min: 1, max: 4 })), (text, [at, n]) => splice(text, at, n, '')),
    mutating(fc.tuple(LINE, piece), (text, [nth, by]) => atLineEnd(text, nth, by)),
    mutating(fc.tuple(LINE, piece), (text, [nth, by]) => atLineStart(text, nth, by)),
    mutating(LINE, doubledLine),
    mutating(fc.tuple(LINE, LINE), (text, [nth, by]) => otherDigit(text, nth, String(by))),
  );
}
