import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import { answering } from '../support/talking-upstream.ts';
import { ForwardStage, until } from './forward-stage.ts';

let stage: ForwardStage;

beforeAll(async () => {
  stage = await ForwardStage.start(10_000);
});
afterEach(() => {
  stage.leave();
  stage.upstream.does(answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
});
afterAll(() => stage.stop());

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('an answer passes', () => {
  it('with every line of its own, in order and spelling', async () => {
    stage.upstream.does(
      answering(
        'HTTP/1.1 201 Made It\r\nX-One: 1\r\nset-cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nX-Empty:\r\n' +
          'X-Bytes: caf\xe9 \xc3\xa9\r\nRetry-After: 7\r\nVary: a\r\nvary: b\r\nContent-Length: 2\r\n\r\nok',
      ),
    );
    const answer = await stage.send('GET /own');
    expect(answer.startLine).toBe('HTTP/1.1 201 Made It');
    expect(answer.headers.slice(0, 9)).toEqual([
      ['X-One', '1'],
      ['set-cookie', 'a=1'],
      ['Set-Cookie', 'b=2; Path=/'],
      ['X-Empty', ''],
      ['X-Bytes', 'caf\xe9 \xc3\xa9'],
      ['Retry-After', '7'],
      ['Vary', 'a'],
      ['vary', 'b'],
      ['Content-Length', '2'],
    ]);
  });

  it('without what belongs to one connection, and without what its Connection header lists', async () => {
    stage.upstream.does(
      answering(
        'HTTP/1.1 200 OK\r\nConnection: X-Private, keep-alive\r\nKeep-Alive: timeout=9, max=9\r\nX-Private: 1\r\n' +
          'Proxy-Authenticate: Basic\r\nTrailer: X-Late\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nTE: x\r\n' +
          'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n',
      ),
    );
    const answer = await stage.send('GET /hops');
    expect(answer.body.toString()).toBe('ok');
    for (const name of ['x-private', 'proxy-authenticate', 'trailer', 'upgrade', 'proxy-connection', 'te']) {
      expect(valuesOf(answer, name), name).toEqual([]);
    }
    expect(valuesOf(answer, 'keep-alive').join()).not.toContain('max=9');
    expect(answer.bytes.toString()).not.toContain('X-Late');
  });

  describe.each([
    ['with its length', `Content-Length: ${2 * 256}`, (bytes: Buffer) => bytes],
    ['in chunks', 'Transfer-Encoding: chunked', chunkOf],
  ])('%s', (_, framing, framed) => {
    const last = framed === chunkOf ? Buffer.from('0\r\n\r\n') : Buffer.alloc(0);
    const head = Buffer.from(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
    const half = framed(Buffer.from(Array.from({ length: 256 }, (__, byte) => byte)));

    it.each([
      ['in one piece', [Buffer.concat([head, half, half, last])]],
      ['behind its head', [head, Buffer.concat([half, half, last])]],
      ['with a first half that comes with the head', [Buffer.concat([head, half]), half, last]],
      ['in two halves behind its head', [head, half, Buffer.concat([half, last])]],
    ])('with every byte of a body %s', async (__, pieces) => {
      stage.upstream.does(({ socket }) => void writeApart(socket, pieces));
      const { body } = await stage.send('GET /bytes');
      expect(body).toEqual(Buffer.from(Array.from({ length: 512 }, (___, i) => i % 256)));
    });
  });

  it('piece by piece: what has come of a body waits for nothing', async () => {
    let rest = (): void => undefined;
    stage.upstream.does(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst');
      rest = () => void socket.write(' last');
    });
    const connection = await stage.open();
    connection.send(stage.bytes('GET /piecemeal'));
    await until(() => connection.received === 'first', 'the first half of the body');
    rest();
    expect((await connection.answer()).body.toString()).toBe('first last');
  });

  it.each([
    ['in bytes beyond ASCII', 'Tr\xe8s bien'],
    ['in UTF-8', 'Tr\xc3\xa8s bien'],
    ['with a control byte', 'O\x01K'],
    ['of none', ''],
  ])('whatever its reason phrase: %s', async (_, phrase) => {
    stage.upstream.does(answering(`HTTP/1.1 200 ${phrase}\r\nContent-Length: 2\r\n\r\nok`));
    const answer = await stage.send('GET /phrase');
    expect(answer.startLine).toBe('HTTP/1.1 200 OK');
    expect(answer.body.toString()).toBe('ok');
  });

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: "x"\r\n\r\n', 200, ['1234']],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 200, []],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204, []],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 1234\r\n\r\n', 304, ['1234']],
    ['DELETE', 'HTTP/1.1 204 No Content\r\n\r\n', 204, []],
  ])(
    '%s with %j as an answer without a body, and the connection goes on',
    async (method, text, status, length) => {
      stage.upstream.does(answering(text));
      const connection = await stage.open('HEAD');
      for (let i = 0; i < 2; i++) {
        connection.send(stage.bytes(`${method} /bodiless`));
        const answer = await connection.answer();
        expect(answer.status).toBe(status);
        expect(valuesOf(answer, 'content-length')).toEqual(length);
        expect(answer.body).toHaveLength(0);
      }
      stage.upstream.does(answering(OK.replace('200 OK', '206 Partial').replace('ok', '')));
      connection.send(stage.bytes('HEAD /after'));
      expect((await connection.answer()).status).toBe(206);
    },
  );

  it('after interim ones, which stay behind', async () => {
    stage.upstream.does(
      answering(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`),
    );
    const connection = await stage.open();
    connection.send(stage.bytes('GET /hints'));
    expect((await connection.answer()).status).toBe(200);
    expect(connection.interim).toEqual([]);
  });

  it('of HTTP/1.0, which ends with its connection', async () => {
    stage.upstream.does(({ socket }) => void socket.end('HTTP/1.0 200 OK\r\n\r\nall of it'));
    expect((await stage.send('GET /old')).body.toString()).toBe('all of it');
  });
});

describe("an upstream's own RateLimit fields", () => {
  const THEIRS =
    'RateLimit: "u";r=1;t=1\r\nRateLimit-Policy: "u";q=9;w=9\r\nX-RateLimit-Limit: 9\r\nx-ratelimit-remaining: 8\r\n';

  it('are replaced where a limit of ours holds', async () => {
    stage.upstream.does(answering(`HTTP/1.1 200 OK\r\n${THEIRS}Content-Length: 2\r\n\r\nok`));
    const answer = await stage.send('GET /plexe/limits', { key: 'RW' });
    expect(valuesOf(answer, 'ratelimit')).toEqual([expect.stringMatching(/^"owner-minute";r=\d+;t=\d+$/)]);
    expect(valuesOf(answer, 'ratelimit-policy')).toEqual(['"owner-minute";q=100;w=60']);
    expect(valuesOf(answer, 'x-ratelimit-limit')).toEqual(['100']);
    expect(valuesOf(answer, 'x-ratelimit-remaining')).toHaveLength(1);
  });

  it('pass where none holds', async () => {
    stage.upstream.does(answering(`HTTP/1.1 200 OK\r\n${THEIRS}Content-Length: 2\r\n\r\nok`));
    const answer = await stage.send('GET /plexe/limits', { key: 'URW' });
    expect(valuesOf(answer, 'ratelimit')).toEqual(['"u";r=1;t=1']);
    expect(valuesOf(answer, 'x-ratelimit-remaining')).toEqual(['8']);
  });

  it('and a 429 of its own pass unchanged with the Retry-After', async () => {
    stage.upstream.does(
      answering(`HTTP/1.1 429 Slow Down\r\n${THEIRS}Retry-After: 77\r\nContent-Length: 4\r\n\r\nbusy`),
    );
    const answer = await stage.send('GET /busy');
    expect([answer.startLine, answer.body.toString()]).toEqual(['HTTP/1.1 429 Slow Down', 'busy']);
    expect(valuesOf(answer, 'retry-after')).toEqual(['77']);
    expect(valuesOf(answer, 'ratelimit')).toEqual(['"u";r=1;t=1']);
    expect(await stage.line('/busy')).toMatchObject({ status: 429, source: 'upstream' });
  });
});

describe('one connection', () => {
  it('serves one request after another, refused ones among them', async () => {
    const connection = await stage.open();
    for (const [start, about, status] of [
      ['GET /a', {}, 200],
      ['GET /b', { key: '' }, 401],
      ['POST /c', { key: '', lines: ['Content-Length: 0'] }, 401],
      ['POST /d', { lines: ['Content-Length: 4'], body: 'body' }, 200],
      ['POST /e', { key: '', lines: ['Content-Length: 4'], body: 'body' }, 401],
    ] as const) {
      connection.send(stage.bytes(start, { ...about, lines: [...('lines' in about ? about.lines : [])] }));
      expect((await connection.answer()).status).toBe(status);
    }
  });

  it('gives the answers to pipelined requests in their order', async () => {
    const connection = await stage.open();
    stage.upstream.does(({ socket, startLine }) => {
      const path = startLine.split(' ')[1] ?? '';
      const text = `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
      setTimeout(() => socket.write(text), path === '/slow' ? 50 : 0);
    });
    connection.send(
      stage.bytes('GET /slow') + stage.bytes('GET /refused', { key: '' }) + stage.bytes('GET /fast'),
    );
    const answers = [await connection.answer(), await connection.answer(), await connection.answer()];
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 200]);
    expect([answers[0], answers[2]].map((answer) => answer?.body.toString())).toEqual(['/slow', '/fast']);
  });

  it('to the upstream is used again', async () => {
    await stage.send('GET /first');
    await sleep(20);
    const { connection } = stage.upstream.calls.at(-1) ?? {};
    for (let i = 0; i < 5; i++) await stage.send('GET /again');
    expect(stage.upstream.calls.slice(-5).map((call) => call.connection)).toEqual(Array(5).fill(connection));
  });
});

