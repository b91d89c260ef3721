import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Pool } from '../../../src/proxy/upstream/pool.ts';
import { answering, startTalkingUpstream, type TalkingUpstream } from '../../support/talking-upstream.ts';
import { until } from '../../support/until.ts';
import { Asking, requestTo } from './asking.ts';

const LENGTH = 'Content-Length: 2\r\n';
const OK = `HTTP/1.1 200 OK\r\n${LENGTH}\r\nok`;

let upstream: TalkingUpstream;
let pool: Pool;
let now = 0;

beforeEach(async () => {
  now = 1000;
  upstream = await startTalkingUpstream();
  pool = new Pool({ origin: upstream.origin, ca: null, monotonic: () => now });
});
afterEach(async () => {
  pool.retire();
  await upstream.stop();
});

/** One request, and a turn of the event loop more, in which a connection is free again. */
async function ask(path = '/', method = 'GET'): Promise<Asking> {
  const asking = await new Asking(pool, requestTo(path, { method })).over;
  await sleep(1);
  return asking;
}

/** The connections on which the requests came. */
const connections = (): number[] => upstream.calls.map(({ connection }) => connection);

/** Answers the first request so, and all others as they should be. */
function firstAnswer(text: string): void {
  upstream.does((call) => answering(upstream.calls.length === 1 ? text : OK)(call));
}

