import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { closeServer, listen } from '../../src/runtime/listen.ts';

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';

/** Answers `/`, leaves `/held` without an answer and lets go of upgrades. */
async function started(): Promise<{ server: Server; port: number; came: () => Promise<void> }> {
  let came: () => void = () => undefined;
  const server = createServer((request, response) => {
    if (request.url !== '/held') response.end('ok');
    came();
  });
  server.on('upgrade', () => came());
  const port = await listen(server, '127.0.0.1', 0);
  onTestFinished(() => closeServer(server, 0));
  return { server, port, came: () => new Promise((resolve) => (came = resolve)) };
}

/** A client that never closes its side by itself; `ended` pokes the other side, which says whether that is there. */
function client(port: number, bytes: string): { socket: Socket; ended: () => Promise<void> } {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(bytes);
  onTestFinished(() => void socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const ended = async (): Promise<void> => {
    const poke = setInterval(() => socket.write('x'), 5);
    await closed;
    clearInterval(poke);
  };
  return { socket, ended };
}

async function msOf(done: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await done;
  return performance.now() - startedAt;
}

describe('a server that is closed', () => {
  it('ends at once where its connections are idle', async () => {
    const { server, port, came } = await started();
    const answered = came();
    const { ended } = client(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await answered;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await msOf(closeServer(server, 5000))).toBeLessThan(1000);
    await ended();
  });

  it('answers a connection that came just before, whose request comes just after', async () => {
    const { server, port } = await started();
    const socket = connect({ port, host: '127.0.0.1' });
    onTestFinished(() => void socket.destroy());
    await once(server, 'connection');
    const ended = closeServer(server, 5000);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    await ended;
  });

  it('ends before its grace is over where a connection has nothing to ask', async () => {
    const { server, port } = await started();
    const { ended } = client(port, '');
    await once(server, 'connection');
    expect(await msOf(closeServer(server, 20_000))).toBeLessThan(10_000);
    await ended();
  });

  it.each([
    ['a request without an answer', 'GET /held HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a request that is still coming', 'GET / HTTP/1.1\r\nHost: a\r\nX-'],
    ['an upgraded connection that nobody ends', UPGRADE],
  ])('ends after its grace at the latest, with %s', async (_, bytes) => {
    const { server, port, came } = await started();
    const arrived = came();
    const { ended } = client(port, bytes);
    await (bytes.endsWith('X-') ? new Promise((resolve) => setTimeout(resolve, 50)) : arrived);
    const ms = await msOf(closeServer(server, 100));
    expect(ms).toBeGreaterThan(90);
    expect(ms).toBeLessThan(1000);
    await ended();
  });

  it('takes no new connection', async () => {
    const { server, port } = await started();
    await closeServer(server, 0);
    const { socket, ended } = client(port, '');
    await ended();
    expect(socket.bytesRead).toBe(0);
  });
});

describe('a server that cannot listen', () => {
  it('says where it tried to and why not', async () => {
    const { port } = await started();
    await expect(listen(createServer(), '127.0.0.1', port)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another process has this port`,
    );
  });
});
