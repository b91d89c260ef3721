import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IDENTITY_HEADERS } from '../../src/core/forward-headers.ts';
import { valuesOf } from '../support/http-message.ts';
import { RawConnection, exchange, type RawAnswer } from '../support/raw-client.ts';
import { startStage, type Stage } from '../support/stage.ts';

/** What is sent here is built byte by byte: no HTTP library would send most of it. */
const CONFIG = `
keyService: {}
proxy:
  failedAuthentication: off
  routes:
    - match: { path: / }
      profile: standard
      rules: [{ path: /open, auth: none }]
      upstream: '{upstream}'
`;

let stage: Stage;
let arrivedBefore = 0;

beforeAll(async () => {
  stage = await startStage({ config: CONFIG, fixtures: '{S}' });
});
afterAll(() => stage.stop());
beforeEach(() => {
  arrivedBefore = stage.upstream.requests.length;
});

function arrived() {
  return stage.upstream.requests.slice(arrivedBefore);
}

function send(text: string): Promise<RawAnswer> {
  return exchange(stage.gate.port, Buffer.from(stage.fixtures.fill(text), 'latin1'));
}

const KEYED = 'Host: gate.test\r\nx-api-key: {S}\r\n';
const SECOND = 'GET /smuggled HTTP/1.1\r\nHost: gate.test\r\nX-User-Id: evil\r\n\r\n';

