import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RawConnection } from '../support/raw-client.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { OK, type OpenStream } from '../support/upstream.ts';

const CONFIG = `
keyService: {}
proxy:
  routes:
    - match: { path: / }
      profile: standard
      upstream: '{upstream}'
    - match: { path: /bulk }
      profile: standard
      upstream: '{bulk}'
`;

const MIB = 1024 * 1024;
const TOTAL = 96 * MIB;
/** What both sockets' kernel buffers may hold beside the gate's own few hundred KiB. */
const HELD_MAX = 16 * MIB;
const PIECE = Buffer.alloc(64 * 1024, 'x');

let stage: Stage;
let bulk: Awaited<ReturnType<typeof startBulkUpstream>>;
const opened: RawConnection[] = [];

beforeAll(async () => {
  bulk = await startBulkUpstream();
  stage = await startStage({ config: CONFIG.replace('{bulk}', bulk.origin), fixtures: '{S}' });
});
afterEach(() => {
  for (const connection of opened.splice(0)) connection.drop();
  stage.upstream.answerWith(OK);
});
afterAll(async () => {
  await stage.stop();
  await bulk.stop();
});

async function open(text: string): Promise<RawConnection> {
  const connection = await RawConnection.open(stage.gate.port);
  opened.push(connection);
  connection.send(stage.fixtures.fill(text));
  return connection;
}

const KEYED = 'Host: gate.test\r\nx-api-key: {S}\r\n';

/** The stream that the request opens at the upstream. */
async function openStream(text: string): Promise<{ connection: RawConnection; stream: OpenStream }> {
  const before = stage.upstream.streams.length;
  const connection = await open(text);
  await until(() => stage.upstream.streams.length > before, 'the request', 2000);
  const stream = stage.upstream.streams.at(-1);
  if (stream === undefined) throw new Error('no stream was opened');
  return { connection, stream };
}

async function until(seen: () => boolean, what: string, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!seen()) {
    if (Date.now() > deadline) throw new Error(`no sign of ${what} within ${patienceMs} ms`);
    await sleep(5);
  }
}

describe('an answer', () => {
  it.each(['text/event-stream', 'application/octet-stream'])(
    'of type %s passes piece by piece, each before the next is made',
    async (type) => {
      stage.upstream.answerWith({
        status: 200,
        headers: [['Content-Type', type]],
        body: '',
        behaviour: 'streams',
      });
      const { connection, stream } = await openStream(`GET /events HTTP/1.1\r\n${KEYED}\r\n`);
      await connection.until(() => connection.head !== null, 'the head before any piece', 1000);
      expect(connection.status).toBe(200);
      let sent = '';
      for (let i = 0; i < 20; i++) {
        stream.send(`data: ${i}\n\n`);
        sent += `data: ${i}\n\n`;
        await connection.until(() => connection.received === sent, `piece ${i}`, 1000);
      }
      stream.end();
      expect((await connection.answer()).body.toString()).toBe(sent);
    },
  );

  it('that the upstream breaks off ends the connection, so that nobody takes it for whole', async () => {
    stage.upstream.answerWith({ status: 200, headers: [], body: 'half of it', behaviour: 'dies' });
    const connection = await open(`GET /half HTTP/1.1\r\n${KEYED}\r\n`);
    await Promise.race([connection.closed, sleep(2000)]);
    expect(connection.socket.destroyed).toBe(true);
    await expect(connection.answer().then((answer) => answer.complete)).resolves.toBe(false);
  });

  it('that the upstream breaks off in the middle of chunks ends the connection too', async () => {
    stage.upstream.answerWith({ status: 200, headers: [], body: '', behaviour: 'streams' });
    const { connection, stream } = await openStream(`GET /half HTTP/1.1\r\n${KEYED}\r\n`);
    stream.send('half of it');
    await connection.until(() => connection.received !== '', 'the first half');
    stream.cut();
    await Promise.race([connection.closed, sleep(2000)]);
    expect(connection.socket.destroyed).toBe(true);
    expect((await connection.answer()).complete).toBe(false);
  });
});

it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])(
  'a %s that the upstream hung up on is not sent again, because it may have been acted on',
  async (method) => {
    stage.upstream.answerWith({ ...OK, behaviour: 'hangs up' });
    const before = stage.upstream.requests.length;
    const connection = await open(`${method} /once HTTP/1.1\r\n${KEYED}Connection: close\r\n\r\n`);
    expect((await connection.answer()).status).toBe(502);
    expect(stage.upstream.requests.slice(before).map((request) => request.method)).toEqual([method]);
  },
);

