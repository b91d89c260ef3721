import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../proxy/forward-stage.ts';
import { valuesOf } from '../support/http-message.ts';
import { answering } from '../support/talking-upstream.ts';
import { HardStage, KEYED } from './hard-stage.ts';

let stage: HardStage;

beforeAll(async () => {
  stage = await HardStage.start();
});
afterEach(() => stage.fresh());
afterAll(() => stage.stop());

const get = (path: string, lines = ''): string => `GET ${path} HTTP/1.1\r\n${KEYED}${lines}\r\n`;
const starts = (): string[] => stage.arrived.map(({ startLine }) => startLine);
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

it('the upstream gets these bytes and no others', async () => {
  stage.fresh();
  const connection = await stage.send(
    `PUT /a%20b?c HTTP/1.1\r\nHost: Gate.Test:80\r\nx-api-key: {S}\r\nX-One:  1 \r\nX-KEY_ID: evil\r\nConnection: keep-alive, X-Two\r\nX-Two: 2\r\nTE: trailers\r\nx-request-id: req_1\r\nContent-Length: 2\r\n\r\nhi`,
  );
  expect((await connection.answer()).status).toBe(200);
  const { connection: index } = await stage.arrival();
  const keyId = valuesOf(stage.arrived[0] ?? { startLine: '', headers: [] }, 'x-key-id')[0];
  expect(stage.upstream.received[index]).toContain(
    [
      'PUT /a%20b?c HTTP/1.1',
      'Host: Gate.Test:80',
      'X-One: 1',
      'Content-Length: 2',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Proto: http',
      'X-Forwarded-Host: Gate.Test:80',
      `X-Key-Id: ${keyId}`,
      'X-Owner-Id: owner-s',
      'X-User-Id: owner-s',
      'X-Permission-Level: read_write',
      'X-Tier: default',
      'X-Request-Id: req_1',
      '',
      'hi',
    ].join('\r\n'),
  );
});