function chunked(body: string): string {
  return `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

describe('a body that is a second request', () => {
  it.each(['OPTIONS', 'DELETE', 'GET', 'POST', 'QUERY'])(
    'in chunks of a %s reaches the upstream as the body of one request',
    async (method) => {
      const answer = await send(
        `${method} /first HTTP/1.1\r\n${KEYED}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunked(SECOND)}`,
      );
      expect(answer.status).toBe(200);
      expect(arrived().map(({ method, target, body }) => [method, target, body.toString()])).toEqual([
        [method, '/first', SECOND],
      ]);
    },
  );

  it.each(['OPTIONS', 'DELETE', 'GET', 'POST', 'QUERY'])(
    'of a %s with Content-Length reaches the upstream as the body of one request',
    async (method) => {
      const answer = await send(
        `${method} /first HTTP/1.1\r\n${KEYED}Content-Length: ${SECOND.length}\r\nConnection: close\r\n\r\n${SECOND}`,
      );
      expect(answer.status).toBe(200);
      expect(arrived().map(({ method, target, body }) => [method, target, body.toString()])).toEqual([
        [method, '/first', SECOND],
      ]);
    },
  );

  it('of a refused request is never read as a request', async () => {
    const connection = await RawConnection.open(stage.gate.port);
    connection.send(
      `POST /refused HTTP/1.1\r\nHost: gate.test\r\nContent-Length: ${SECOND.length}\r\n\r\n${SECOND}` +
        stage.fixtures.fill(`GET /next HTTP/1.1\r\n${KEYED}Connection: close\r\n\r\n`),
    );
    expect((await connection.answer()).status).toBe(401);
    await connection.closed;
    expect(arrived().filter(({ target }) => target !== '/next')).toEqual([]);
  });

  it('of a keyless preflight is never read as a request', async () => {
    const answer = await send(
      `OPTIONS /first HTTP/1.1\r\nHost: gate.test\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunked(SECOND)}`,
    );
    expect(answer.status).toBe(200);
    expect(arrived().map(({ target }) => target)).toEqual(['/first']);
  });
});

/** The name with every choice of `-`, `_` and `.` between its words, in small letters, capitals and mixed. */
function spellingsOf(name: string): string[] {
  let spelled = [''];
  for (const [i, word] of name.split('-').entries()) {
    const joints = i === 0 ? [''] : ['-', '_', '.'];
    spelled = spelled.flatMap((before) => joints.map((joint) => before + joint + word));
  }
  const mixed = (text: string): string =>
    text.replace(/[a-z]/g, (letter, at: number) => (at % 2 ? letter.toUpperCase() : letter));
  return spelled.flatMap((text) => [text, text.toUpperCase(), mixed(text)]);
}

function folded(name: string): string {
  return name.toLowerCase().replace(/[_.]/g, '-');
}

describe('an identity header from the client', () => {
  it.each(IDENTITY_HEADERS)('%s never arrives, however it is spelled', async (name) => {
    const lines = spellingsOf(name).map((spelling) => `${spelling}: evil\r\n`);
    for (const path of ['/keyed', '/open']) {
      const { status } = await send(
        `GET ${path} HTTP/1.1\r\n${KEYED}${lines.join('')}Connection: close\r\n\r\n`,
      );
      expect(status).toBe(200);
    }
    expect(arrived()).toHaveLength(2);
    for (const { headers } of arrived()) {
      const found = headers.filter((line) => folded(line[0]) === name);
      expect(found.map((line) => line[1])).not.toContain('evil');
      expect(found.length).toBeLessThanOrEqual(1);
    }
  });

  it.each(IDENTITY_HEADERS)('%s is not lost to a Connection header that names it', async (name) => {
    await send(`GET /plain HTTP/1.1\r\n${KEYED}Connection: close\r\n\r\n`);
    await send(`GET /named HTTP/1.1\r\n${KEYED}Connection: close, ${name}\r\n\r\n`);
    const [plain, named] = arrived();
    if (plain === undefined || named === undefined) throw new Error('two requests should have arrived');
    expect(valuesOf(named, name)).toHaveLength(valuesOf(plain, name).length);
  });

  it('stays away from the trailers of a chunked body too', async () => {
    const answer = await send(
      `POST /t HTTP/1.1\r\n${KEYED}Transfer-Encoding: chunked\r\nTrailer: X-User-Id\r\nConnection: close\r\n\r\n2\r\nhi\r\n0\r\nX-User-Id: evil\r\n\r\n`,
    );
    expect(answer.status).toBe(200);
    expect(arrived()).toHaveLength(1);
    expect(arrived()[0]?.bytes.toString()).not.toContain('evil');
    expect(arrived()[0]?.body.toString()).toBe('hi');
  });

  it('is written by the gate also when the client waits for 100 Continue', async () => {
    const connection = await RawConnection.open(stage.gate.port);
    connection.send(
      stage.fixtures.fill(
        `POST /upload HTTP/1.1\r\n${KEYED}Expect: 100-continue\r\nContent-Length: 4\r\nX-User-Id: evil\r\nConnection: close\r\n\r\n`,
      ),
    );
    await connection.until(() => connection.interim.length > 0, '100 Continue');
    connection.send('body');
    expect((await connection.answer()).status).toBe(200);
    expect(connection.interim).toEqual([100]);
    const [request] = arrived();
    if (request === undefined) throw new Error('a request should have arrived');
    expect(valuesOf(request, 'x-user-id')).toEqual(['owner-s']);
    expect(valuesOf(request, 'expect')).toEqual(['100-continue']);
    expect(request.body.toString()).toBe('body');
  });
});

it('a client that waits for 100 Continue and has no key is refused before it sends its body', async () => {
  const connection = await RawConnection.open(stage.gate.port);
  connection.send(
    'POST /upload HTTP/1.1\r\nHost: gate.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
  );
  expect((await connection.answer()).status).toBe(401);
  expect(connection.interim).toEqual([]);
  connection.drop();
});

/** Each with a good key, so that only its form can be the reason. `lines` come between the start line and the end. */
const AMBIGUOUS: Record<string, { target?: string; lines?: string; body?: string }> = {
  'Content-Length beside Transfer-Encoding': {
    lines: 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
    body: '0\r\n\r\n',
  },
  'Transfer-Encoding beside Content-Length': {
    lines: 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n',
    body: '0\r\n\r\n',
  },
  'Transfer-Encoding: gzip, chunked': { lines: 'Transfer-Encoding: gzip, chunked\r\n', body: '0\r\n\r\n' },
  'Transfer-Encoding: identity': { lines: 'Transfer-Encoding: identity\r\n' },
  'Transfer-Encoding: xchunked': { lines: 'Transfer-Encoding: xchunked\r\n', body: '0\r\n\r\n' },
  'two Transfer-Encoding lines': {
    lines: 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
    body: '0\r\n\r\n',
  },
  'Transfer-Encoding with a space before the colon': {
    lines: 'Transfer-Encoding : chunked\r\n',
    body: '0\r\n\r\n',
  },
  'two different Content-Length lines': { lines: 'Content-Length: 4\r\nContent-Length: 5\r\n', body: 'body' },
  'two equal Content-Length lines': { lines: 'Content-Length: 4\r\nContent-Length: 4\r\n', body: 'body' },
  'Content-Length: 4, 4': { lines: 'Content-Length: 4, 4\r\n', body: 'body' },
  'Content-Length: +4': { lines: 'Content-Length: +4\r\n', body: 'body' },
  'a chunk size that is no number': {
    lines: 'Transfer-Encoding: chunked\r\n',
    body: '0x2\r\nhi\r\n0\r\n\r\n',
  },
  'two Host lines': { lines: 'Host: other.test\r\n' },
  'two equal Host lines': { lines: 'Host: gate.test\r\n' },
  'a folded header line': { lines: 'X-Note: one\r\n two\r\n' },
  'NUL in a header value': { lines: 'X-Note: a\0b\r\n' },
  'a bare carriage return in a header value': { lines: 'X-Note: a\rX-User-Id: evil\r\n' },
  'a header name with a space': { lines: 'X User Id: evil\r\n' },
  'a header line without a colon': { lines: 'X-Note\r\n' },
  'an absolute target with another host': { target: 'http://other.test/orders' },
  'an absolute target of another kind': { target: 'ftp://gate.test/orders' },
  'an authority before an @': { target: 'http://gate.test@other.test/orders' },
  'the target *': { target: '*' },
  'a target that is no path': { target: 'orders' },
  'NUL in the target': { target: '/a\0b' },
  'NUL encoded': { target: '/a%00b' },
  'a line end encoded': { target: '/a%0d%0aX-User-Id:%20evil' },
  'a byte beyond ASCII in the path': { target: '/a\xe9' },
  'a fragment': { target: '/a#b' },
  '..': { target: '/open/../orders' },
  '.': { target: '/./orders' },
  '.. at the end': { target: '/orders/..' },
  '%2e%2e': { target: '/open/%2e%2e/orders' },
  '.%2E': { target: '/open/.%2E/orders' },
  '..;': { target: '/open/..;/orders' },
  '..;x=y': { target: '/open/..;x=y/orders' },
  '%2e%2e%2f': { target: '/open/%2e%2e%2forders' },
  'a backslash': { target: '/open\\..\\orders' },
  '%5c': { target: '/open%5c..%5corders' },
  '%5C': { target: '/open%5C' },
  'a broken percent-encoding': { target: '/a%zz' },
  'a percent-encoding cut short': { target: '/a%2' },
};

describe('what two readers could read differently is refused with 400 and not forwarded', () => {
  it.each(Object.entries(AMBIGUOUS))('%s', async (_, { target = '/orders', lines = '', body = '' }) => {
    const answer = await send(`POST ${target} HTTP/1.1\r\n${KEYED}${lines}Connection: close\r\n\r\n${body}`);
    expect(answer.status).toBe(400);
    expect(arrived()).toEqual([]);
  });

  it('a request of HTTP/1.1 without Host', async () => {
    const answer = await send('GET /orders HTTP/1.1\r\nx-api-key: {S}\r\nConnection: close\r\n\r\n');
    expect(answer.status).toBe(400);
    expect(arrived()).toEqual([]);
  });
});

describe('a method that is never forwarded', () => {
  it.each([
    ['TRACE', '/orders'],
    ['CONNECT', 'gate.test:443'],
    ['CONNECT', '/orders'],
  ])('%s %s is 405 with Allow', async (method, target) => {
    const answer = await send(`${method} ${target} HTTP/1.1\r\n${KEYED}Connection: close\r\n\r\n`);
    expect(answer.status).toBe(405);
    expect(valuesOf(answer, 'allow')).toEqual([expect.stringContaining('GET')]);
    expect(arrived()).toEqual([]);
  });
});

it('an absolute target with the Host of the request is forwarded as its path', async () => {
  const answer = await send(`GET http://gate.test/orders?a=1 HTTP/1.1\r\n${KEYED}Connection: close\r\n\r\n`);
  expect(answer.status).toBe(200);
  expect(arrived().map(({ target }) => target)).toEqual(['/orders?a=1']);
});

it('a path without ambiguity is forwarded byte for byte', async () => {
  const target = "/a%20b/%C3%A9/;v=1/...//x/~!$&'()*+,=:@?q=%2e%2e/../\\&x=%00";
  const answer = await send(`GET ${target} HTTP/1.1\r\n${KEYED}Connection: close\r\n\r\n`);
  expect(answer.status).toBe(200);
  expect(arrived().map((request) => request.target)).toEqual([target]);
});
