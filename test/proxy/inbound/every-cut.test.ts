import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { InboundStage, sendPieces, turns, type Arrival } from './inbound-stage.ts';
import { HEADER_BYTES, readingOf, withoutDates } from './reading.ts';
import { REQUEST, servedOf, REQUEST_MUTATION } from './request-grammar.ts';

const REQUESTS = fc.array(REQUEST, { minLength: 1, maxLength: 4 });
const PLACES = fc.array(fc.nat(400), { maxLength: 12 });

const textOf = (all: readonly { text: string }[]): string => all.map(({ text }) => text).join('');
const everyByteOf = (text: string): number[] =>
  Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => i + 1);
const sorted = (places: readonly number[], text: string): number[] =>
  [...new Set(places)].filter((at) => at > 0 && at < text.length).toSorted((a, b) => a - b);
const piecesOf = (text: string, cuts: readonly number[]): string[] =>
  [...cuts, text.length].map((to, i) => text.slice(cuts[i - 1] ?? 0, to));

/** All that one may follow the other with, and an end. */
const PIPELINED = [
  'GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'POST /2 HTTP/1.1\r\nContent-Length: 7\r\n\r\nGET / H',
  '\r\nPUT /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4;a="b"\r\n\r\n\r\n\r\n02\r\nok\r\n0\r\nX-A: b\r\n\r\n',
  '\r\n\r\nPOST /4 HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
  'DELETE /5 HTTP/1.1\r\nConnection: close\r\n\r\n',
].join('');
const BODIES = ['', 'GET / H', '\r\n\r\nok', '', ''];