describe('a connection is used again', () => {
  it.each([
    ['with its length', OK],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: b\r\n\r\n'],
    ['of no bytes', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['with 204', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['with 304 and the length of what is not sent', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
    ['behind interim heads', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n${OK}`],
    ['that says for how long', `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=1000\r\n${LENGTH}\r\nok`],
  ])('behind an answer %s', async (_, text) => {
    firstAnswer(text);
    expect((await ask()).isWhole).toBe(true);
    expect((await ask()).body).toBe('ok');
    expect(connections()).toEqual([0, 0]);
  });

  it('and of several the one that was used last', async () => {
    const held: (() => void)[] = [];
    upstream.does((call) => void held.push(() => answering(OK)(call)));
    const three = ['/0', '/1', '/2'].map((path) => new Asking(pool, requestTo(path)));
    await until('three requests', () => held.length === 3);
    for (const at of [0, 2, 1]) {
      const path = ` /${at} `;
      held[upstream.calls.findIndex(({ startLine }) => startLine.includes(path))]?.();
      await three[at]?.over;
    }
    upstream.does(answering(OK));
    const last = upstream.calls.find(({ startLine }) => startLine.includes(' /1 '));
    await ask();
    expect(connections().at(-1)).toBe(last?.connection);
  });

  it('where a request was withdrawn before a byte of it was written', async () => {
    await new Asking(pool, requestTo('/withdrawn'), false).over;
    await ask('/next');
    await new Asking(pool, requestTo('/withdrawn'), false).over;
    await ask('/last');
    expect(connections()).toEqual([0, 0]);
    expect(upstream.received.join('')).not.toContain('withdrawn');
  });

  it('where whoever took the answer was held up by the last of it', async () => {
    const asking = new Asking(pool, requestTo('/held-up'));
    asking.onData = () => asking.connection.pause();
    await asking.over;
    await sleep(1);
    expect((await ask('/next')).body).toBe('ok');
    expect(connections()).toEqual([0, 0]);
  });
});

describe('a connection is not used again', () => {
  it('whose upstream has answered and not read all of the request', async () => {
    let connected = 0;
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => undefined).pause());
      socket.write(OK);
      if (connected++ > 0) socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const other = new Pool({ origin, ca: null, monotonic: () => now });
    const headers = ['X-Large', 'x'.repeat(16 * 1024 * 1024)];
    for (const request of [requestTo('/', { headers }), requestTo('/')]) {
      expect((await new Asking(other, request).over).isWhole).toBe(true);
      await sleep(1);
    }
    expect(connected).toBe(2);
    other.retire();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it.each([
    ['whose upstream says so', `HTTP/1.1 200 OK\r\nConnection: close\r\n${LENGTH}\r\nok`],
    ['of HTTP/1.0', `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${LENGTH}\r\nok`],
    ['with a byte behind the answer', `${OK}x`],
    ['with an answer behind the answer', OK + OK],
    ['that the upstream keeps for no time', `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\n${LENGTH}\r\nok`],
    ['that the upstream keeps for a second', `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\n${LENGTH}\r\nok`],
    ['behind 204 with a length', 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n'],
    ['behind 204 with chunks', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['behind 304 with chunks', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ])('%s', async (_, text) => {
    firstAnswer(text);
    expect((await ask()).isWhole).toBe(true);
    await until('the end of the connection', () => upstream.openConnections === 0);
    expect((await ask()).body).toBe('ok');
    expect(connections()).toEqual([0, 1]);
  });

  it('that carried a HEAD, and the upstream is told so', async () => {
    firstAnswer(`HTTP/1.1 200 OK\r\n${LENGTH}\r\n`);
    expect((await ask('/', 'HEAD')).isWhole).toBe(true);
    expect((await ask()).body).toBe('ok');
    expect(connections()).toEqual([0, 1]);
    expect(upstream.received[0]).toMatch(/\r\nConnection: close\r\n/);
  });

  it.each([
    ['on which a byte comes unasked', (socket: Socket) => socket.write('x')],
    ['on which an answer comes unasked', (socket: Socket) => socket.write(OK)],
    ['that the upstream ends', (socket: Socket) => socket.end()],
    ['that the upstream resets', (socket: Socket) => socket.resetAndDestroy()],
  ])('%s while it lies idle', async (_, how) => {
    await ask();
    const [call] = upstream.calls;
    if (call !== undefined) how(call.socket);
    await until('the end of the connection', () => upstream.openConnections === 0);
    expect((await ask()).body).toBe('ok');
    expect(connections()).toEqual([0, 1]);
  });
});

describe('an idle connection ends', () => {
  const kept = (seconds: number): string =>
    `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=${seconds}\r\n${LENGTH}\r\nok`;

  it.each([
    ['four seconds, where the upstream does not say', OK, 4000],
    ['a second earlier than the upstream would end it', kept(3), 2000],
    ['a minute at most', kept(3600), 60_000],
  ])('after %s', async (_, text, idleMs) => {
    upstream.does(answering(text));
    await ask();
    now += idleMs - 1;
    pool.sweep(now);
    await ask();
    now += idleMs;
    pool.sweep(now);
    await until('the end of the connection', () => upstream.openConnections === 0);
    expect(connections()).toEqual([0, 0]);
  });

  it('before it is used once more, where nobody has swept since', async () => {
    await ask();
    now += 4000;
    await ask();
    expect(connections()).toEqual([0, 1]);
    await until('the end of the first', () => upstream.openConnections === 1);
  });

  it('no later for a request that was withdrawn', async () => {
    upstream.does(answering(kept(3)));
    await ask();
    now += 1999;
    await new Asking(pool, requestTo('/withdrawn'), false).over;
    now += 1;
    pool.sweep(now);
    await until('the end of the connection', () => upstream.openConnections === 0);
  });

  it('at once where the pool is retired; what is under way is finished before', async () => {
    await ask();
    upstream.does(() => undefined);
    const carried = new Asking(pool, requestTo('/carried'));
    const another = new Asking(pool, requestTo('/another'), false);
    await another.over;
    await until('both connections', () => upstream.openConnections === 2 && upstream.calls.length === 2);
    pool.retire();
    await until('the end of the idle one', () => upstream.openConnections === 1);
    answering(OK)(upstream.calls[1] as never);
    expect((await carried.over).body).toBe('ok');
    await until('the end of the other', () => upstream.openConnections === 0);
  });
});

describe('a request is not sent', () => {
  const header = (value: string) => ({ headers: ['Host', 'up.test', 'X-A', value] });
  it.each([
    ...['\r', '\n', '\r\nX-B: c', '\0', '\x7f', '\u0100', '\u010a', '\u{1f511}'].map((text) =>
      header(`a${text}b`),
    ),
    ...['GET /x', 'GET\r\n', '', 'G\u0145T'].map((method) => ({ method })),
    ...['/a b', '/a\r\nX: y', '/a\n', '/\0', '/\u0120', ''].map((path) => ({ path })),
  ])('as %j', async (about) => {
    const asking = await new Asking(pool, requestTo('/', about)).over;
    expect(asking.error).toBeInstanceOf(TypeError);
    await until('the end of the connection', () => upstream.openConnections === 0);
    expect(upstream.received.join('')).toBe('');
  });

  it('with anything else than its bytes', async () => {
    const text = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
    const value = text.replaceAll(/[\0-\x08\n-\x1f\x7f]/g, '');
    await new Asking(pool, requestTo('/\xe9?%20', header(`a${value}b`))).over;
    const lines = ['GET /\xe9?%20 HTTP/1.1', 'Host: up.test', `X-A: a${value}b`, '', ''];
    expect(upstream.received.join('')).toBe(lines.join('\r\n'));
  });
});

describe('an upstream under one of its addresses', () => {
  it('is reached by its name', async () => {
    pool = new Pool({
      origin: upstream.origin.replace('127.0.0.1', 'localhost'),
      ca: null,
      monotonic: () => now,
    });
    expect((await ask()).body).toBe('ok');
  });
});
