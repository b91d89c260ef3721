import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RawConnection } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';
import { InboundStage, turns, type Arrival } from './inbound-stage.ts';

let stage: InboundStage;

beforeEach(async () => {
  stage = await InboundStage.start();
});
afterEach(() => stage.stop());

const GET = 'GET / HTTP/1.1\r\n\r\n';
const NEXT = 'GET /next HTTP/1.1\r\n\r\n';
const OLD = 'GET / HTTP/1.0\r\n\r\n';
/** More than the buffers between a client and a server hold. */
const LARGE_BYTES = 16 * 1024 * 1024;

/** A request that has come and waits for its answer. */
async function waiting(text: string): Promise<{ client: RawConnection; arrival: Arrival }> {
  const { client } = await stage.open();
  client.send(text);
  await stage.came(1);
  return { client, arrival: stage.lastArrival };
}

describe('a client that does not read', () => {
  it.each([
    ['of a length in bytes', ['Content-Length', String(LARGE_BYTES)], Buffer.alloc(65_536, 'x')],
    ['in chunks of bytes', [], Buffer.alloc(65_536, 'x')],
    ['of a length in text', ['Content-Length', String(LARGE_BYTES)], 'x'.repeat(65_536)],
    ['in chunks of text', [], 'x'.repeat(65_536)],
  ])('holds up an answer %s until it reads on', async (_, fields, part) => {
    const { client, arrival } = await waiting(GET);
    client.socket.pause();
    arrival.answer.writeHead(200, fields);
    let [written, flows] = [0, true];
    const write = (): void => {
      for (flows = true; flows && written < LARGE_BYTES; written += part.length)
        flows = arrival.answer.write(part);
    };
    arrival.answer.watcher = { drained: write, left: () => undefined };
    write();
    for (let before = -1; before !== written; await sleep(50)) before = written;
    expect([written < LARGE_BYTES, flows]).toEqual([true, false]);
    client.socket.resume();
    await until('all of it', () => written === LARGE_BYTES);
    arrival.answer.end();
    const answer = await client.answer();
    expect([answer.complete, answer.body.length]).toEqual([true, LARGE_BYTES]);
  });
});

describe('a client that leaves is heard of', () => {
  const LEAVING: readonly (readonly [string, (client: RawConnection) => void])[] = [
    ['goes', (client) => client.drop()],
    ['is reset', (client) => client.socket.resetAndDestroy()],
    ['ends its side', (client) => client.socket.end()],
  ];
  const begun = (arrival: Arrival): void => {
    arrival.answer.writeHead(200, []);
    arrival.answer.write('begun');
  };
  it.each(
    LEAVING.flatMap(([how, leave]) => [
      [how, 'while it waits', GET, () => undefined, leave] as const,
      [how, 'behind the next request', GET + NEXT, () => undefined, leave] as const,
      [how, 'in the middle of its answer', GET, begun, leave] as const,
      [
        how,
        'in the middle of its body',
        'POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nok',
        takes,
        leave,
      ] as const,
    ]),
  )('where it %s %s', async (_, __, text, then, leave) => {
    const { client, arrival } = await waiting(text);
    then(arrival);
    leave(client);
    await arrival.answer.closed;
    expect([arrival.left, arrival.answer.isOver, arrival.isWhole]).toEqual([1, true, false]);
    await until('the end', () => stage.sockets[0]?.destroyed === true);
    expect([arrival.left, stage.arrivals.length, stage.refusals]).toEqual([1, 1, []]);
  });

  it('and not where it has its answer', async () => {
    const { client, arrival } = await waiting(GET);
    arrival.say('ok');
    await client.answer();
    client.drop();
    await until('the end', () => stage.sockets[0]?.destroyed === true);
    expect([arrival.left, arrival.isClosed]).toEqual([0, true]);
  });

  it('but has the answer that was on its way when it ended its side', async () => {
    const { client, arrival } = await waiting(GET);
    client.socket.pause();
    arrival.say('x'.repeat(LARGE_BYTES));
    client.socket.end();
    await turns();
    expect([arrival.left, arrival.isClosed]).toEqual([0, false]);
    client.socket.resume();
    const answer = await client.answer();
    expect([answer.complete, answer.body.length]).toEqual([true, LARGE_BYTES]);
    expect(arrival.left).toBe(0);
  });
});

function takes(arrival: Arrival): void {
  arrival.take();
}

function letsGo(arrival: Arrival): void {
  arrival.letGo();
}