describe('an answer that comes before the request has been sent', () => {
  const TOTAL = 16 * 1024 * 1024;

  it('reaches the client at once; the rest of the upload is taken and dropped, and the next request is served', async () => {
    stage.upstream.does(answering('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'));
    const connection = await stage.open();
    connection.send(stage.bytes('POST /large', { lines: [`Content-Length: ${TOTAL}`] }));
    const piece = Buffer.alloc(64 * 1024, 'x');
    connection.socket.write(piece);
    expect((await connection.answer()).status).toBe(413);
    for (let sent = piece.length; sent < TOTAL; sent += piece.length) {
      if (connection.socket.write(piece)) continue;
      await until(() => !connection.socket.writableNeedDrain, 'somebody who reads the upload');
    }
    stage.upstream.does(answering(OK));
    connection.send(stage.bytes('GET /next'));
    expect((await connection.answer()).status).toBe(200);
    expect(await stage.line('/large')).toMatchObject({ status: 413, source: 'upstream' });
  });

  it('also where nothing more of the upload comes for a while', async () => {
    stage.upstream.does(answering('HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno'));
    const connection = await stage.open();
    connection.send(stage.bytes('POST /paused', { lines: ['Content-Length: 10'], body: 'begin' }));
    expect((await connection.answer()).status).toBe(403);
    await sleep(50);
    connection.send('rest!');
    connection.send(stage.bytes('GET /next'));
    expect((await connection.answer()).status).toBe(403);
    expect(stage.upstream.calls.at(-1)?.startLine).toBe('GET /next HTTP/1.1');
  });
});