describe('requests are read as they were framed', () => {
  it('at every cut of them', async () => {
    const whole = await readingOf(PIPELINED);
    expect(whole.requests.map(({ body }) => body)).toEqual(BODIES);
    expect(whole).toMatchObject({ refused: null, isEnded: true });
    for (let at = 1; at < PIPELINED.length; at++)
      expect([at, await readingOf(PIPELINED, [at])]).toEqual([at, whole]);
    expect(await readingOf(PIPELINED, everyByteOf(PIPELINED))).toEqual(whole);
  });

  it('however many there are, and however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(REQUESTS, PLACES, async (all, places) => {
        const text = textOf(all);
        const whole = await readingOf(text);
        const served = servedOf(all);
        expect(whole).toMatchObject({
          requests: served.map(({ method, target, raw, body }) => ({ method, target, raw, body })),
          refused: null,
          isEnded: served.at(-1)?.keepsAlive === false,
        });
        expect(await readingOf(text, sorted(places, text)), JSON.stringify(text)).toEqual(whole);
        expect(await readingOf(text, everyByteOf(text)), JSON.stringify(text)).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  it('and are refused alike, whatever is wrong with them', async () => {
    let refused = 0;
    const mutations = fc.array(REQUEST_MUTATION, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(REQUESTS, mutations, PLACES, async (all, changes, places) => {
        const text = changes.reduce((changed, change) => change(changed), textOf(all));
        const whole = await readingOf(text);
        if (whole.refused !== null) refused++;
        expect(await readingOf(text, sorted(places, text)), JSON.stringify(text)).toEqual(whole);
      }),
      { numRuns: 600 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});

const GET = 'GET / HTTP/1.1\r\n';
const POST = 'POST / HTTP/1.1\r\n';
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

describe('what is refused behind a good request is refused at every cut', () => {
  it.each([
    ['another protocol', '\x16\x03\x01\x02'],
    ['a method in lower case', 'get / HTTP/1.1\r\n\r\n'],
    ['a blank before the method', ' GET / HTTP/1.1\r\n\r\n'],
    ['a bare LF', 'GET / HTTP/1.1\nX-A: b\r\n\r\n'],
    ['a bare LF between the requests', '\nGET / HTTP/1.1\r\n\r\n'],
    ['a bare CR', `${GET}X-A: b\rX-B: c\r\n\r\n`],
    ['a bare CR between the requests', '\rGET / HTTP/1.1\r\n\r\n'],
    ['a bare CR behind an empty line', '\r\n\rGET / HTTP/1.1\r\n\r\n'],
    ['a NUL', `${GET}X-A: \0\r\n\r\n`],
    ['a folded line', `${GET}X-A: b\r\n c\r\n\r\n`],
    ['a blank before the colon', `${GET}X-A : b\r\n\r\n`],
    ['a length and chunks', `${POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`],
    ['another coding', `${POST}Transfer-Encoding: gzip\r\n\r\nok`],
    ['a size that is none', `${CHUNKED}2x\r\nok\r\n0\r\n\r\n`],
    ['a chunk longer than its size', `${CHUNKED}1\r\nok\r\n0\r\n\r\n`],
    ['a bare LF behind a size', `${CHUNKED}2\nok\r\n0\r\n\r\n`],
    ['a trailer that is none', `${CHUNKED}0\r\nX A: b\r\n\r\n`],
    ['a length in the trailer', `${CHUNKED}0\r\nContent-Length: 2\r\n\r\n`],
  ])('%s', async (_, text) => {
    const all = `POST /first HTTP/1.1\r\nContent-Length: 2\r\n\r\nok${text}`;
    const whole = await readingOf(all);
    expect(whole).toMatchObject({
      requests: [{ target: '/first', body: 'ok' }],
      refused: 400,
      isEnded: true,
    });
    for (let at = 1; at < all.length; at++) expect([at, await readingOf(all, [at])]).toEqual([at, whole]);
    expect(await readingOf(all, everyByteOf(all))).toEqual(whole);
  });
});

describe('what can never become a request is refused before its end has come', () => {
  it.each([
    '\x16\x03\x01',
    '{',
    'get',
    'GETx',
    ' ',
    '\t',
    '\n',
    '\r\r',
    '\rG',
    '\r\n\n',
    '\r\n\rG',
    'G\xcbT',
    'GET\t',
    'A'.repeat(21),
    'GET / HTTP/1.1\n',
    'GET / HTTP/1.1\r\r',
    'GET / HTTP/1.1\rX',
    'GET / HTTP/1.1\r\nX-A: b\n',
    'GET / HTTP/1.1\r\nX-A: \0',
    'GET /\x7f',
    'GET / HTTP/1.1\r\n\n',
  ])('%j', async (text) => {
    expect(await readingOf(text)).toMatchObject({ requests: [], refused: 400, isEnded: true });
    expect(await readingOf(text, everyByteOf(text))).toMatchObject({ refused: 400, isEnded: true });
    expect(await readingOf(`\r\n${text}`, everyByteOf(`\r\n${text}`))).toMatchObject({ refused: 400 });
  });
});

describe('a head', () => {
  const start = `${GET}X-A: `;
  const full = start + 'b'.repeat(HEADER_BYTES - start.length);
  const cuts = [5, 3000, 6000, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 1, HEADER_BYTES + 3];

  it('may have as many bytes as are allowed, however it is cut', async () => {
    for (const at of [[], cuts, [HEADER_BYTES + 2]])
      expect(await readingOf(`${full}\r\n\r\n`, at)).toMatchObject({
        refused: null,
        requests: [{ body: '' }],
      });
    expect(await readingOf(`\r\n${full}\r\n\r\n`)).toMatchObject({ refused: null });
  });

  it('is refused with 431 where it has one more, however it is cut, and before its end has come', async () => {
    const many = `${GET}${'X-A: b\r\n'.repeat(1001)}\r\n`;
    for (const text of [`${full}b\r\n\r\n`, `${full}${'b'.repeat(4)}`, many])
      for (const at of [[], cuts])
        expect(await readingOf(text, at)).toMatchObject({ refused: 431, requests: [], isEnded: true });
  });
});

let stage: InboundStage;

beforeAll(async () => {
  stage = await InboundStage.start();
});
afterEach(() => {
  stage.arrivals.length = 0;
  stage.does = () => undefined;
});
afterAll(() => stage.stop());

/** All that comes back on a connection of its own, until the server ends it. */
async function exchange(pieces: readonly string[]): Promise<string> {
  const client = connect({ port: stage.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  let received = '';
  client.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')));
  client.on('error', () => undefined).on('end', () => client.end());
  const closed = new Promise((resolve) => client.once('close', resolve));
  await new Promise((resolve) => client.once('connect', resolve));
  const find = () => stage.sockets.findLast(({ remotePort }) => remotePort === client.localPort);
  await until('the connection at the server', () => find() !== undefined);
  const socket = find();
  if (socket !== undefined) await sendPieces(client, socket, pieces);
  await closed;
  return withoutDates(received);
}

const echoing = (arrival: Arrival): void =>
  arrival.take(() => arrival.say(`${arrival.request.head.target} ${arrival.body}`));

describe('on a socket', () => {
  it('a client gets the same answers at every cut of what it sends', async () => {
    stage.does = echoing;
    const whole = await exchange([PIPELINED]);
    expect(whole.match(/HTTP\/1\.1 200 OK\r\n/g)?.length).toBe(5);
    for (let at = 1; at < PIPELINED.length; at++)
      expect([at, await exchange(piecesOf(PIPELINED, [at]))]).toEqual([at, whole]);
    expect(await exchange(piecesOf(PIPELINED, everyByteOf(PIPELINED)))).toBe(whole);
  });

  it('requests with bodies are served one at a time, in their order, however long each takes', async () => {
    const delays = fc.array(fc.nat(3), { minLength: 1, maxLength: 5 });
    const ending = fc.constant(`${GET}Connection: close\r\n\r\n`);
    const kept = fc.array(
      REQUEST.filter(({ keepsAlive }) => keepsAlive),
      { maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(kept, ending, delays, PLACES, async (all, last, waits, places) => {
        stage.arrivals.length = 0;
        let atOnce = 0;
        stage.does = (arrival) => {
          atOnce = Math.max(atOnce, stage.arrivals.filter(({ isClosed }) => !isClosed).length);
          const answer = async (): Promise<void> => {
            for (let left = waits[stage.arrivals.length % waits.length] ?? 0; left > 0; left--) await turn();
            echoing(arrival);
          };
          void answer();
        };
        const text = textOf(all) + last;
        await exchange(piecesOf(text, sorted(places, text)));
        expect(atOnce).toBe(1);
        expect(stage.arrivals.map(({ request, body }) => [request.head.target, body])).toEqual([
          ...all.map(({ target, body }) => [target, body]),
          ['/', ''],
        ]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the next request is begun only', () => {
  const next = 'GET /next HTTP/1.1\r\n\r\n';

  it('when the one before is answered, though all of both has come', async () => {
    const { client } = await stage.open();
    client.send(`${GET}\r\n${next}`);
    await stage.came(1);
    await turns();
    expect(stage.arrivals.length).toBe(1);
    stage.lastArrival.say('1');
    await stage.came(2);
    expect(stage.lastArrival.request.head.target).toBe('/next');
    client.drop();
  });

  it('when the client has taken the answer before', async () => {
    const { client, socket } = await stage.open();
    client.socket.pause();
    client.send(`${GET}\r\n${next}`);
    await stage.came(1);
    const [first] = stage.arrivals;
    first?.say('x'.repeat(32 * 1024 * 1024));
    await turns();
    expect([socket.writableLength > 0, first?.answer.isEnding, first?.isClosed]).toEqual([true, true, false]);
    expect(stage.arrivals.length).toBe(1);
    client.socket.resume();
    await stage.came(2);
    expect(first?.isClosed).toBe(true);
    expect((await client.answer()).body.length).toBe(32 * 1024 * 1024);
    client.drop();
  });

  it.each([
    ['in a length', 'Content-Length: 4\r\n\r\nok', 'ok'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n', '2\r\nok\r\n0\r\n\r\n'],
  ])('when the body before has come, %s, though it was answered long ago', async (_, begun, rest) => {
    const { client, socket } = await stage.open();
    client.send(`${POST}${begun}`);
    await stage.came(1);
    const [first] = stage.arrivals;
    first?.say('early');
    expect((await client.answer()).body.toString()).toBe('early');
    expect(first?.isClosed).toBe(true);
    // What looks like a request is none as long as it belongs to the body.
    await sendPieces(client.socket, socket, piecesOf(rest, everyByteOf(rest)));
    await turns();
    expect(stage.arrivals.length).toBe(1);
    client.send(next);
    await stage.came(2);
    expect(stage.lastArrival.request.head.target).toBe('/next');
    client.drop();
  });
});
