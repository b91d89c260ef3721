import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_HEAD_BYTES, MAX_INTERIM } from '../../../src/proxy/upstream/answer-reader.ts';
import { ANSWER } from './answer-grammar.ts';
import { everyByteOf, readingOf } from './reading.ts';

const SURPLUS = fc.constantFrom('', '\r\n', 'x', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');

describe('an answer is read as it was framed', () => {
  it('however it is cut, and no byte behind its end is taken', () => {
    const cuts = fc.array(fc.nat(400), { maxLength: 12 });
    fc.assert(
      fc.property(ANSWER, SURPLUS, cuts, (answer, surplus, places) => {
        const behind = answer.endsWithConnection ? '' : surplus;
        const text = answer.text + behind;
        const sorted = [...new Set(places)].filter((at) => at < text.length).toSorted((a, b) => a - b);
        const whole = readingOf(text, [], answer.isToHead);
        expect(whole.refusal).toBe(null);
        expect(whole).toMatchObject({
          interim: answer.interim,
          head: { status: answer.status, phrase: answer.phrase, raw: answer.raw },
          body: answer.body,
          ends: 1,
          used: answer.text.length,
          isWhole: true,
        });
        expect(readingOf(text, sorted, answer.isToHead)).toEqual(whole);
        expect(readingOf(text, everyByteOf(text), answer.isToHead)).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('and is not whole behind any byte but its last', () => {
    fc.assert(
      fc.property(
        ANSWER.filter(({ endsWithConnection }) => !endsWithConnection),
        ({ text, isToHead }) => {
          for (let at = 0; at < text.length; at++) {
            const part = readingOf(text.slice(0, at), [], isToHead);
            expect([at, part.isWhole, part.ends, part.refusal]).toEqual([at, false, 0, null]);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

const OK = 'HTTP/1.1 200 OK\r\n';
const LENGTH = 'Content-Length: 2\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const answer = (lines: string): string => `${OK}${lines}\r\nok`;

/** Read by nobody: what a lenient reader might take for something, by what is wrong with it. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  'no status line of HTTP/1.x': [
    'HTTP/1.2 200 OK\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'http/1.1 200 OK\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1\t200 OK\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 2000 OK\r\n\r\n',
    'HTTP/1.1 099 OK\r\n\r\n',
    'HTTP/1.1 200OK\r\n\r\n',
    'HTTP/1.1 +20 OK\r\n\r\n',
    'HTTP/1.1 200 O\nK\r\n\r\n',
    'HTTP/1.1 200 OK\r\r\n\r\n',
    ` ${answer(LENGTH)}`,
    `\r\n${answer(LENGTH)}`,
  ],
  'a bare LF, a bare CR': [
    answer(`X-A: b\n${LENGTH}`),
    answer(`X-A: b\r${LENGTH}`),
    answer(`X-A: b\r\r\n${LENGTH}`),
    `${OK}Content-Length: 2\n\r\n\r\nok`,
    `${OK}Content-Length: 2\r\r\n\r\nok`,
  ],
  'a folded line': [
    answer(`X-A: b\r\n c\r\n${LENGTH}`),
    answer(`X-A: b\r\n\tc\r\n${LENGTH}`),
    `${OK} X: a\r\n\r\n`,
  ],
  'a control byte': ['\0', '\x01', '\b', '\v', '\f', '\x1f', '\x7f'].map((byte) =>
    answer(`X-A: a${byte}b\r\n${LENGTH}`),
  ),
  'a name that is none': [
    'X A',
    'X-A ',
    '\tX',
    '',
    'X(A',
    'X"A',
    'X\xe9',
    'X/A',
    'X@',
    '{',
    'X,A',
    'X;A',
  ].map((name) => answer(`${name}: b\r\n${LENGTH}`)),
  'a line without a colon': [answer(`X-A\r\n${LENGTH}`), `${OK}X-A\r\n\r\n`],
  'a length that is none': [
    ...['', '+2', '-2', '2x', '0x2', '2,2', '2, 2', '2 2', '2.0', '2e0', '"2"', '\xb2', '1'.repeat(16)].map(
      (value) => answer(`Content-Length: ${value}\r\n`),
    ),
    answer(LENGTH + LENGTH),
    answer(`${LENGTH}content-length: 3\r\n`),
    answer(`${LENGTH}Content-Length:\r\n`),
  ],
  'another transfer coding than chunked, or two': [
    ...[
      '',
      'gzip',
      'gzip, chunked',
      'chunked, gzip',
      'identity',
      'xchunked',
      'chunked;a=b',
      '"chunked"',
      ',chunked',
    ].map((value) => answer(`Transfer-Encoding: ${value}\r\n`)),
    answer('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
  ],
  'a length and chunks': [
    answer(`${LENGTH}Transfer-Encoding: chunked\r\n`),
    answer(`Transfer-Encoding: chunked\r\n${LENGTH}`),
    answer('Transfer-Encoding: chunked\r\nContent-Length: 0\r\n'),
  ],
  'a switch of protocols': ['HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'],
  'another protocol, as soon as that shows': [
    'SSH-2.0',
    '\x15\x03\x01',
    'HTTP/2',
    '\0',
    '\r',
    'HTTq',
    '220 ok',
    '{',
  ],
  'more than 16 KiB before its empty line': [
    answer(`X-A: ${'b'.repeat(MAX_HEAD_BYTES)}\r\n`),
    answer('X-A: b\r\n'.repeat(MAX_HEAD_BYTES / 8)),
    OK + 'x'.repeat(MAX_HEAD_BYTES),
  ],
  'an interim head that ends the connection': [
    `HTTP/1.0 100 Continue\r\n\r\n${answer(LENGTH)}`,
    `HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n${answer(LENGTH)}`,
  ],
  'more interim heads than there can be': ['HTTP/1.1 103 Early\r\n\r\n'.repeat(MAX_INTERIM + 1)],
  'a size of a chunk that is none': [
    '',
    ' 2',
    '2 ',
    '0x2',
    '-2',
    '+2',
    '2h',
    '2\0',
    'g',
    ';a',
    '1'.repeat(14),
    '2 ;a',
    '2\t;a',
    '2; a',
    '2;',
    '2;a;',
    '2;a b',
    '2;a="b',
    '2;a="b"c',
    '2;\xe9',
    '2;a\0',
    '2;a=b=c',
    '2;a="\x7f"',
    '2;a=',
    '2;a\r',
  ].map((size) => `${CHUNKED}${size}\r\nok\r\n0\r\n\r\n`),
  'a chunk with a bare LF, or longer or shorter than its size': [
    '2\nok\r\n0\r\n\r\n',
    '2\r\nok\n0\r\n\r\n',
    '2\r\nokx\r\n0\r\n\r\n',
    '2\r\nok\r\r\n0\r\n\r\n',
    '2\r\nok0\r\n\r\n',
    '3\r\nok\r\n0\r\n\r\n',
    '2\r\nok\r\n0\n\r\n',
    '2\r\nok\r\n0\r\n\n',
  ].map((body) => CHUNKED + body),
  'a trailer that is none': [
    'X A: b',
    'X-A',
    ': b',
    ' X-A: b',
    'X-A: b\r\n c',
    'X-A: b\0',
    'X-A: b\rc',
    'X-A: b\nX-B: c',
    'Content-Length: 4',
    'content-length:4',
    'Transfer-Encoding: chunked',
  ].map((line) => `${CHUNKED}2\r\nok\r\n0\r\n${line}\r\n\r\n`),
  'lines of chunks that do not end': [
    `${CHUNKED}2;${'a'.repeat(5000)}`,
    `${CHUNKED}${'0'.repeat(5000)}`,
    `${CHUNKED}2\r\nok${'\r'.repeat(5000)}`,
    `${CHUNKED}0\r\nX-A: ${'b'.repeat(5000)}`,
    `${CHUNKED}0\r\n${'X-A: b\r\n'.repeat(4000)}`,
  ],
};

describe.each(Object.entries(REFUSED))('an answer with %s is refused', (_, texts) => {
  it.each(texts.map((text) => [JSON.stringify(text.slice(0, 120)), text]))('%s', (__, text) => {
    const whole = readingOf(text);
    expect(whole.refusal).not.toBe(null);
    expect([whole.ends, whole.isWhole]).toEqual([0, false]);
    const bytewise = readingOf(text, everyByteOf(text));
    expect(bytewise).toEqual({ ...whole, used: bytewise.used });
  });
});

describe('an answer at a bound is read, however it is cut', () => {
  const head = `${OK}${LENGTH}X-A: `;
  const full = head + 'b'.repeat(MAX_HEAD_BYTES - head.length);
  it.each([
    ['a head of 16 KiB', `${full}\r\n\r\nok`],
    ['a hundred interim heads', 'HTTP/1.1 103 Early\r\n\r\n'.repeat(MAX_INTERIM) + answer(LENGTH)],
    ['an extension of 4 KiB', `${CHUNKED}2;${'a'.repeat(4092)}\r\nok\r\n0\r\n\r\n`],
    ['a size with all its digits', `${CHUNKED}0000000000002\r\nok\r\n0\r\n\r\n`],
  ])('%s', (_, text) => {
    const whole = readingOf(text);
    expect(whole).toMatchObject({ body: 'ok', ends: 1, isWhole: true, refusal: null, used: text.length });
    expect(readingOf(text, everyByteOf(text))).toEqual(whole);
  });
});

describe('what becomes of the connection is read from the head', () => {
  it.each([
    ['HTTP/1.1', '', true, null],
    ['HTTP/1.0', '', false, null],
    ['HTTP/1.0', 'Connection: keep-alive\r\n', false, null],
    ['HTTP/1.1', 'Connection: close\r\n', false, null],
    ['HTTP/1.1', 'Connection: X-A , CLOSE\r\n', false, null],
    ['HTTP/1.1', 'Connection: close\r\nConnection: keep-alive\r\n', false, null],
    ['HTTP/1.1', 'Connection: x-close, keep-alive\r\n', true, null],
    ['HTTP/1.1', 'Keep-Alive: timeout=5, max=100\r\n', true, 5],
    ['HTTP/1.1', 'Keep-Alive: max=100,timeout=0\r\n', true, 0],
    ['HTTP/1.1', 'Keep-Alive: timeout=1\r\nKeep-Alive: max=100\r\n', true, 1],
    ['HTTP/1.1', 'Keep-Alive: timeout=9\r\nKeep-Alive: timeout=3\r\n', true, 3],
    ['HTTP/1.1', 'Keep-Alive: x-timeout=3\r\n', true, null],
  ])('%s with %j', (version, lines, keepsAlive, idleSeconds) => {
    expect(readingOf(`${version} 200 OK\r\n${LENGTH}${lines}\r\nok`).head).toMatchObject({
      keepsAlive,
      idleSeconds,
    });
  });
});