describe('requests sent ahead on one connection', () => {
  it('are asked of the upstream one after another', async () => {
    stage.fresh();
    stage.upstream.does(() => undefined);
    const connection = await stage.send(get('/1') + get('/2') + get('/3'));
    const first = await stage.arrival();
    await sleep(50);
    expect(starts()).toEqual(['GET /1 HTTP/1.1']);
    stage.upstream.does(answering(OK));
    first.socket.write(OK);
    for (let i = 0; i < 3; i++) expect((await connection.answer()).status).toBe(200);
    expect(starts()).toEqual([1, 2, 3].map((i) => `GET /${i} HTTP/1.1`));
  });

  it('get nothing where the first one closes the connection', async () => {
    stage.fresh();
    const connection = await stage.send(get('/1', 'Connection: close\r\n') + get('/2'));
    expect((await connection.answer()).status).toBe(200);
    await connection.closed;
    await sleep(30);
    expect(starts()).toEqual(['GET /1 HTTP/1.1']);
  });

  it('get their answers before what is no request is refused', async () => {
    stage.fresh();
    stage.upstream.does(({ socket }) => setTimeout(() => socket.write(OK), 50));
    const connection = await stage.send(`${get('/1')}${get('/2')}no request\r\n\r\n`);
    expect((await connection.answer()).status).toBe(200);
    expect((await connection.answer()).status).toBe(200);
    expect((await connection.answer()).status).toBe(400);
    await connection.closed;
  });

  it('get their answers before a body that is broken is refused, and that is not forwarded', async () => {
    stage.fresh();
    stage.upstream.does(({ socket }) => setTimeout(() => socket.write(OK), 50));
    const connection = await stage.send(
      `${get('/1')}POST /2 HTTP/1.1\r\n${KEYED}Transfer-Encoding: chunked\r\n\r\nxx\r\n${get('/3')}`,
    );
    expect((await connection.answer()).status).toBe(200);
    expect((await connection.answer()).status).toBe(400);
    await connection.closed;
    expect(starts()).toEqual(['GET /1 HTTP/1.1']);
  });

  it('wait for their turn also where the last is an upgrade', async () => {
    stage.fresh();
    stage.upstream.does(({ socket, startLine }) => {
      if (startLine.startsWith('GET /1 ')) setTimeout(() => socket.write(OK), 50);
      else
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    const connection = await stage.send(get('/1') + get('/2', UPGRADE));
    expect((await connection.answer()).status).toBe(200);
    expect((await connection.answer()).status).toBe(101);
  });

  it('leave with a client that leaves: what waits is never forwarded', async () => {
    stage.fresh();
    stage.upstream.does(() => undefined);
    const connection = await stage.send(get('/1') + get('/2'));
    const { socket } = await stage.arrival();
    connection.drop();
    await until(() => socket.destroyed, 'the end at the upstream');
    await sleep(30);
    expect(starts()).toEqual(['GET /1 HTTP/1.1']);
  });

  it('are held back where there are too many of them, and all have their turn', async () => {
    stage.fresh();
    stage.upstream.does(() => undefined);
    const count = 300;
    const connection = await stage.send(get('/1'));
    connection.send(stage.fixtures.fill(get('/more', `X-A: ${'a'.repeat(8000)}\r\n`)).repeat(count));
    const first = await stage.arrival();
    await sleep(100);
    expect(starts()).toEqual(['GET /1 HTTP/1.1']);
    stage.upstream.does(answering(OK));
    first.socket.write(OK);
    for (let i = 0; i <= count; i++) expect((await connection.answer()).status).toBe(200);
    expect(starts().slice(1)).toEqual(Array<string>(count).fill('GET /more HTTP/1.1'));
  });
});

describe('a connection goes on', () => {
  it('behind refusals and failures of every kind', async () => {
    stage.fresh();
    stage.upstream.does((call) => {
      if (call.startLine.includes('/dies')) call.socket.destroy();
      else void call.ended.then(() => call.socket.write(OK));
    });
    const connection = await stage.open();
    const bare = 'Host: gate.test\r\n';
    for (const [text, status] of [
      [`GET / HTTP/1.1\r\n${bare}\r\n`, 401],
      [`DELETE / HTTP/1.1\r\n${bare}x-api-key: {RO}\r\n\r\n`, 403],
      [`TRACE / HTTP/1.1\r\n${KEYED}\r\n`, 405],
      [`POST /dies HTTP/1.1\r\n${KEYED}\r\n`, 502],
      [`POST /dies HTTP/1.1\r\n${KEYED}Content-Length: 2\r\n\r\nhi`, 502],
      [`POST /b HTTP/1.1\r\n${KEYED}Content-Length: 2\r\n\r\nhi`, 200],
      [get('/c'), 200],
    ] as const) {
      connection.send(stage.fixtures.fill(text));
      expect((await connection.answer()).status).toBe(status);
    }
  });

  it('behind a refusal with an Upgrade that is ignored, with what was sent ahead', async () => {
    stage.fresh();
    const refused = 'GET /a HTTP/1.1\r\nHost: gate.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
    const connection = await stage.send(refused + get('/b'));
    expect((await connection.answer()).status).toBe(401);
    expect((await connection.answer()).status).toBe(200);
    expect(starts()).toEqual(['GET /b HTTP/1.1']);
  });

  it('behind an Upgrade to h2c that is ignored, as curl and Java send it', async () => {
    stage.fresh();
    const connection = await stage.open();
    for (let i = 0; i < 3; i++) {
      connection.send(
        stage.fixtures.fill(
          get(`/${i}`, 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n'),
        ),
      );
      const answer = await connection.answer();
      expect([answer.status, valuesOf(answer, 'connection')]).toEqual([200, ['keep-alive']]);
    }
    expect(valuesOf(await stage.arrival(), 'upgrade')).toEqual([]);
  });
});

describe('a client that ends its side', () => {
  it.each(['before any byte', 'within the head', 'within a body'])('%s is let go', async (where) => {
    stage.fresh();
    const text = { 'before any byte': '', 'within the head': 'GET / HT' }[where];
    const connection = await stage.send(text ?? `POST /u HTTP/1.1\r\n${KEYED}Content-Length: 9\r\n\r\nhi`);
    if (where === 'within a body') await stage.arrival();
    connection.socket.end();
    await connection.closed;
    if (where === 'within a body') {
      const { socket } = await stage.arrival();
      await until(() => socket.destroyed, 'the end at the upstream');
      expect(stage.arrived[0]?.whole()).toBe(false);
    }
  });

  it('while it waits has left: the upstream is told', async () => {
    stage.fresh();
    stage.upstream.does(() => undefined);
    const connection = await stage.send(get('/waits'));
    const { socket } = await stage.arrival();
    connection.socket.end();
    await until(() => socket.destroyed, 'the end at the upstream');
  });
});

it('a refusal reaches a client that sends all of its body before it reads', async () => {
  stage.fresh();
  const size = 8 * 1024 * 1024;
  const connection = await stage.send(
    `POST /u HTTP/1.1\r\nHost: gate.test\r\nContent-Length: ${size}\r\n\r\n`,
  );
  connection.socket.pause();
  await sleep(50);
  const sent = new Promise((resolve) => connection.socket.write(Buffer.alloc(size), resolve));
  await Promise.race([sent, connection.closed]);
  connection.socket.resume();
  expect((await connection.answer()).status).toBe(401);
  await connection.closed;
  expect(stage.arrived).toEqual([]);
});

describe('what a request was decided on, no Connection header takes away', () => {
  it('not the MCP method', async () => {
    stage.fresh();
    const lines = 'Mcp-Method: tools/list\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Name: a\r\n';
    const connection = await stage.send(
      `POST /mcp HTTP/1.1\r\nHost: gate.test\r\nx-api-key: {RO}\r\n${lines}Connection: Mcp-Method, Mcp-Name, MCP-Protocol-Version\r\nContent-Length: 2\r\n\r\nhi`,
    );
    expect((await connection.answer()).status).toBe(200);
    const call = await stage.arrival();
    const seen = ['mcp-method', 'mcp-name', 'mcp-protocol-version'].flatMap((name) => valuesOf(call, name));
    expect(seen).toEqual(['tools/list', 'a', '2026-07-28']);
  });

  it('not what makes a preflight one', async () => {
    stage.fresh();
    const connection = await stage.send(
      'OPTIONS /p HTTP/1.1\r\nHost: gate.test\r\nOrigin: https://a.test\r\nAccess-Control-Request-Method: PUT\r\nConnection: Origin, Access-Control-Request-Method\r\n\r\n',
    );
    expect((await connection.answer()).status).toBe(200);
    const call = await stage.arrival();
    expect(valuesOf(call, 'origin')).toEqual(['https://a.test']);
    expect(valuesOf(call, 'access-control-request-method')).toEqual(['PUT']);
  });
});
