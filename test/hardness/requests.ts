/**
 * What a client may send, by the title of the test. It stands between `Host` with a key and the end of the head,
 * unless `head` says the whole head. `status` is what the gate itself answers; without it the request goes on.
 * `next` says whether a request pipelined behind it is served, or the connection ends first.
 */
export interface HardRequest {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  readonly lines?: readonly string[];
  readonly head?: string;
  /** As it stands on the wire, framing included. */
  readonly body?: string;
  readonly status?: number;
  readonly next?: 'served' | 'cut';
  /** What the upstream sees where it is not the same: target, lines of the client's own, body without framing. */
  readonly seen?: { readonly target?: string; readonly lines?: readonly string[]; readonly body?: string };
}

export const REFUSED = { status: 400, next: 'cut' } as const;
export const CHUNKED = 'Transfer-Encoding: chunked';
const HI = '2\r\nhi\r\n0\r\n\r\n';
/** Bytes that would be a request if anybody took them for one. */
export const INNER = 'GET /admin HTTP/1.1\r\nHost: gate.test\r\nX-User-Id: evil\r\n\r\n';
export const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

export const FRAMING: Readonly<Record<string, HardRequest>> = {
  'Content-Length beside Transfer-Encoding': {
    lines: ['Content-Length: 5', CHUNKED],
    body: '0\r\n\r\n',
    ...REFUSED,
  },
  'Transfer-Encoding beside Content-Length': {
    lines: [CHUNKED, `Content-Length: ${INNER.length + 5}`],
    body: `0\r\n\r\n${INNER}`,
    ...REFUSED,
  },
  'Transfer-Encoding in HTTP/1.0': { version: 'HTTP/1.0', lines: [CHUNKED], body: HI, ...REFUSED },
  'Transfer-Encoding in HTTP/1.0 with keep-alive': {
    version: 'HTTP/1.0',
    lines: [CHUNKED, 'Connection: keep-alive'],
    body: `0\r\n\r\n${INNER}`,
    ...REFUSED,
  },
  ...Object.fromEntries(
    [
      'Transfer-Encoding: gzip, chunked',
      'Transfer-Encoding: chunked, chunked',
      'Transfer-Encoding: chunked, identity',
      'Transfer-Encoding: identity',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding: "chunked"',
      'Transfer-Encoding: chunked;q=1',
      'Transfer-Encoding: \x0bchunked',
      'Transfer-Encoding: ,chunked',
      'Transfer-Encoding: chunked,',
      'Transfer-Encoding:',
      'Transfer-Encoding : chunked',
      'Transfer-Encoding\t: chunked',
      'Transfer-Encoding:\r\n chunked',
      'Transfer-Encoding:\n chunked',
      'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
      'Transfer-Encoding: chunked\x00',
      ' Transfer-Encoding: chunked',
      'X-A: b\rTransfer-Encoding: chunked',
      'X-A: b\nTransfer-Encoding: chunked',
    ].map((line) => [JSON.stringify(line), { lines: [line], body: HI, ...REFUSED }]),
  ),
  'Transfer-Encoding in capitals': {
    lines: ['TRANSFER-ENCODING: CHUNKED'],
    body: HI,
    seen: { lines: [], body: 'hi' },
  },
  'Transfer_Encoding, which is none': {
    lines: ['Transfer_Encoding: chunked'],
    seen: { lines: [], body: '' },
  },
  'Content_Length, which is none': { lines: ['Content_Length: 5'], seen: { lines: [], body: '' } },
  ...Object.fromEntries(
    [
      'Content-Length: 2\r\nContent-Length: 2',
      'Content-Length: 2\r\nContent-Length: 3',
      'Content-Length: 2, 2',
      'Content-Length: +2',
      'Content-Length: -2',
      'Content-Length: 0x2',
      'Content-Length: 2.0',
      'Content-Length: 2e0',
      'Content-Length: 2 2',
      'Content-Length:',
      'Content-Length: \x0b2',
      'Content-Length : 2',
      'Content-Length: 9007199254740993',
      'Content-Length: 18446744073709551616',
      'Content-Length: 99999999999999999999999999',
    ].map((line) => [JSON.stringify(line), { lines: [line], body: 'hi', ...REFUSED }]),
  ),
  'Content-Length with zeros before it': {
    lines: ['Content-Length: 0002'],
    body: 'hi',
    seen: { lines: [], body: 'hi' },
  },
  'a body that looks like a request': {
    lines: [`Content-Length: ${INNER.length}`],
    body: INNER,
    seen: { lines: [], body: INNER },
  },
  'a body in chunks that looks like a request': {
    lines: [CHUNKED],
    body: chunk(INNER),
    seen: { lines: [], body: INNER },
  },
};

/** Chunks: `body` behind `Transfer-Encoding: chunked`. */
export const CHUNKS: Readonly<Record<string, HardRequest>> = {
  ...Object.fromEntries(
    [
      ['in capitals and with zeros before the size', '000A\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
      ['with extensions', '2;a=b;c="d e"\r\nhi\r\n0;x\r\n\r\n', 'hi'],
      ['with trailers', '2\r\nhi\r\n0\r\nX-User-Id: evil\r\nX-A: b\r\n\r\n', 'hi'],
      ['of none but the last', '0\r\n\r\n', ''],
      ['of one byte each', '1\r\nh\r\n1\r\ni\r\n0\r\n\r\n', 'hi'],
    ].map(([title = '', body = '', seen = '']) => [title, { body, seen: { lines: [], body: seen } }]),
  ),
  ...Object.fromEntries(
    [
      '0x2\r\nhi\r\n0\r\n\r\n',
      '+2\r\nhi\r\n0\r\n\r\n',
      '-2\r\nhi\r\n0\r\n\r\n',
      ' 2\r\nhi\r\n0\r\n\r\n',
      '2 \r\nhi\r\n0\r\n\r\n',
      '2_0\r\nhi\r\n0\r\n\r\n',
      '\r\nhi\r\n0\r\n\r\n',
      ';a\r\nhi\r\n0\r\n\r\n',
      'g\r\nhi\r\n0\r\n\r\n',
      '10000000000000002\r\nhi\r\n0\r\n\r\n',
      '2\nhi\r\n0\r\n\r\n',
      '2\rhi\r\n0\r\n\r\n',
      '2;a\nhi\r\n0\r\n\r\n',
      '2;a\rb\r\nhi\r\n0\r\n\r\n',
      '2;\x00\r\nhi\r\n0\r\n\r\n',
      '2;;a=b\r\nhi\r\n0\r\n\r\n',
      '2;a=x"b"\r\nhi\r\n0\r\n\r\n',
      '2\r\nhi\r\n0;=x\r\n\r\n',
      '2\r\nhi\n0\r\n\r\n',
      '2\r\nhix\r\n0\r\n\r\n',
      '2\r\nhi0\r\n\r\n',
      '2\r\nhi\r\n0\r\nX-A: b\nX-C: d\r\n\r\n',
      '2\r\nhi\r\n0\r\n X-A: b\r\n\r\n',
      '2\r\nhi\r\n0\r\nX A: b\r\n\r\n',
      '2\r\nhi\r\n0\n\r\n',
      '2\r\nhi\r\n0\r\nContent-Length: 99\r\n\r\n',
      '2\r\nhi\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n',
    ].map((body) => [JSON.stringify(body), { body, ...REFUSED }]),
  ),
};
