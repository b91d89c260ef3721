import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { answering } from '../support/talking-upstream.ts';
import { ForwardStage, until } from './forward-stage.ts';

/** The gate looks for stalled requests every 100 ms. */
const DEADLINE_MS = 400;
/** More than the buffers between an upstream and a client hold. Made before, because making it takes time. */
const LARGE = Buffer.alloc(32 * 1024 * 1024, 'x');

let stage: ForwardStage;

beforeAll(async () => {
  stage = await ForwardStage.start(DEADLINE_MS);
});
afterEach(() => {
  stage.leave();
  stage.upstream.does(answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
});
afterAll(() => stage.stop());

/** Milliseconds until `done`, and what it came to. */
async function timed<T>(done: Promise<T>): Promise<[number, T]> {
  const startedAt = performance.now();
  const value = await done;
  return [performance.now() - startedAt, value];
}

/** After the deadline and, on a machine that has other work, not long after it. */
function expectInTime(ms: number): void {
  expect(ms).toBeGreaterThan(DEADLINE_MS - 20);
  expect(ms).toBeLessThan(DEADLINE_MS + 5000);
}

const silent = (): void => undefined;
const PLEXMCP = { key: 'Authorization: ApiKey {M1}' };

describe('an upstream that does not answer in time is 504', () => {
  const CASES: Record<string, [about: Parameters<ForwardStage['bytes']>[1], body: object]> = {
    '/plain': [{}, { code: 'gateway_timeout', reason: 'upstream_timeout', status: 504 }],
    '/plexe/x': [{ key: 'RW' }, { error: { code: 'gateway_timeout', status: 504 } }],
    '/plextera/x': [
      { key: 'Authorization: api-key {T1}' },
      { error: { code: 'GATEWAY_TIMEOUT', retryable: true } },
    ],
    '/plexmcp/x': [PLEXMCP, { success: false, error: { code: 'gateway_timeout' } }],
    '/plexmcp/mcp': [PLEXMCP, { success: false, error: { code: 'mcp_timeout' } }],
    '/plexmcp/mcp/json-rpc': [
      { ...PLEXMCP, lines: ['Accept: text/event-stream'] },
      { jsonrpc: '2.0', error: { data: { code: 'mcp_timeout' } } },
    ],
  };
  const answers = new Map<string, [ms: number, answer: RawAnswer]>();

  beforeAll(async () => {
    stage.upstream.does(silent);
    const all = Object.entries(CASES).map(async ([path, [about]]) =>
      answers.set(path, await timed(stage.send(`GET ${path}`, about))),
    );
    await Promise.all(all);
  });

  it.each(Object.entries(CASES))('in the dialect of the route: %s', async (path, [, body]) => {
    const [ms = 0, answer] = answers.get(path) ?? [];
    expectInTime(ms);
    expect(answer?.status).toBe(504);
    expect(JSON.parse(answer?.body.toString() ?? '')).toMatchObject(body);
    expect(await stage.line(path)).toMatchObject({
      status: 504,
      source: 'gateway',
      reason: 'upstream_timeout',
    });
  });

  it('also where no connection comes about', async () => {
    const [ms, answer] = await timed(stage.send('GET /unconnectable'));
    expectInTime(ms);
    expect(answer.status).toBe(504);
    expect(await stage.line('/unconnectable')).toMatchObject({ reason: 'upstream_timeout' });
  });

  it('counted from the end of the request, not from its beginning', async () => {
    stage.upstream.does(({ socket, whole }) => {
      void until(whole, 'the body').then(() =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
      );
    });
    const connection = await stage.open();
    connection.send(stage.bytes('POST /slow-upload', { lines: ['Content-Length: 8'] }));
    for (const letter of 'progress') {
      connection.send(letter);
      await sleep(DEADLINE_MS / 4);
    }
    expect((await connection.answer()).status).toBe(200);
  });

  it('and the connection to it is given up, not used for the next request', async () => {
    stage.upstream.does(silent);
    await stage.send('GET /late');
    const { connection } = stage.upstream.calls.at(-1) ?? {};
    stage.upstream.does(answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    expect((await stage.send('GET /next')).status).toBe(200);
    expect(stage.upstream.calls.at(-1)?.connection).not.toBe(connection);
  });
});

describe('a body that does not move for longer than bodyIdle is given up', () => {
  it('on its way up, where the client sends nothing', async () => {
    stage.upstream.does(silent);
    const connection = await stage.open();
    connection.send(stage.bytes('POST /stalled-up', { lines: ['Content-Length: 100'], body: 'begin' }));
    const [ms] = await timed(connection.answer());
    expectInTime(ms);
    await connection.closed;
    await until(() => stage.upstream.calls.at(-1)?.socket.destroyed === true, 'the end at the upstream');
    expect(stage.upstream.calls.at(-1)?.body()).toBe('begin');
  });

  it('on its way up, where the upstream reads nothing', async () => {
    stage.upstream.does(({ socket }) => void socket.pause());
    const connection = await stage.open();
    connection.send(stage.bytes('POST /unread-up', { lines: [`Content-Length: ${64 * 1024 * 1024}`] }));
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const feed = setInterval(() => {
      if (!connection.socket.writableNeedDrain) connection.socket.write(piece);
    }, 1);
    try {
      const answer = await connection.answer();
      expect(answer.status).toBe(504);
    } finally {
      clearInterval(feed);
      stage.upstream.calls.at(-1)?.socket.destroy();
    }
  });

  it('on its way down, where the upstream sends nothing; the client is not told that it is whole', async () => {
    stage.upstream.does(answering('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin'));
    const [ms, answer] = await timed(stage.send('GET /stalled-down'));
    expectInTime(ms);
    expect([answer.complete, answer.body.toString()]).toEqual([false, 'begin']);
    expect(await stage.line('/stalled-down')).toMatchObject({
      status: 200,
      source: 'upstream',
      detail: 'broken off',
    });
  });

  it('on its way down, where the client reads nothing', async () => {
    stage.upstream.does(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n`);
      socket.write(LARGE);
    });
    const connection = await stage.open();
    connection.send(stage.bytes('GET /unread-down'));
    await connection.until(() => connection.head !== null, 'the head');
    connection.socket.pause();
    await until(() => stage.upstream.calls.at(-1)?.socket.destroyed === true, 'the end at the upstream');
    expect(await stage.line('/unread-down')).toMatchObject({ detail: 'broken off' });
  });

  it('but not a stream of events, which may be silent', async () => {
    stage.upstream.does(
      answering(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n',
      ),
    );
    const connection = await stage.open();
    connection.send(stage.bytes('GET /events'));
    await connection.until(() => connection.received === 'a\n', 'the first event');
    await sleep(3 * DEADLINE_MS);
    stage.upstream.calls.at(-1)?.socket.write('2\r\nb\n\r\n0\r\n\r\n');
    const answer = await connection.answer();
    expect([answer.complete, answer.body.toString()]).toEqual([true, 'a\nb\n']);
  });
});

describe('an upstream that cannot be understood is 502', () => {
  const BAD: Record<string, string | null> = {
    'that closes without a word': '',
    'that resets the connection': null,
    'that speaks no HTTP': 'SSH-2.0-OpenSSH_9.9\r\n\r\n',
    'that breaks off in its head': 'HTTP/1.1 200 OK\r\nContent-Le',
    'of another version': 'HTTP/3.0 200 OK\r\n\r\n',
    'whose status is none': 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n',
    'that switches protocols unasked': 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    'with two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'with a length and chunks':
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'with a control byte in a header': 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n',
    'with a header beyond 16 KiB': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(20_000)}\r\nContent-Length: 0\r\n\r\n`,
  };

  it.each(Object.entries(BAD))('%s', async (_, text) => {
    stage.upstream.does(({ socket }) => {
      if (text === null) socket.resetAndDestroy();
      else socket.end(Buffer.from(text, 'latin1'));
    });
    // A POST, so that nothing is tried twice.
    const answer = await stage.send('POST /bad', { lines: ['Content-Length: 0'] });
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ reason: 'upstream_unreachable', status: 502 });
    expect(valuesOf(answer, 'content-type')).toEqual(['application/problem+json']);
  });

  it('that refuses the connection, in the dialect of the route', async () => {
    const answer = await stage.send('GET /refused/x', { key: 'Authorization: ApiKey {M1}' });
    expect(answer.status).toBe(502);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      success: false,
      error: { code: 'bad_gateway' },
    });
  });

  it('and what it was permitted has been spent, and is told', async () => {
    const before = await stage.send('GET /plexe/before', { key: 'RW' });
    stage.upstream.does(({ socket }) => void socket.destroy());
    const answer = await stage.send('POST /plexe/gone', { key: 'RW', lines: ['Content-Length: 0'] });
    expect(answer.status).toBe(502);
    const remaining = [before, answer].map((one) => Number(valuesOf(one, 'x-ratelimit-remaining')[0]));
    expect((remaining[0] ?? 0) - (remaining[1] ?? 0)).toBe(1);
  });
});

