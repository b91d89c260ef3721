import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ForwardStage, until } from './forward-stage.ts';

/*
 * Clients that never close their side. A connection costs a file descriptor, so nobody, least of all somebody without
 * a key, may keep one for nothing.
 */
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** `closed` pokes the other side, which tells whether that is still there. */
function stubborn(port: number, bytes: string): { text: () => string; closed: () => boolean } {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  let closed = false;
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => (closed = true));
  socket.write(bytes);
  onTestFinished(() => void socket.destroy());
  const poke = (): boolean => {
    if (!closed) socket.write('x');
    return closed;
  };
  return { text: () => text, closed: poke };
}

describe('a connection that has had its last answer', () => {
  let stage: ForwardStage;
  beforeAll(async () => {
    stage = await ForwardStage.start(10_000);
  });
  afterAll(() => stage.stop());

  it('is closed within three seconds, whether or not the client closes it', async () => {
    const { port } = stage.gate;
    const clients = {
      'HTTP/1.1 401': stubborn(port, `GET /ws HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`),
      'HTTP/1.1 405': stubborn(port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'),
      'HTTP/1.1 400': stubborn(port, 'this is no HTTP\r\n\r\n'),
      'HTTP/1.1 502': stubborn(
        port,
        stage.bytes('GET /refused/ws', {
          key: 'Authorization: ApiKey {M1}',
          lines: UPGRADE.trim().split('\r\n'),
        }),
      ),
    };
    for (const [start, { text }] of Object.entries(clients))
      await until(() => text().startsWith(start), start);
    for (const [start, { closed }] of Object.entries(clients)) await until(closed, `the end after ${start}`);
  });
});

describe('a gate that stops', () => {
  it('waits no longer than its grace for refused upgrades and for upgrades without an answer', async () => {
    const stage = await ForwardStage.start(10_000);
    const { port } = stage.gate;
    stage.upstream.does(() => undefined);
    const refused = stubborn(port, `GET /ws HTTP/1.1\r\nHost: a\r\n${UPGRADE}\r\n`);
    const waiting = stubborn(port, stage.bytes('GET /ws', { lines: UPGRADE.trim().split('\r\n') }));
    await until(() => refused.text() !== '', 'the refusal');
    await until(() => stage.upstream.calls.length > 0, 'the upgrade at the upstream');
    const startedAt = performance.now();
    await stage.stop();
    expect(performance.now() - startedAt).toBeLessThan(1000);
    await until(() => refused.closed() && waiting.closed(), 'the end of both');
  });
});
