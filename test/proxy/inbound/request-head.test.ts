import { METHODS } from 'node:http';
import { describe, expect, it } from 'vitest';
import { UnreadableMessage } from '../../../src/proxy/http1/fields.ts';
import { HeadTooLarge, readRequestHead, type InboundHead } from '../../../src/proxy/inbound/request-head.ts';

/** The head of a request with these lines, without the empty line behind it. */
const headOf = (line: string, ...lines: readonly string[]): InboundHead =>
  readRequestHead([line, ...lines].join('\r\n'));
const get = (...lines: readonly string[]): InboundHead => headOf('GET / HTTP/1.1', ...lines);

const CLOSE = 'Connection: close';
const KEEP = 'Connection: keep-alive';
const CHUNKED = 'Transfer-Encoding: chunked';
const ASKS = 'Expect: 100-continue';
const WEBSOCKET = ['Connection: Upgrade', 'Upgrade: websocket'];

describe('a request line is taken', () => {
  it.each([
    ['GET / HTTP/1.1', { method: 'GET', target: '/', httpVersion: '1.1' }],
    ['GET / HTTP/1.0', { method: 'GET', target: '/', httpVersion: '1.0' }],
    ['M-SEARCH * HTTP/1.1', { method: 'M-SEARCH', target: '*', httpVersion: '1.1' }],
    ['QUERY /a?b=%20#c HTTP/1.1', { method: 'QUERY', target: '/a?b=%20#c', httpVersion: '1.1' }],
    ['GET http://a.test/b HTTP/1.1', { method: 'GET', target: 'http://a.test/b', httpVersion: '1.1' }],
    ['CONNECT a.test:443 HTTP/1.1', { method: 'CONNECT', target: 'a.test:443', httpVersion: '1.1' }],
    ['GET /\xe9\x80\xff HTTP/1.1', { method: 'GET', target: '/\xe9\x80\xff', httpVersion: '1.1' }],
    ['GET /"<>\\^`{|} HTTP/1.1', { method: 'GET', target: '/"<>\\^`{|}', httpVersion: '1.1' }],
  ])('%j', (line, said) => {
    expect(headOf(line)).toEqual({
      ...said,
      raw: [],
      contentLength: null,
      isChunked: false,
      keepsAlive: said.httpVersion === '1.1',
      awaitsContinue: false,
      isUpgrade: false,
    });
  });

  it('with each method that Node knows', () => {
    for (const method of METHODS) expect(headOf(`${method} /a HTTP/1.1`).method).toBe(method);
  });
});

describe('header lines are taken as they came, without the blanks around a value', () => {
  it.each([
    [['Host: a.test'], ['Host', 'a.test']],
    [['Host:a.test'], ['Host', 'a.test']],
    [['host: \t a.test \t '], ['host', 'a.test']],
    [['X-A:'], ['X-A', '']],
    [['X-A: \t '], ['X-A', '']],
    [['X-A: b\tc  d'], ['X-A', 'b\tc  d']],
    [['X-A: :b:'], ['X-A', ':b:']],
    [['X-A: \xa0\xe9\x80\xff\x85'], ['X-A', '\xa0\xe9\x80\xff\x85']],
    [
      ["!#$%&'*+-.^_`|~09AZaz: b", 'x-a: 1', 'X-A: 1'],
      ["!#$%&'*+-.^_`|~09AZaz", 'b', 'x-a', '1', 'X-A', '1'],
    ],
    [
      ['__proto__: a', 'constructor: b'],
      ['__proto__', 'a', 'constructor', 'b'],
    ],
  ])('%j', (lines, raw) => {
    expect(get(...lines).raw).toEqual(raw);
  });

  it('up to a thousand of them', () => {
    expect(get(...Array<string>(1000).fill('X-A: b')).raw.length).toBe(2000);
  });
});

describe('whether another request may follow', () => {
  it.each([
    ['1.1', [], true],
    ['1.1', [CLOSE], false],
    ['1.1', ['connection:\tCLOSE '], false],
    ['1.1', [KEEP], true],
    ['1.1', ['Connection: x-a , Close,x-b'], false],
    ['1.1', ['Connection: x-close, close-x, "close"'], true],
    ['1.1', ['Connection: keep-alive, close'], false],
    ['1.1', [CLOSE, KEEP], false],
    ['1.1', [KEEP, CLOSE], false],
    ['1.1', ['Connection:'], true],
    ['1.1', ['Connection: ,,close'], false],
    ['1.1', ['Proxy-Connection: close'], true],
    ['1.1', [CHUNKED, CLOSE], false],
    ['1.0', [], false],
    ['1.0', [KEEP], true],
    ['1.0', ['Connection: x-a,KEEP-ALIVE'], true],
    ['1.0', ['Connection: x-keep-alive'], false],
    ['1.0', ['Connection: keep-alive, close'], false],
    ['1.0', [KEEP, CLOSE], false],
    ['1.0', ['Proxy-Connection: keep-alive'], false],
    ['1.0', ['Keep-Alive: timeout=5'], false],
    ['1.0', ['Content-Length: 3', KEEP], true],
  ])('in HTTP/%s with %j: %s', (version, lines, keepsAlive) => {
    expect(headOf(`POST / HTTP/${version}`, ...lines).keepsAlive).toBe(keepsAlive);
  });
});