describe('a client that expects', () => {
  it('100-continue is told to go on when the upstream says so, and its body arrives', async () => {
    const connection = await stage.open();
    stage.upstream.does(({ socket, whole }) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      void until(whole, 'the body').then(() => socket.write(OK));
    });
    connection.send(stage.bytes('PUT /upload', { lines: ['Expect: 100-continue', 'Content-Length: 5'] }));
    await connection.until(() => connection.interim.length > 0, '100 Continue');
    connection.send('whole');
    expect((await connection.answer()).status).toBe(200);
    expect(stage.upstream.calls.at(-1)?.body()).toBe('whole');
  });

  it.each(['something', '100-continue, something', '200-ok'])(
    '%s is served all the same',
    async (expectation) => {
      const connection = await stage.open();
      connection.send(stage.bytes('GET /expects', { lines: [`Expect: ${expectation}`] }));
      expect((await connection.answer()).status).toBe(200);
      expect(valuesOf(stage.upstream.calls.at(-1) ?? { startLine: '', headers: [] }, 'expect')).toEqual([]);
    },
  );

  it('anything without a key is refused by us', async () => {
    const answer = await stage.send('GET /expects-unkeyed', { key: '', lines: ['Expect: something'] });
    expect(answer.status).toBe(401);
    expect(await stage.line('/expects-unkeyed')).toMatchObject({ status: 401, reason: 'missing_credential' });
  });
});

function chunkOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

/** So far apart that each piece arrives by itself. */
async function writeApart(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    await sleep(20);
  }
}
