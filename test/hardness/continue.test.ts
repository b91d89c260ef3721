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

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const NEXT = `GET /next HTTP/1.1\r\n${KEYED}\r\n`;

describe('a client that waits for 100 Continue', () => {
  const expecting = (lines: string): string =>
    `POST /up HTTP/1.1\r\n${KEYED}X-Tier: evil\r\nExpect: 100-continue\r\n${lines}\r\n`;

  it.each([
    ['with a length', 'Content-Length: 2\r\n', 'hi', 'content-length'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n', '2\r\nhi\r\n0\r\n\r\n', 'transfer-encoding'],
  ])('gets it from the upstream, and its body %s arrives', async (_, lines, body, framing) => {
    stage.fresh();
    stage.upstream.does(() => undefined);
    const connection = await stage.send(expecting(`X-A: caf\xe9\r\n${lines}`));
    const call = await stage.arrival();
    await sleep(30);
    expect(connection.interim).toEqual([]);
    expect(valuesOf(call, 'expect')).toEqual(['100-continue']);
    expect(valuesOf(call, framing)).toHaveLength(1);
    expect(valuesOf(call, 'x-a')).toEqual(['caf\xe9']);
    expect(valuesOf(call, 'x-tier')).toEqual(['default']);
    expect(valuesOf(call, 'x-api-key')).toEqual([]);
    call.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    await connection.until(() => connection.interim.length > 0, '100 Continue');
    connection.send(body + stage.fixtures.fill(NEXT));
    await call.ended;
    expect(call.body()).toBe('hi');
    stage.upstream.does(answering(OK));
    call.socket.write(OK);
    expect((await connection.answer()).status).toBe(200);
    expect((await connection.answer()).status).toBe(200);
  });

  it('gets the answer of an upstream that does not want the body, and no 100', async () => {
    stage.fresh();
    stage.upstream.does(answering('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'));
    const connection = await stage.send(expecting('Content-Length: 2\r\n') + NEXT);
    const answer = await connection.answer();
    expect([answer.status, answer.body.toString(), connection.interim]).toEqual([413, 'no', []]);
    expect(valuesOf(answer, 'connection')).toEqual(['close']);
    await connection.closed;
    expect(stage.arrived.map(({ startLine }) => startLine)).toEqual(['POST /up HTTP/1.1']);
  });

  it('and does not wait is served', async () => {
    stage.fresh();
    const connection = await stage.send(`${expecting('Content-Length: 2\r\n')}hi`);
    const answer = await connection.answer();
    expect([answer.status, answer.body.toString()]).toEqual([200, '/up']);
  });

  it('is 502 where the upstream breaks off', async () => {
    stage.fresh();
    stage.upstream.does(({ socket }) => void socket.destroy());
    const connection = await stage.send(expecting('Content-Length: 2\r\n'));
    expect((await connection.answer()).status).toBe(502);
    expect(stage.arrived).toHaveLength(1);
  });

  it('and leaves is missed at the upstream', async () => {
    stage.fresh();
    stage.upstream.does(() => undefined);
    const connection = await stage.send(expecting('Content-Length: 2\r\n'));
    const { socket } = await stage.arrival();
    connection.drop();
    await until(() => socket.destroyed, 'the end at the upstream');
  });
});