describe('how its body is framed', () => {
  it.each([
    [[], null, false],
    [['Content-Length: 0'], 0, false],
    [['Content-Length: 000'], 0, false],
    [['Content-Length: 007'], 7, false],
    [['content-LENGTH:\t12 '], 12, false],
    [['Content-Length: 999999999999999'], 999_999_999_999_999, false],
    [[CHUNKED], null, true],
    [['transfer-encoding:CHUNKED'], null, true],
    [['TE: trailers', 'Trailer: x'], null, false],
    [['Content-Length-X: 5', 'X-Content-Length: 6'], null, false],
  ])('with %j', (lines, contentLength, isChunked) => {
    expect(headOf('POST / HTTP/1.1', ...lines)).toMatchObject({ contentLength, isChunked });
  });
});

describe('whether it waits to be told to send its body', () => {
  it.each([
    ['1.1', [ASKS, 'Content-Length: 1'], true],
    ['1.1', [ASKS, CHUNKED], true],
    ['1.1', ['expect: 100-Continue', 'Content-Length: 1'], true],
    ['1.1', [ASKS], false],
    ['1.1', [ASKS, 'Content-Length: 0'], false],
    ['1.1', ['Expect: 100-continue-x', 'Content-Length: 1'], false],
    ['1.1', ['Expect: 200-ok', 'Content-Length: 1'], false],
    ['1.1', ['Content-Length: 1'], false],
    ['1.0', [ASKS, 'Content-Length: 1'], false],
  ])('in HTTP/%s with %j: %s', (version, lines, awaitsContinue) => {
    expect(headOf(`POST / HTTP/${version}`, ...lines).awaitsContinue).toBe(awaitsContinue);
  });
});

describe('whether it wants a WebSocket', () => {
  it.each([
    ['GET / HTTP/1.1', WEBSOCKET, true],
    ['GET / HTTP/1.1', ['upgrade: WebSocket', 'connection: keep-alive, UPGRADE'], true],
    ['GET / HTTP/1.1', [...WEBSOCKET, 'Content-Length: 0'], true],
    ['GET / HTTP/1.1', [...WEBSOCKET, 'Content-Length: 1'], false],
    ['GET / HTTP/1.1', [...WEBSOCKET, CHUNKED], false],
    ['GET / HTTP/1.1', ['Upgrade: websocket'], false],
    ['GET / HTTP/1.1', ['Connection: upgrade'], false],
    ['GET / HTTP/1.1', ['Connection: x-upgrade', 'Upgrade: websocket'], false],
    ['GET / HTTP/1.1', ['Connection: upgrade', 'Upgrade: h2c'], false],
    ['GET / HTTP/1.1', ['Connection: upgrade', 'Upgrade: websocket, h2c'], false],
    ['GET / HTTP/1.1', [...WEBSOCKET, 'Upgrade: websocket'], false],
    ['GET / HTTP/1.1', [...WEBSOCKET, 'Upgrade: h2c'], false],
    ['GET / HTTP/1.0', WEBSOCKET, false],
    ['POST / HTTP/1.1', WEBSOCKET, false],
    ['HEAD / HTTP/1.1', WEBSOCKET, false],
    ['CONNECT a.test:1 HTTP/1.1', WEBSOCKET, false],
  ])('%s with %j: %s', (line, lines, isUpgrade) => {
    expect(headOf(line, ...lines).isUpgrade).toBe(isUpgrade);
  });
});

const lined = (...lines: readonly string[]): string => ['POST / HTTP/1.1', ...lines].join('\r\n');

const CODINGS =
  '|gzip|gzip, chunked|chunked, gzip|chunked, chunked|identity|xchunked|chunkedx|chunked;a=b|"chunked"' +
  '|,chunked|chunked,|chunke\xe4|chun\tked';

