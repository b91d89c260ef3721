import * as fc from 'fast-check';

/** Changes a text somewhere. */
export type Mutation = (text: string) => string;

const BYTE = fc.constantFrom(...'\0\t\n\v\r "(),:;=\x7f\x80\xffaAxX0129fF-+.'.split(''));
/** As they stand in a head, in a body, and where there is to be neither. */
const PIECE = fc.constantFrom(
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
  '2\r\nok\r\n0\r\n\r\n',
  'Content-Length: 2\r\n',
  'content-length:0\r\n',
  'Content-Length: 2, 2\r\n',
  'Content-Length:\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding:\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: x-close\r\n',
  'Connection:\r\n',
  'Expect: 100-continue\r\n',
  'Expect: x\r\n',
  ' HTTP/1.1\r\n',
  'GET / HTTP/1.1\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'POST / HTTP/1.0\r\n',
);

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

/** None makes an Upgrade field or CONNECT, which Node's parser stops at, or Proxy-Connection, which it takes for Connection. */
export const MUTATION: fc.Arbitrary<Mutation> = fc.oneof(
  mutating(fc.tuple(AT, BYTE), (text, [at, byte]) => splice(text, at, 1, byte)),
  mutating(fc.tuple(AT, fc.oneof(BYTE, PIECE)), (text, [at, piece]) => splice(text, at, 0, piece)),
  mutating(fc.tuple(AT, fc.integer({ min: 1, max: 4 })), (text, [at, n]) => splice(text, at, n, '')),
  mutating(fc.tuple(LINE, PIECE), (text, [nth, piece]) => atLineEnd(text, nth, piece)),
  mutating(fc.tuple(LINE, PIECE), (text, [nth, piece]) => atLineStart(text, nth, piece)),
  mutating(LINE, doubledLine),
  mutating(fc.tuple(LINE, LINE), (text, [nth, by]) => otherDigit(text, nth, String(by))),
);
