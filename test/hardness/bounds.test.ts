import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Load } from '../../src/proxy/load.ts';
import { until } from '../proxy/forward-stage.ts';
import { startGate, type TestGate } from '../support/gate.ts';
import { valuesOf } from '../support/http-message.ts';
import { RawConnection } from '../support/raw-client.ts';
import { answering, startTalkingUpstream, type TalkingUpstream } from '../support/talking-upstream.ts';

interface Stage {
  readonly gate: TestGate;
  readonly upstream: TalkingUpstream;
  open(text?: string): Promise<RawConnection>;
}

async function stageWith(settings: string): Promise<Stage> {
  const upstream = await startTalkingUpstream();
  const gate = await startGate({
    config: `
proxy:
  ${settings}
  routes: [{ upstream: '${upstream.origin}', auth: none }]
keyService: {}
`,
  });
  const opened: RawConnection[] = [];
  onTestFinished(async () => {
    for (const connection of opened) connection.drop();
    await gate.stop();
    await upstream.stop();
  });
  return {
    gate,
    upstream,
    async open(text = '') {
      const connection = await RawConnection.open(gate.port);
      opened.push(connection);
      if (text !== '') connection.send(text);
      return connection;
    },
  };
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('bounds.headerBytes', () => {
  it('is where a header becomes 431', async () => {
    const stage = await stageWith('bounds: { headerBytes: 4096 }');
    const of = (size: number): string => `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'b'.repeat(size)}\r\n\r\n`;
    const small = await stage.open(of(3500));
    expect((await small.answer()).status).toBe(200);
    const large = await stage.open(of(4500));
    expect((await large.answer()).status).toBe(431);
    const line = stage.gate.logLines.find((text) => text.includes('"status":431'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ reason: 'headers_too_large' });
  });

  it('lets no line be left out: of more than 1,000 none arrives, of fewer all', async () => {
    const stage = await stageWith('bounds: { headerBytes: 65536 }');
    for (let lines = 985; lines < 1015; lines++) {
      const before = stage.upstream.calls.length;
      const connection = await stage.open(
        `POST / HTTP/1.1\r\nHost: a\r\n${'a:\r\n'.repeat(lines - 3)}Transfer-Encoding: chunked\r\nX-Last: 1\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
      );
      const { status } = await connection.answer();
      expect([lines, status]).toEqual([lines, lines <= 1000 ? 200 : 431]);
      const call = stage.upstream.calls[before];
      if (status !== 200) continue;
      expect(call?.headers.filter(([name]) => name === 'a')).toHaveLength(lines - 3);
      expect([call?.body(), valuesOf(call ?? { startLine: '', headers: [] }, 'x-last')]).toEqual([
        'hi',
        ['1'],
      ]);
    }
  });
});

describe('bounds.inFlight', () => {
  it('refuses what is one too many with 503 and Retry-After, and serves again when there is room', async () => {
    const stage = await stageWith('bounds: { inFlight: 2 }');
    stage.upstream.does(() => undefined);
    const first = await stage.open(GET);
    await stage.open(GET);
    await until(() => stage.upstream.calls.length === 2, 'two requests');
    const third = await stage.open(GET);
    const refused = await third.answer();
    expect([refused.status, valuesOf(refused, 'retry-after')]).toEqual([503, ['1']]);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ reason: 'overloaded' });
    first.drop();
    await until(() => stage.upstream.calls.some(({ socket }) => socket.destroyed), 'the end of the first');
    stage.upstream.does(answering(OK));
    third.send(GET);
    expect((await third.answer()).status).toBe(200);
  });

  it('does not count open WebSockets', async () => {
    const stage = await stageWith('bounds: { inFlight: 1 }');
    stage.upstream.does(
      answering('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    );
    const socket = await stage.open(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    expect((await socket.answer()).status).toBe(101);
    stage.upstream.does(answering(OK));
    const other = await stage.open(GET);
    expect((await other.answer()).status).toBe(200);
  });
});

describe('bounds.connectionsPerAddress', () => {
  it('closes a connection that is one too many, and takes one again when another has gone', async () => {
    const stage = await stageWith('bounds: { connectionsPerAddress: 2 }');
    const [first, second] = [await stage.open(GET), await stage.open(GET)];
    for (const connection of [first, second]) expect((await connection.answer()).status).toBe(200);
    const third = await stage.open(GET);
    await third.closed;
    await expect(third.answer()).rejects.toThrow('without an answer');
    expect(await stage.gate.metrics()).toContain('plexgate_connections_refused_total 1');
    first.drop();
    await first.closed;
    await sleep(20);
    const fourth = await stage.open(GET);
    expect((await fourth.answer()).status).toBe(200);
  });

  it('is not for trusted proxies', async () => {
    const stage = await stageWith('trustedProxies: [127.0.0.1]\n  bounds: { connectionsPerAddress: 1 }');
    for (let i = 0; i < 3; i++) expect((await (await stage.open(GET)).answer()).status).toBe(200);
  });
});

describe('bounds.loopDelay', () => {
  const block = (ms: number): void => {
    for (const end = performance.now() + ms; performance.now() < end;);
  };

  it('is exceeded where the process is late twice in a row, until it is not', async () => {
    const load = new Load({ inFlight: 9, loopDelayMs: 200 }, () => performance.now());
    onTestFinished(() => load.close());
    expect(load.excess()).toBeNull();
    block(600);
    await sleep(1);
    expect(load.excess()).toBeNull();
    block(600);
    await sleep(1);
    expect(load.excess()).toBe('delay');
    await until(() => load.excess() === null, 'the end of the excess', 10_000);
  });
});

describe('timeouts.header', () => {
  it.each([
    ['nothing', ''],
    ['half a header', 'GET / HTTP/1.1\r\nHost: a\r\nX-A'],
  ])('ends a connection on which %s comes', async (_, text) => {
    const stage = await stageWith('timeouts: { header: 300ms }');
    const connection = await stage.open(text);
    const trickle = setInterval(() => text !== '' && connection.socket.write('b'), 50);
    onTestFinished(() => clearInterval(trickle));
    await Promise.race([connection.closed, sleep(8000)]);
    expect(connection.socket.destroyed).toBe(true);
  });
});

it('timeouts.bodyIdle also ends an upload that has had its answer', async () => {
  const stage = await stageWith('timeouts: { bodyIdle: 300ms }');
  const connection = await stage.open('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhi');
  expect((await connection.answer()).status).toBe(200);
  await Promise.race([connection.closed, sleep(8000)]);
  expect(connection.socket.destroyed).toBe(true);
});

it('slow readers and slow writers hold nobody up', { timeout: 60_000 }, async () => {
  const stage = await stageWith('timeouts: { bodyIdle: 30s }');
  const large = Buffer.alloc(4 * 1024 * 1024, 'x');
  stage.upstream.does(({ socket, startLine }) => {
    if (startLine.includes('/large')) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`);
      socket.write(large);
    } else if (startLine.startsWith('GET')) socket.write(OK);
  });
  for (let i = 0; i < 50; i++) {
    const reader = await stage.open('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    await reader.until(() => reader.head !== null, 'the head');
    reader.socket.pause();
    await stage.open('POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegin');
  }
  await until(() => stage.upstream.calls.length === 100, 'all of them at the upstream', 10_000);
  for (let i = 0; i < 20; i++) {
    const connection = await stage.open(GET);
    expect((await connection.answer()).status).toBe(200);
  }
});
