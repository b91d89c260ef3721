import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InboundAnswer } from '../../../src/proxy/inbound/answer.ts';
import { until } from '../../support/until.ts';
import { InboundStage, type Arrival } from './inbound-stage.ts';

let stage: InboundStage;

beforeEach(async () => {
  stage = await InboundStage.start();
});
afterEach(() => stage.stop());

/** What is given to the one request of a connection. */
type Answering = (answer: InboundAnswer) => void;

const lines = (...all: readonly string[]): string => all.join('\r\n');
const asking = (line: string, ...fields: readonly string[]): string => lines(line, ...fields, '', '');

interface Wire {
  /** All that was written, each byte a character, the Date left out. */
  readonly text: string;
  /** Whether another request was served on the connection. */
  readonly keeps: boolean;
}

async function wireOf(request: string, answering: Answering): Promise<Wire> {
  const { client, socket } = await stage.open(request.startsWith('HEAD') ? 'HEAD' : 'GET');
  let text = '';
  client.socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  stage.does = ({ answer }) => answering(answer);
  client.send(request);
  await stage.came(1);
  const { lastArrival: arrival } = stage;
  await arrival.answer.closed;
  await until('all of the answer', () => text.length === socket.bytesWritten);
  const written = text;
  stage.does = (next) => next.say('next');
  client.send(asking('GET /next HTTP/1.1'));
  const isOver = (): boolean => client.socket.readableEnded || client.socket.destroyed;
  await until('the end or the next', () => isOver() || stage.arrivals.length === 2);
  expect([arrival.left, arrival.answer.isOver, arrival.answer.refusedAs]).toEqual([0, true, null]);
  return { text: written.replaceAll(/Date: \w{3}, [^\r]*/g, 'Date: *'), keeps: stage.arrivals.length === 2 };
}

const GET = asking('GET / HTTP/1.1');
const CLOSING = asking('GET / HTTP/1.1', 'Connection: close');
const OLD = asking('GET / HTTP/1.0');
const OLD_KEPT = asking('GET / HTTP/1.0', 'Connection: keep-alive');
const HEAD = asking('HEAD / HTTP/1.1');

const KEPT = ['Date: *', 'Connection: keep-alive', 'Keep-Alive: timeout=60'];
const CLOSED = ['Date: *', 'Connection: close'];
const OK = 'HTTP/1.1 200 OK';
const LENGTH = 'Content-Length: 2';
const CHUNKED = 'Transfer-Encoding: chunked';

const sized: Answering = (answer) => {
  answer.writeHead(200, ['Content-Length', '2']);
  answer.end('ok');
};
const unsized: Answering = (answer) => {
  answer.writeHead(200, []);
  answer.write(Buffer.from('a\xff\r\n', 'latin1'));
  answer.write('b'.repeat(17));
  answer.end('c\xe9');
};
const bodiless =
  (status: number, ...fields: readonly string[]): Answering =>
  (answer) => {
    answer.writeHead(status, fields);
    answer.write('none of this');
    answer.write(Buffer.from('none of this'));
    answer.end('nor of this');
  };
/** With 200 and these fields; some of them were read from a message. */
const saying =
  (fields: readonly string[], passed: readonly string[] = [], phrase?: string): Answering =>
  (answer) => {
    answer.writeHead(200, ['Content-Length', '2', ...fields], passed, phrase);
    answer.end('ok');
  };

const CHUNKS = lines('4', 'a\xff\r\n', '11', 'b'.repeat(17), '2', 'c\xe9', '0', '', '');

describe('an answer is framed', () => {
  it.each<[string, string, Answering, readonly string[], string, boolean]>([
    ['by the given length', GET, sized, [OK, LENGTH, ...KEPT], 'ok', true],
    ['in chunks where none is given', GET, unsized, [OK, ...KEPT, CHUNKED], CHUNKS, true],
    ['in chunks to a client that wants the end', CLOSING, unsized, [OK, ...CLOSED, CHUNKED], CHUNKS, false],
    ['by the given length to HTTP/1.0', OLD, sized, [OK, LENGTH, ...CLOSED], 'ok', false],
    ['by its length to HTTP/1.0 that keeps', OLD_KEPT, sized, [OK, LENGTH, ...KEPT], 'ok', true],
    ['by its end to HTTP/1.0', OLD, unsized, [OK, ...CLOSED], `a\xff\r\n${'b'.repeat(17)}c\xe9`, false],
    [
      'by its end to HTTP/1.0 that would keep',
      OLD_KEPT,
      unsized,
      [OK, ...CLOSED],
      `a\xff\r\n${'b'.repeat(17)}c\xe9`,
      false,
    ],
    ['without a body to HEAD', HEAD, sized, [OK, LENGTH, ...KEPT], '', true],
    ['without a body to HEAD, and without chunks', HEAD, bodiless(200), [OK, ...KEPT], '', true],
    [
      'without a body to HEAD of HTTP/1.0 that keeps',
      OLD_KEPT.replace('GET', 'HEAD'),
      bodiless(200),
      [OK, ...KEPT],
      '',
      true,
    ],
    ['without a body in 204', GET, bodiless(204), ['HTTP/1.1 204 No Content', ...KEPT], '', true],
    ['without a body in 304', GET, bodiless(304), ['HTTP/1.1 304 Not Modified', ...KEPT], '', true],
    [
      'without a body in 304, though it says how long one is',
      GET,
      bodiless(304, 'Content-Length', '2'),
      ['HTTP/1.1 304 Not Modified', LENGTH, ...KEPT],
      '',
      true,
    ],
    [
      'without a body in 204 to HTTP/1.0',
      OLD,
      bodiless(204),
      ['HTTP/1.1 204 No Content', ...CLOSED],
      '',
      false,
    ],
    [
      'in no chunk but the last where nothing is written',
      GET,
      (answer) => {
        answer.writeHead(200, []);
        answer.end();
      },
      [OK, ...KEPT, CHUNKED],
      '0\r\n\r\n',
      true,
    ],
  ])('%s', async (_, request, answering, head, body, keeps) => {
    expect(await wireOf(request, answering)).toEqual({ text: `${lines(...head, '', '')}${body}`, keeps });
  });

  it('in chunks of which none is empty, since that would be the last', async () => {
    const { text } = await wireOf(GET, (answer) => {
      answer.writeHead(200, []);
      answer.write('a');
      answer.write('');
      answer.write(Buffer.alloc(0));
      answer.end('b');
    });
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(lines('1', 'a', '1', 'b', '0', '', ''));
  });
});

