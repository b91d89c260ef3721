import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { answering, type Call } from '../../support/talking-upstream.ts';
import { ForwardStage, until } from '../forward-stage.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
/** More than the buffers between an upstream and a client hold. */
const LARGE_BYTES = 32 * 1024 * 1024;

let stage: ForwardStage;

beforeAll(async () => {
  stage = await ForwardStage.start(10_000);
});
afterEach(() => {
  stage.leave();
  stage.upstream.does(answering(OK));
});
afterAll(() => stage.stop());

const lastCall = (): Call | undefined => stage.upstream.calls.at(-1);
const endAtUpstream = (): Promise<void> =>
  until(() => lastCall()?.socket.destroyed === true, 'the end at the upstream');

/** Writes until the other side takes no more for a while; how many bytes it took. */
async function fill(write: (bytes: Buffer) => void, written: () => number): Promise<number> {
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let sent = 0; sent < LARGE_BYTES; sent += piece.length) write(piece);
  for (let before = -1; before !== written(); await sleep(100)) before = written();
  return written();
}

describe('an upstream that answers before it has the body', () => {
  it('answers, and its connection carries nothing more', async () => {
    stage.upstream.does(answering('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'));
    const connection = await stage.open();
    connection.send(stage.bytes('POST /early', { lines: ['Content-Length: 1000'], body: 'begin' }));
    expect((await connection.answer()).status).toBe(413);
    await endAtUpstream();
    const early = lastCall()?.connection;
    stage.upstream.does(answering(OK));
    expect((await stage.send('GET /next')).status).toBe(200);
    expect(lastCall()?.connection).not.toBe(early);
    // The client may send the rest and ask again.
    connection.send('x'.repeat(995) + stage.bytes('GET /again'));
    expect((await connection.answer()).status).toBe(200);
  });

  it('also where all of it is on its way', async () => {
    const size = 8 * 1024 * 1024;
    stage.upstream.does(({ socket }) => {
      socket.pause();
      void sleep(200).then(() => socket.write(OK));
    });
    const connection = await stage.open();
    connection.send(stage.bytes('POST /unread', { lines: [`Content-Length: ${size}`] }));
    connection.send(Buffer.alloc(size));
    expect((await connection.answer()).status).toBe(200);
    lastCall()?.socket.resume();
    await endAtUpstream();
  });
});

describe('an upstream that says 100 Continue unasked', () => {
  it('is not heard, and answers', async () => {
    stage.upstream.does(answering(`HTTP/1.1 100 Continue\r\n\r\n${OK}`));
    const connection = await stage.open();
    connection.send(stage.bytes('POST /unasked', { lines: ['Content-Length: 2'], body: 'ok' }));
    expect((await connection.answer()).status).toBe(200);
    expect(connection.interim).toEqual([]);
  });
});

describe('an answer without a length that ends with a reset is broken off', () => {
  const endless = answering('HTTP/1.1 200 OK\r\n\r\npart');

  it('to a client of HTTP/1.1', async () => {
    stage.upstream.does(endless);
    const connection = await stage.open();
    connection.send(stage.bytes('GET /reset'));
    await connection.until(() => connection.received === 'part', 'a part');
    lastCall()?.socket.resetAndDestroy();
    const answer = await connection.answer();
    expect([answer.complete, answer.body.toString()]).toEqual([false, 'part']);
    expect(await stage.line('/reset')).toMatchObject({ detail: 'broken off' });
  });

  it('to a client of HTTP/1.0, by a reset, since an end would be its end', async () => {
    stage.upstream.does(endless);
    const connection = await stage.open();
    const failed = new Promise((resolve) => connection.socket.once('close', resolve));
    connection.send(stage.bytes('GET /reset-old').replace('HTTP/1.1', 'HTTP/1.0'));
    await connection.until(() => connection.received === 'part', 'a part');
    lastCall()?.socket.resetAndDestroy();
    expect(await failed).toBe(true);
  });
});

describe('a client that leaves ends the connection of the upstream', () => {
  it('while it sends its body', async () => {
    stage.upstream.does(() => undefined);
    const connection = await stage.open();
    connection.send(
      stage.bytes('POST /left-up', { lines: ['Transfer-Encoding: chunked'], body: '5\r\nbegin\r\n' }),
    );
    await until(() => lastCall()?.body() === 'begin', 'the start of the body');
    connection.drop();
    await endAtUpstream();
    // Not with the last chunk, which would make a whole body of it.
    expect(lastCall()?.whole()).toBe(false);
  });

  it('while it gets the answer', async () => {
    stage.upstream.does(answering('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin'));
    const connection = await stage.open();
    connection.send(stage.bytes('GET /left-down'));
    await until(() => connection.received === 'begin', 'the start of the answer');
    connection.drop();
    await endAtUpstream();
  });

  it('while it waits for one', async () => {
    stage.upstream.does(() => undefined);
    const connection = await stage.open();
    const before = stage.upstream.calls.length;
    connection.send(stage.bytes('GET /left-waiting'));
    await until(() => stage.upstream.calls.length > before, 'the request');
    connection.drop();
    await endAtUpstream();
  });
});

