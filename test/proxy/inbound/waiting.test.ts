import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { ClockedConnection } from './clocked-connection.ts';
import { turns, type Arrival } from './inbound-stage.ts';

const HEADER_MS = 300;
const BODY_MS = 500;
const IDLE_MS = 2000;
/** What a client that just sends is given more than it was told. */
const GRACE_MS = 1000;
const LARGE_BYTES = 16 * 1024 * 1024;
/** What a paused socket may have read already, and some more: one piece at once, and what its stream keeps. */
const READ_BYTES = 192 * 1024;
const MAX_AHEAD_BYTES = 256 * 1024;

const GET = 'GET / HTTP/1.1\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n';

let stage: ClockedConnection;

beforeEach(async () => {
  stage = await ClockedConnection.open({ headerMs: HEADER_MS, bodyIdleMs: BODY_MS, idleMs: IDLE_MS });
});
afterEach(() => stage.close());

const ok = (arrival: Arrival): void => arrival.say('ok');

/** One request, served. */
async function serve(): Promise<void> {
  stage.does = ok;
  await stage.send(GET);
  expect((await stage.client.answer()).status).toBe(200);
}

describe('a head that does not come in its time is answered with 408, and the connection ended', () => {
  it.each([
    ['of which nothing comes', ''],
    ['of which an empty line comes', '\r\n'],
    ['of which half an empty line comes', '\r'],
    ['of which the method comes', 'GET'],
    ['of which all but its end comes', 'GET / HTTP/1.1\r\nHost: a.test\r\n'],
    ['of which all but its last byte comes', GET.slice(0, -1)],
  ])('%s', async (_, text) => {
    await stage.send(text);
    expect(stage.endsAfter(HEADER_MS)).toBe(true);
    const { status, headers } = await stage.client.answer();
    expect([status, headers]).toEqual([
      408,
      [
        ['Connection', 'close'],
        ['Content-Length', '0'],
      ],
    ]);
    await stage.client.closed;
    expect([stage.refusals, stage.arrivals]).toEqual([[408], []]);
  });

  it('of which a byte comes now and then', async () => {
    stage.after(0);
    for (const byte of GET.slice(0, 14)) {
      await stage.send(byte);
      stage.after(20);
      expect(stage.isOver).toBe(false);
    }
    stage.after(20);
    expect((await stage.client.answer()).status).toBe(408);
  });

  it('also behind another request, from its first byte on', async () => {
    await serve();
    stage.after(0);
    stage.after(IDLE_MS);
    await stage.send('G');
    expect(stage.endsAfter(HEADER_MS)).toBe(true);
    expect((await stage.client.answer()).status).toBe(408);
  });

  it('also where its start was sent ahead', async () => {
    await stage.send(`${GET}GET`);
    stage.arrivals[0]?.say('ok');
    expect((await stage.client.answer()).status).toBe(200);
    await turns();
    expect(stage.endsAfter(HEADER_MS)).toBe(true);
    expect((await stage.client.answer()).status).toBe(408);
  });
});

describe('a connection that is kept', () => {
  it('ends without a word when the client asks nothing for a second longer than it was told', async () => {
    stage.does = ok;
    await stage.send(GET);
    expect((await stage.client.answer()).headers).toContainEqual(['Keep-Alive', `timeout=${IDLE_MS / 1000}`]);
    const { bytesWritten } = stage.socket;
    expect(stage.endsAfter(IDLE_MS + GRACE_MS)).toBe(true);
    await stage.client.closed;
    expect([stage.socket.bytesWritten, stage.refusals]).toEqual([bytesWritten, []]);
  });

  it('begins its time anew with each answer, and not with an empty line', async () => {
    await serve();
    stage.after(0);
    stage.after(IDLE_MS + GRACE_MS - 1);
    await serve();
    stage.after(0);
    stage.after(IDLE_MS + GRACE_MS - 1);
    await stage.send('\r\n');
    expect(stage.isOver).toBe(false);
    stage.after(1);
    expect(stage.isOver).toBe(true);
  });
});

describe('whoever is being served has all the time there is', () => {
  it.each([
    ['and has sent everything', GET],
    ['and still sends the body', `${POST}ok`],
    ['and sent the start of another request', `${GET}GET /`],
  ])('%s', async (_, text) => {
    await stage.send(text);
    stage.after(0);
    stage.after(3_600_000);
    await turns();
    expect([stage.isOver, stage.arrivals[0]?.left]).toEqual([false, 0]);
    stage.arrivals[0]?.say('ok');
    expect((await stage.client.answer()).status).toBe(200);
  });
});