describe('its head says', () => {
  it.each<[string, string, Answering, readonly string[], boolean]>([
    ['that the client wants the end', CLOSING, sized, [OK, LENGTH, ...CLOSED], false],
    [
      'once that it is the last, where the fields say so',
      GET,
      saying(['connection', 'CLOSE']),
      [OK, LENGTH, 'connection: CLOSE', 'Date: *'],
      false,
    ],
    [
      'once that it is the last, where the upstream says so',
      GET,
      saying([], ['Connection', 'close']),
      [OK, 'Connection: close', LENGTH, 'Date: *'],
      false,
    ],
    [
      'the given date and no other',
      GET,
      saying(['date', 'x']),
      [OK, LENGTH, 'date: x', ...KEPT.slice(1)],
      true,
    ],
    [
      'the date of the upstream and no other',
      GET,
      saying([], ['Date', 'x']),
      [OK, 'Date: x', LENGTH, ...KEPT.slice(1)],
      true,
    ],
    ['the given phrase', GET, saying([], [], 'Fine \xe9'), ['HTTP/1.1 200 Fine \xe9', LENGTH, ...KEPT], true],
    ['an empty phrase', GET, saying([], [], ''), ['HTTP/1.1 200 ', LENGTH, ...KEPT], true],
    [
      'each byte as it was passed on, also where it is the last',
      CLOSING,
      saying([], ['X-A', '\xe9\xff']),
      [OK, 'X-A: \xe9\xff', LENGTH, ...CLOSED],
      false,
    ],
    [
      'what was passed on before what is our own, as it is',
      GET,
      saying(['x-B', '\t\xe9 \xff'], ['X-a', '1', 'X-A', '']),
      [OK, 'X-a: 1', 'X-A: ', LENGTH, 'x-B: \t\xe9 \xff', ...KEPT],
      true,
    ],
  ])('%s', async (_, request, answering, head, keeps) => {
    expect(await wireOf(request, answering)).toEqual({ text: lines(...head, '', 'ok'), keeps });
  });

  it('what time it is', async () => {
    const { client } = await stage.open();
    stage.does = ({ answer }) => sized(answer);
    const before = Math.floor(Date.now() / 1000) * 1000;
    client.send(GET);
    const { headers } = await client.answer();
    const [, date = ''] = headers.find(([name]) => name === 'Date') ?? [];
    expect(new Date(date).toUTCString()).toBe(date);
    expect(Date.parse(date)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(date)).toBeLessThanOrEqual(Date.now());
  });

  it('nothing where a value cannot be written, and another one may be given', async () => {
    const refused: unknown[] = [];
    const { text, keeps } = await wireOf(GET, (answer) => {
      for (const part of ['\r', '\n', '\r\nX-B: c', '\0', '\v', '\x7f', '\u0100', '\u010a', '\u{1f511}']) {
        try {
          answer.writeHead(500, ['X-A', `a${part}b`]);
        } catch (error) {
          refused.push(error);
        }
        expect([part, answer.hasBegun, stage.sockets[0]?.bytesWritten]).toEqual([part, false, 0]);
      }
      sized(answer);
    });
    expect(refused.length).toBe(9);
    for (const error of refused) expect(error).toBeInstanceOf(TypeError);
    expect({ text, keeps }).toEqual({ text: lines(OK, LENGTH, ...KEPT, '', 'ok'), keeps: true });
  });
});

describe('before its body', () => {
  it('a client is told to go on, as often as somebody says so', async () => {
    const { client } = await stage.open();
    stage.does = (arrival) => {
      arrival.answer.writeContinue();
      arrival.take(() => arrival.say(arrival.body));
    };
    client.send(asking('POST / HTTP/1.1', 'Expect: 100-continue', 'Content-Length: 2'));
    await client.until(() => client.interim.length > 0, 'the word');
    client.send('ok');
    expect((await client.answer()).body.toString()).toBe('ok');
    expect(client.interim).toEqual([100]);
  });

  it('the head goes out where it is flushed, once, and else with the body', async () => {
    const { client, socket } = await stage.open();
    client.send(GET);
    await stage.came(1);
    const { answer }: Arrival = stage.lastArrival;
    answer.writeHead(200, []);
    expect([socket.bytesWritten, answer.hasBegun, answer.isEnding]).toEqual([0, true, false]);
    answer.flush();
    answer.flush();
    await client.until(() => client.head !== null, 'the head');
    expect(client.received).toBe('');
    answer.write('a');
    await client.until(() => client.received === 'a', 'the body');
    answer.end();
    expect((await client.answer()).body.toString()).toBe('a');
  });
});