describe('a pooled connection that the upstream has just closed', () => {
  /** Answers the first request of each connection and drops the connection on the second, which it may have read. */
  const closesOnSecond = (): void => {
    const served = new Set<number>();
    stage.upstream.does(({ socket, connection }) => {
      if (served.has(connection)) return void socket.destroy();
      served.add(connection);
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  };
  const warm = async (): Promise<number> => {
    closesOnSecond();
    expect((await stage.send('GET /warm')).status).toBe(200);
    await sleep(20);
    return stage.upstream.calls.length;
  };

  it.each(['GET', 'HEAD', 'OPTIONS'])(
    'is no matter for %s, which goes again on a new one',
    async (method) => {
      const before = await warm();
      expect((await stage.send(`${method} /again`)).status).toBe(200);
      expect(stage.upstream.calls.length - before).toBe(2);
    },
  );

  it.each([
    ['POST', ['Content-Length: 4'], 'body'],
    ['POST', ['Content-Length: 0'], ''],
    ['DELETE', [], ''],
    ['PATCH', ['Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['GET', ['Content-Length: 4'], 'body'],
  ] as const)('is 502 for %s %j, which may have been acted on', async (method, lines, body) => {
    const before = await warm();
    expect((await stage.send(`${method} /once`, { lines: [...lines], body })).status).toBe(502);
    await sleep(50);
    expect(stage.upstream.calls.length - before).toBe(1);
  });

  it('is tried only once more', async () => {
    const before = stage.upstream.calls.length;
    stage.upstream.does(({ socket }) => void socket.destroy());
    expect((await stage.send('GET /never')).status).toBe(502);
    await sleep(50);
    expect(stage.upstream.calls.length - before).toBe(2);
  });
});
