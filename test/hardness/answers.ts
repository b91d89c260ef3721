/**
 * What an upstream may answer. `end` says what it does with the connection behind it; without it, nothing. The client
 * sees `status` and `body`, whole or broken off; `next` says whether a request pipelined behind is served.
 */
export interface HardAnswer {
  readonly text: string;
  readonly end?: 'closes' | 'resets';
  /** Sent 20 ms later. */
  readonly late?: string;
  readonly method?: string;
  readonly status: number;
  readonly body?: string;
  readonly broken?: boolean;
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nSet-Cookie: evil=1\r\n\r\nevil';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const whole = { status: 200, body: 'ok' } as const;
const none = { status: 502 } as const;

const table = (titles: readonly string[], answer: (text: string) => HardAnswer): Record<string, HardAnswer> =>
  Object.fromEntries(titles.map((text) => [JSON.stringify(text), answer(text)]));

export const SURPLUS: Readonly<Record<string, HardAnswer>> = {
  'a second answer': { text: OK + EVIL, ...whole },
  'half a second answer': { text: OK + EVIL.slice(0, 20), ...whole },
  'bytes beyond its Content-Length': { text: `${OK}surplus`, ...whole },
  'bytes beyond its last chunk': { text: `${CHUNKED}2\r\nok\r\n0\r\n\r\n${EVIL}`, ...whole },
  'a body to HEAD': { method: 'HEAD', text: OK + EVIL, status: 200 },
  'a body with 204': { text: `HTTP/1.1 204 No Content\r\n\r\n${EVIL}`, status: 204 },
  'a body with 204 and its length': {
    text: 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil',
    status: 204,
  },
  'chunks with 204': {
    text: 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n',
    status: 204,
  },
  'a body with 304': { text: `HTTP/1.1 304 Not Modified\r\n\r\n${EVIL}`, status: 304 },
  'a body with 304 and its length': {
    text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil',
    status: 304,
  },
};

/** They end a connection that nobody uses yet; once a request is on its way, nobody can tell them from its answer. */
export const LATE: Readonly<Record<string, HardAnswer>> = {
  'a second answer, later': { text: OK, late: EVIL, ...whole },
  'bytes beyond its Content-Length, later': { text: OK, late: 'surplus', ...whole },
  'a body to HEAD, later': { method: 'HEAD', text: OK.slice(0, -2), late: EVIL, status: 200 },
};

export const INTERIM: Readonly<Record<string, HardAnswer>> = {
  'early hints before it': { text: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`, ...whole },
  'ten interim answers before it': { text: 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(10) + OK, ...whole },
  'interim answers and nothing else': {
    text: 'HTTP/1.1 103 Early Hints\r\n\r\n',
    end: 'closes',
    ...none,
  },
  'an unasked switch of protocols': {
    text: `HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n${OK}`,
    ...none,
  },
};

export const ENDS: Readonly<Record<string, HardAnswer>> = {
  'a length and an end before it': { text: OK.slice(0, -1), end: 'closes', status: 200, broken: true },
  'no length, until the end of the connection': {
    text: 'HTTP/1.1 200 OK\r\n\r\nok',
    end: 'closes',
    ...whole,
  },
  'HTTP/1.0, until the end of the connection': { text: 'HTTP/1.0 200 OK\r\n\r\nok', end: 'closes', ...whole },
  'chunks without the last': { text: `${CHUNKED}2\r\nok\r\n`, end: 'closes', status: 200, broken: true },
  'an announced end': {
    text: OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    end: 'closes',
    ...whole,
  },
  'an announced end that does not come': {
    text: OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
    ...whole,
  },
};

const answered = (lines: string, body = 'ok'): string => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n${body}`;

export const MALFORMED: Readonly<Record<string, HardAnswer>> = {
  ...table(
    [
      answered('Content-Length: 2\r\nContent-Length: 2'),
      answered('Content-Length: 2\r\nContent-Length: 3'),
      answered('Content-Length: 2, 2'),
      answered('Content-Length: +2'),
      answered('Content-Length: -2'),
      answered('Content-Length: 2x'),
      answered('Content-Length:'),
      answered('Content-Length : 2'),
      answered('Content-Length: 2\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n'),
      answered('Transfer-Encoding: gzip, chunked', '2\r\nok\r\n0\r\n\r\n'),
      answered('Transfer-Encoding: gzip'),
      answered('Transfer-Encoding: identity'),
      answered('Transfer-Encoding: xchunked', '2\r\nok\r\n0\r\n\r\n'),
      answered('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '2\r\nok\r\n0\r\n\r\n'),
      answered('X-A: b\r\n c\r\nContent-Length: 2'),
      answered('X-A: b\nX-B: c\r\nContent-Length: 2'),
      answered('X-A: b\rX-B: c\r\nContent-Length: 2'),
      answered('X-A: b\x00c\r\nContent-Length: 2'),
      answered('X-A: b\x01c\r\nContent-Length: 2'),
      answered('X A: b\r\nContent-Length: 2'),
      answered(': b\r\nContent-Length: 2'),
      answered('X-A\r\nContent-Length: 2'),
      'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
      'HTTP/1.1 99 Low\r\nContent-Length: 2\r\n\r\nok',
      'HTTP/1.1 2000 High\r\nContent-Length: 2\r\n\r\nok',
      'ICY 200 OK\r\nContent-Length: 2\r\n\r\nok',
      'ok',
      '\x00',
      '{"ok":true}',
    ],
    (text) => ({ text, end: 'closes', ...none }),
  ),
  'lines of 20 KiB': {
    text: answered(`X-A: ${'b'.repeat(20_000)}\r\nContent-Length: 2`),
    end: 'closes',
    ...none,
  },
};

/** Bodies in chunks that break off where they stop being chunks. */
export const BROKEN_CHUNKS: Readonly<Record<string, HardAnswer>> = table(
  [
    '0x2\r\nok\r\n0\r\n\r\n',
    '2\nok\r\n0\r\n\r\n',
    '2;a\nok\r\n0\r\n\r\n',
    '2\r\nokx\r\n0\r\n\r\n',
    '2\r\nok0\r\n\r\n',
    '10000000000000002\r\nok\r\n0\r\n\r\n',
    '-2\r\nok\r\n0\r\n\r\n',
    '2\r\nok\r\n0\r\nX A: b\r\n\r\n',
  ],
  (body) => ({ text: CHUNKED + body, end: 'closes', status: 200, broken: true }),
);

/** Two whole answers, to be broken off behind each of their bytes. */
export const WHOLE: Readonly<Record<string, string>> = {
  'with a length': 'HTTP/1.1 201 Made\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello',
  'in chunks': 'HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
};