describe('a body that nobody wants', () => {
  it.each([
    ['of a length', `${POST}ok`],
    ['in chunks', `${CHUNKED}2\r\nok\r\n`],
    ['of which nothing has come', POST],
  ])('ends the connection where it stalls, %s', async (_, text) => {
    stage.does = ok;
    await stage.send(text);
    expect((await stage.client.answer()).status).toBe(200);
    expect(stage.endsAfter(BODY_MS)).toBe(true);
    await stage.client.closed;
    expect(stage.refusals).toEqual([]);
  });

  it('may come as slowly as a wanted one', async () => {
    stage.does = ok;
    await stage.send(POST);
    await stage.client.answer();
    for (const byte of 'ok!') {
      stage.after(0);
      stage.after(BODY_MS - 1);
      await stage.send(byte);
      stage.after(1);
      expect(stage.isOver).toBe(false);
    }
    await stage.send('.');
    await serve();
  });

  it('ends the connection where it cannot be read', async () => {
    stage.does = ok;
    await stage.send(CHUNKED);
    expect((await stage.client.answer()).status).toBe(200);
    stage.client.send('x\r\n');
    await stage.client.closed;
    expect([stage.refusals, stage.arrivals[0]?.left]).toEqual([[], 0]);
  });
});

describe('an answer that the client does not read', () => {
  it('is broken off with a reset to HTTP/1.0, which would take its start for all of it', async () => {
    stage.client.socket.pause();
    await stage.send('GET / HTTP/1.0\r\n\r\n');
    const { answer } = stage.arrivals[0] as Arrival;
    answer.writeHead(200, []);
    answer.write(Buffer.alloc(LARGE_BYTES));
    answer.end();
    stage.after(0);
    stage.after(BODY_MS);
    expect(stage.socket.destroyed).toBe(true);
    const error = once(stage.client.socket, 'error');
    stage.client.socket.resume();
    expect(await error).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  it.each([
    ['on a connection that is kept', []],
    ['on one that ends', ['Connection', 'close']],
  ])('ends the connection where nothing more of it can be sent, %s', async (_, fields) => {
    stage.client.socket.pause();
    await stage.send(GET);
    const [arrival] = stage.arrivals;
    arrival?.say('x'.repeat(LARGE_BYTES), ...fields);
    // Until the system takes no more of it.
    for (let before = -1; before !== stage.socket.writableLength; await turns(100))
      before = stage.socket.writableLength;
    stage.after(0);
    stage.after(BODY_MS - 1);
    expect([stage.socket.destroyed, arrival?.isClosed]).toEqual([false, false]);
    stage.after(1);
    expect(stage.socket.destroyed).toBe(true);
    await arrival?.answer.closed;
    expect(arrival?.left).toBe(1);
  });
});

describe('what is sent ahead of an answer', () => {
  it('is taken up to 256 KiB and held back from then on, and all of it is served', async () => {
    const count = 500;
    const large = GET.replace('\r\n\r\n', `\r\nX-A: ${'a'.repeat(4000)}\r\n\r\n`);
    await stage.send(GET);
    stage.client.send(large.repeat(count));
    await until('the hold', () => stage.socket.isPaused());
    await turns(100);
    const { bytesRead } = stage.socket;
    expect(bytesRead).toBeGreaterThan(MAX_AHEAD_BYTES);
    expect(bytesRead).toBeLessThan(MAX_AHEAD_BYTES + READ_BYTES);
    stage.does = ok;
    stage.arrivals[0]?.say('ok');
    for (let i = 0; i <= count; i++) expect((await stage.client.answer()).status).toBe(200);
    expect([stage.arrivals.length, stage.socket.isPaused(), stage.refusals]).toEqual([count + 1, false, []]);
  });

  it('is served where it is allowed, however many requests it is', async () => {
    const count = 4000;
    await stage.send(GET);
    await stage.send(GET.repeat(count));
    stage.does = ok;
    stage.arrivals[0]?.say('ok');
    for (let i = 0; i <= count; i++) expect((await stage.client.answer()).status).toBe(200);
    expect(stage.arrivals.length).toBe(count + 1);
  });
});