/** Read by nobody: what a lenient reader might take for something, by what is wrong with it. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  'no request line of HTTP/1.x': [
    '',
    'GET',
    'GET /',
    'GET / ',
    'GET HTTP/1.1',
    'GET  HTTP/1.1',
    'GET / HTTP/1.2',
    'GET / HTTP/2',
    'GET / HTTP/2.0',
    'GET / HTTP/0.9',
    'GET / HTTP/1.10',
    'GET / HTTP/1.',
    'GET / http/1.1',
    'GET / HTTPS/1.1',
    'GET / HTTP/1.1x',
    'GET / RTSP/1.0',
    'GET / a HTTP/1.1',
    'HTTP/1.1 200 OK',
    'PRI * HTTP/2.0',
    '\r\nGET / HTTP/1.1',
  ],
  'a method that nobody knows': [
    ...[
      'get',
      'Get',
      'GeT',
      'GETS',
      'GE',
      'G-ET',
      'PRI',
      'X',
      '-',
      'G3T',
      'G\xcbT',
      '"GET"',
      'SPACEJUMP',
    ].map((method) => `${method} / HTTP/1.1`),
    ' / HTTP/1.1',
  ],
  'another blank than one space in its request line': [
    ' GET / HTTP/1.1',
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    'GET / HTTP/1.1 ',
    '\tGET / HTTP/1.1',
    'GET\t/ HTTP/1.1',
    'GET /\tHTTP/1.1',
    'GET /\ta HTTP/1.1',
    'GET / HTTP/1.1\t',
    'GET\v/ HTTP/1.1',
    'GET /a\xa0\0 HTTP/1.1',
  ],
  'a control byte in its request line': ['\0', '\x01', '\b', '\n', '\v', '\f', '\r', '\x1f', '\x7f'].flatMap(
    (byte) => [`GET /a${byte}b HTTP/1.1`, `GET / HTTP/1.1${byte}`, `${byte}GET / HTTP/1.1`],
  ),
  'a bare LF, a bare CR': [
    lined('X-A: b\nX-B: c'),
    lined('X-A: b\rX-B: c'),
    lined('X-A: b\r'),
    lined('X-A: b\n'),
    lined('X-A\n: b'),
    'POST / HTTP/1.1\nX-A: b',
    'POST / HTTP/1.1\rX-A: b',
    'POST / HTTP/1.1\r\r\nX-A: b',
  ],
  'a folded line': [
    lined('X-A: b', ' c'),
    lined('X-A: b', '\tc: d'),
    lined(' X-A: b'),
    lined('\tX-A: b'),
    lined('X-A: b', ' '),
  ],
  'a control byte': ['\0', '\x01', '\b', '\v', '\f', '\x1f', '\x7f'].flatMap((byte) => [
    lined(`X-A: a${byte}b`),
    lined(`X-A: ${byte}`),
    lined(`X${byte}: b`),
  ]),
  'a name that is none': [
    'X A',
    'X-A ',
    'X-A\t',
    '',
    'X(A',
    'X"A',
    'X\xe9',
    'X/A',
    'X@',
    '{',
    'X,A',
    'X;A',
  ].map((name) => lined(`${name}: b`)),
  'a line without a colon': [lined('X-A'), lined('X-A', 'X-B: c'), lined('X-A: b', '', 'X-B: c'), lined('')],
  'a length that is none': [
    ...['', '+2', '-2', '2x', '0x2', '2,2', '2, 2', '2 2', '2.0', '2e0', '"2"', '\xb2', '1'.repeat(16)].map(
      (value) => lined(`Content-Length: ${value}`),
    ),
    lined('Content-Length: 2', 'Content-Length: 2'),
    lined('Content-Length: 2', 'content-length: 3'),
    lined('Content-Length: 0', 'Content-Length: 0'),
    lined('Content-Length: 2', 'Content-Length:'),
  ],
  'another transfer coding than chunked, or two': CODINGS.split('|')
    .map((value) => lined(`Transfer-Encoding: ${value}`))
    .concat(lined(CHUNKED, CHUNKED), lined('Transfer-Encoding: gzip', CHUNKED)),
  'a length and chunks': [
    lined('Content-Length: 2', CHUNKED),
    lined(CHUNKED, 'Content-Length: 2'),
    lined(CHUNKED, 'Content-Length: 0'),
  ],
  'chunks in HTTP/1.0': [
    `POST / HTTP/1.0\r\n${CHUNKED}`,
    `POST / HTTP/1.0\r\n${CHUNKED}\r\n${KEEP}`,
    `GET / HTTP/1.0\r\n${CHUNKED}`,
  ],
};

describe.each(Object.entries(REFUSED))('a request with %s is refused', (_, texts) => {
  it.each(texts.map((text) => [JSON.stringify(text), text]))('%s', (__, text) => {
    const read = (): unknown => readRequestHead(text);
    expect(read).toThrow(UnreadableMessage);
    expect(read).not.toThrow(HeadTooLarge);
  });
});

describe('a head with more than a thousand lines', () => {
  it('is too large', () => {
    const read = (): unknown => get(...Array<string>(1001).fill('X-A: b'));
    expect(read).toThrow(HeadTooLarge);
    expect(read).toThrow(expect.objectContaining({ code: 'HEAD_TOO_LARGE' }));
  });
});