describe('whoever does not read holds up whoever sends', () => {
  it('a client the upstream', async () => {
    let taken = 0;
    stage.upstream.does(({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`);
      void fill(
        (bytes) => socket.write(bytes),
        () => socket.bytesWritten - socket.writableLength,
      ).then((bytes) => (taken = bytes));
    });
    const connection = await stage.open();
    connection.send(stage.bytes('GET /unread'));
    await connection.until(() => connection.head !== null, 'the head');
    connection.socket.pause();
    await until(() => taken > 0, 'a stop', 10_000);
    expect(taken).toBeLessThan(LARGE_BYTES);
    connection.socket.resume();
    expect((await connection.answer()).body.length).toBe(LARGE_BYTES);
    // The connection is good for the next.
    const { connection: first } = lastCall() ?? {};
    stage.upstream.does(answering(OK));
    expect((await stage.send('GET /next')).status).toBe(200);
    expect(lastCall()?.connection).toBe(first);
  });

  it('an upstream the client', async () => {
    stage.upstream.does(({ socket }) => void socket.pause());
    const connection = await stage.open();
    connection.send(stage.bytes('POST /unread', { lines: [`Content-Length: ${LARGE_BYTES}`] }));
    const { socket } = connection;
    const taken = await fill(
      (bytes) => socket.write(bytes),
      () => socket.bytesWritten - socket.writableLength,
    );
    expect(taken).toBeLessThan(LARGE_BYTES);
    const call = lastCall();
    call?.socket.resume();
    await until(() => call?.whole() === true, 'the body', 10_000);
    call?.socket.write(OK);
    expect((await connection.answer()).status).toBe(200);
  });
});

describe('an upstream that ends all its connections at once', () => {
  it('is no matter for a GET, which goes again on a new one', async () => {
    const served = new Set<Call>();
    const held: (() => void)[] = [];
    stage.upstream.does((call) => {
      const warm = [...served].filter(({ connection }) => connection === call.connection);
      served.add(call);
      if (warm.length > 0) for (const { socket } of [call, ...served]) socket.destroy();
      else if (call.startLine.includes('/warm')) held.push(() => answering(OK)(call));
      else answering(OK)(call);
    });
    const warming = Array.from({ length: 5 }, () => stage.send('GET /warm'));
    await until(() => held.length === 5, 'five requests');
    held.forEach((answer) => answer());
    await Promise.all(warming);
    expect((await stage.send('GET /again')).status).toBe(200);
  });
});

describe('bodies at the same time', () => {
  it('are each whole and of one answer, however many there are', async () => {
    const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64');
    const bodies = Array.from({ length: 24 }, (_, i) => randomBytes(200_000 + i * 5000));
    stage.upstream.does((call) => {
      const body = bodies[Number(call.startLine.split('/')[2]?.split(' ')[0])] ?? Buffer.alloc(0);
      const answer = call.startLine.includes('chunks') ? writeChunks : writeWhole;
      void call.ended.then(() => answer(call.socket, body));
    });
    for (const kind of ['length', 'chunks']) {
      const answers = await Promise.all(
        bodies.map(async (body, i) => {
          const connection = await stage.open();
          connection.send(
            stage.bytes(`POST /${kind === 'chunks' ? 'chunks' : 'plain'}/${i}`, {
              lines: [`Content-Length: ${body.length}`],
            }),
          );
          connection.send(body);
          const answer = await connection.answer();
          return [answer.complete, sum(answer.body)];
        }),
      );
      expect(answers).toEqual(bodies.map((body) => [true, sum(body)]));
      const arrived = stage.upstream.calls
        .slice(-bodies.length)
        .map(({ body }) => sum(Buffer.from(body(), 'latin1')));
      expect(arrived.toSorted()).toEqual(bodies.map(sum).toSorted());
    }
  });
});

function writeChunks(socket: Call['socket'], body: Buffer): void {
  socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let at = 0; at < body.length;) {
    const part = body.subarray(at, at + 1 + ((at * 7919) % 30_000));
    socket.write(`${part.length.toString(16)};a="b"\r\n`);
    socket.write(part);
    socket.write('\r\n');
    at += part.length;
  }
  socket.write('0\r\nX-A: b\r\n\r\n');
}

function writeWhole(socket: Call['socket'], body: Buffer): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
}