describe('a client that leaves is missed upstream within a second', () => {
  it('while it waits for an answer', async () => {
    stage.upstream.answerWith({ ...OK, behaviour: 'is silent' });
    const before = stage.upstream.requests.length;
    const connection = await open(`GET /slow HTTP/1.1\r\n${KEYED}\r\n`);
    await until(() => stage.upstream.requests.length > before, 'the request', 2000);
    const openBefore = stage.upstream.openConnections;
    connection.drop();
    await until(() => stage.upstream.openConnections < openBefore, 'the end of the connection', 1000);
    expect(stage.upstream.openConnections).toBe(openBefore - 1);
  });

  it('while it sends a body', async () => {
    const before = stage.upstream.openConnections;
    const connection = await open(
      `POST /slow HTTP/1.1\r\n${KEYED}Content-Length: 1000000\r\n\r\nthe first bytes`,
    );
    await until(() => stage.upstream.receiving('the first bytes'), 'the first bytes', 2000);
    connection.drop();
    await until(() => !stage.upstream.receiving('the first bytes'), 'the end of the connection', 1000);
    expect(stage.upstream.openConnections).toBeLessThanOrEqual(before);
  });

  it('while an answer streams', async () => {
    stage.upstream.answerWith({ status: 200, headers: [], body: '', behaviour: 'streams' });
    const { connection, stream } = await openStream(`GET /stream HTTP/1.1\r\n${KEYED}\r\n`);
    stream.send('something');
    await connection.until(() => connection.received !== '', 'the first piece');
    connection.drop();
    await until(() => stream.closed, 'the end of the stream', 1000);
    expect(stream.closed).toBe(true);
  });
});

describe('a body of 96 MiB is not collected in the gate', () => {
  it('on its way to an upstream that does not read, and arrives whole when it does', async () => {
    const connection = await open(`POST /bulk/up HTTP/1.1\r\n${KEYED}Content-Length: ${TOTAL}\r\n\r\n`);
    const upload = writeAll(connection.socket, TOTAL);
    const taken = await settled(() => connection.socket.bytesWritten - connection.socket.writableLength);
    expect(taken).toBeLessThan(HELD_MAX);
    bulk.read();
    await upload;
    expect((await connection.answer()).status).toBe(200);
    expect(bulk.bodyBytes()).toBe(TOTAL);
  });

  it('on its way to a client that does not read, and arrives whole when it does', async () => {
    const connection = await open(`GET /bulk/down HTTP/1.1\r\n${KEYED}\r\n`);
    await connection.until(() => connection.head !== null, 'the head');
    connection.socket.pause();
    const sent = await settled(() => bulk.sentBytes());
    expect(sent).toBeLessThan(HELD_MAX);
    connection.socket.resume();
    const answer = await connection.answer();
    expect(answer.complete).toBe(true);
    expect(answer.body.length).toBe(TOTAL);
  });
});

/** The number once it has stood still for half a second. */
async function settled(read: () => number): Promise<number> {
  let last = -1;
  let since = Date.now();
  const deadline = Date.now() + 8000;
  while (Date.now() - since < 500 && Date.now() < deadline) {
    const now = read();
    if (now !== last) since = Date.now();
    last = now;
    await sleep(20);
  }
  return last;
}

async function writeAll(socket: Socket, total: number): Promise<void> {
  const ended = new Promise<'ended'>((resolve) => void socket.once('close', () => resolve('ended')));
  for (let sent = 0; sent < total; sent += PIECE.length) {
    if (socket.write(PIECE)) continue;
    const drained = new Promise<'drained'>((resolve) => void socket.once('drain', () => resolve('drained')));
    if ((await Promise.race([drained, ended])) === 'ended')
      throw new Error('the connection ended on the way');
  }
}

/** `/bulk/up` is not read until told; `/bulk/down` answers with 96 MiB as fast as they are taken. */
async function startBulkUpstream() {
  const sockets = new Set<Socket>();
  let uploading: Socket | null = null;
  let downloading: Socket | null = null;
  let received = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    let head = '';
    let body = -1;
    socket.on('data', (bytes: Buffer) => {
      if (body >= 0) {
        body += bytes.length;
        received = body;
        if (body >= TOTAL) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      head += bytes.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      if (head.startsWith('GET')) {
        downloading = socket;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL}\r\n\r\n`);
        void writeAll(socket, TOTAL).catch(() => undefined);
        return;
      }
      body = head.length - end - 4;
      uploading = socket;
      socket.pause();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    read: () => uploading?.resume(),
    bodyBytes: () => received,
    sentBytes: () => (downloading === null ? 0 : downloading.bytesWritten - downloading.writableLength),
    stop: async () => {
      const stopped = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await stopped;
    },
  };
}