describe('an answer that is broken off', () => {
  it.each([
    ['HTTP/1.1 by the end of its connection', GET, ['Content-Length', '9'], null],
    ['HTTP/1.1 in chunks by the end of its connection', GET, [], null],
    ['HTTP/1.0 by a reset, since an end would be its end', OLD, [], 'ECONNRESET'],
  ])('is so to %s', async (_, text, fields, code) => {
    const { client, arrival } = await waiting(text);
    const failed = new Promise<string | null>((resolve) => {
      client.socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
      client.socket.once('close', () => resolve(null));
    });
    arrival.answer.writeHead(200, fields);
    arrival.answer.write('part');
    await client.until(() => client.received === 'part', 'a part');
    arrival.answer.breakOff();
    await arrival.answer.closed;
    expect(await failed).toBe(code);
    expect(arrival.answer.isOver).toBe(true);
    if (code === null) expect((await client.answer()).complete).toBe(false);
  });
});

describe('an answer that is given before the body has come', () => {
  const post = `POST / HTTP/1.1\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`;

  it.each([
    ['nobody takes the body', () => undefined],
    ['somebody took its start', takes],
  ])('drops the rest, and the connection goes on, where %s', async (_, then) => {
    const { client, arrival } = await waiting(`${post}begin`);
    then(arrival);
    arrival.say('early');
    // It sends everything before it reads.
    client.socket.pause();
    client.send(Buffer.alloc(LARGE_BYTES - 5));
    client.send(NEXT);
    await stage.came(2);
    stage.lastArrival.say('next');
    client.socket.resume();
    expect((await client.answer()).body.toString()).toBe('early');
    expect((await client.answer()).body.toString()).toBe('next');
    expect([arrival.isWhole, arrival.left]).toEqual([false, 0]);
  });

  it.each([
    ['nobody takes the body', () => undefined, () => undefined],
    ['somebody took its start', takes, () => undefined],
    ['somebody lets go of it behind that', takes, letsGo],
  ])('is seen by a client that sends all first, where it is the last and %s', async (_, then, behind) => {
    const { client, arrival } = await waiting(`${post}begin`);
    then(arrival);
    client.socket.pause();
    arrival.say('early', 'Connection', 'close');
    behind(arrival);
    client.send(Buffer.alloc(LARGE_BYTES - 5));
    await once(client.socket, 'drain');
    client.socket.resume();
    const answer = await client.answer();
    expect([answer.complete, answer.body.toString()]).toEqual([true, 'early']);
    await client.closed;
    expect([arrival.left, stage.arrivals.length]).toEqual([0, 1]);
  });

  it.each([
    ['a length', 'Content-Length: 2\r\n\r\na', 'b'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n1\r\na', '\r\n1\r\nb\r\n0\r\n\r\n'],
  ])('is the last also where it is given with the last byte of %s', async (_, begin, rest) => {
    const { client, arrival } = await waiting(`POST / HTTP/1.1\r\n${begin}`);
    let ends = 0;
    arrival.request.give({
      data: (part) => {
        if (part.toString() === 'b') arrival.say('early', 'Connection', 'close');
      },
      end: () => ends++,
    });
    client.socket.pause();
    client.send(rest);
    await arrival.answer.closed;
    // More than may be sent ahead of an answer; this is behind the last one.
    client.send(Buffer.alloc(LARGE_BYTES));
    await Promise.race([once(client.socket, 'drain').catch(() => undefined), client.closed]);
    client.socket.resume();
    expect((await client.answer()).body.toString()).toBe('early');
  });
});

describe('a body that cannot be read', () => {
  const post = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n';

  it('is answered with 400 where no answer is begun, and whoever takes it hears that it is over', async () => {
    const { client, arrival } = await waiting(post);
    arrival.take();
    client.send(`x\r\n${NEXT}`);
    expect((await client.answer()).status).toBe(400);
    await client.closed;
    expect(arrival).toMatchObject({ left: 1, isClosed: true, isWhole: false, body: 'ok' });
    expect([arrival.answer.refusedAs, stage.refusals, stage.arrivals.length]).toEqual([400, [], 1]);
  });

  it('ends the connection where an answer is begun', async () => {
    const { client, arrival } = await waiting(post);
    arrival.take();
    arrival.answer.writeHead(200, []);
    arrival.answer.write('part');
    client.send('x\r\n');
    const answer = await client.answer();
    expect([answer.status, answer.complete, answer.body.toString()]).toEqual([200, false, 'part']);
    expect([arrival.left, arrival.answer.refusedAs]).toEqual([1, null]);
  });

  it('is no request where its head and what is wrong come at once', async () => {
    const { client } = await stage.open();
    client.send(`${post}x\r\n`);
    expect((await client.answer()).status).toBe(400);
    expect([stage.arrivals.length, stage.refusals]).toEqual([0, [{ status: 400, target: '/' }]]);
  });
});
