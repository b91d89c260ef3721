import { createHash, randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { upstreamErrorOf } from '../../../src/proxy/upstream-error.ts';
import { Pool } from '../../../src/proxy/upstream/pool.ts';
import { makeAuthority } from '../../support/certificates.ts';
import { Asking, requestTo } from './asking.ts';

const authority = makeAuthority();
const ours = authority.issue();
const CLOSING = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** An upstream under TLS that answers each request so; whether each of its connections took up a session. */
async function encrypted(options: TlsOptions, answer: (socket: TLSSocket) => void) {
  const resumed: boolean[] = [];
  const sockets = new Set<TLSSocket>();
  const server = createTlsServer(options, (socket) => {
    resumed.push(socket.isSessionReused());
    sockets.add(socket);
    socket.on('error', () => undefined).on('data', () => answer(socket));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { origin: `https://localhost:${(server.address() as AddressInfo).port}`, resumed };
}

function poolTo(origin: string, ca: string | null = authority.certificate): Pool {
  const pool = new Pool({ origin, ca, monotonic: () => performance.now() });
  stops.push(() => pool.retire());
  return pool;
}

const write = (text: string) => (socket: TLSSocket) => void socket.write(text);

describe('a connection under TLS', () => {
  it('takes up the session of the last one', async () => {
    const { origin, resumed } = await encrypted(ours, write(CLOSING));
    const pool = poolTo(origin);
    for (let i = 0; i < 3; i++) {
      expect((await new Asking(pool, requestTo('/')).over).body).toBe('ok');
      await sleep(5);
    }
    expect(resumed).toEqual([false, true, true]);
  });

  it('does not take up one that another authority has vouched for', async () => {
    const { origin, resumed } = await encrypted(ours, write(CLOSING));
    for (let i = 0; i < 2; i++)
      expect((await new Asking(poolTo(origin), requestTo('/')).over).isWhole).toBe(true);
    expect(resumed).toEqual([false, false]);
    const other = await new Asking(poolTo(origin, makeAuthority().certificate), requestTo('/')).over;
    expect(other.error).not.toBe(null);
  });

  it('brings large bodies at the same time, each its own', async () => {
    const bodies = Array.from({ length: 8 }, () => randomBytes(400_000));
    const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('base64');
    let next = 0;
    const { origin } = await encrypted(ours, (socket) => {
      const body = bodies[next++] ?? Buffer.alloc(0);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    });
    const pool = poolTo(origin);
    const all = await Promise.all(bodies.map(() => new Asking(pool, requestTo('/')).over));
    const sums = all.map(({ body }) => sum(Buffer.from(body, 'latin1')));
    expect(sums.toSorted()).toEqual(bodies.map(sum).toSorted());
  });

  it('is used again, also behind an answer that held up its reader to the last', async () => {
    const text = `HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`;
    const { origin, resumed } = await encrypted(ours, write(text));
    const pool = poolTo(origin);
    for (let i = 0; i < 3; i++) {
      const asking = new Asking(pool, requestTo('/'));
      asking.onData = () => {
        asking.connection.pause();
        if (asking.body.length < 100_000) setImmediate(() => asking.connection.resume());
      };
      expect((await asking.over).body.length).toBe(100_000);
      await sleep(1);
    }
    expect(resumed).toEqual([false]);
  });
});

describe('an upstream that cannot be trusted is a failure of TLS, however often it is asked', () => {
  const failures: Readonly<Record<string, () => Promise<[origin: string, ca: string]>>> = {
    'of another authority': async () => [
      (await encrypted(ours, write(CLOSING))).origin,
      makeAuthority().certificate,
    ],
    'under another name': async () => [
      (await encrypted(authority.issue('other.test'), write(CLOSING))).origin,
      authority.certificate,
    ],
    'that speaks another protocol': async () => [
      (await encrypted({ ...ours, ALPNProtocols: ['h2'] }, write(CLOSING))).origin,
      authority.certificate,
    ],
    'that speaks no TLS': async () => {
      const server = createServer((socket) => {
        socket
          .on('error', () => undefined)
          .once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      stops.push(() => server.close());
      return [`https://localhost:${(server.address() as AddressInfo).port}`, authority.certificate];
    },
    'that nobody but itself vouches for': async () => {
      const leaf = makeAuthority().issue();
      return [(await encrypted(leaf, write(CLOSING))).origin, authority.certificate];
    },
  };

  it.each(Object.entries(failures))('one %s', async (_, start) => {
    const [origin, ca] = await start();
    const pool = poolTo(origin, ca);
    for (let i = 0; i < 3; i++) {
      const { error } = await new Asking(pool, requestTo('/secret')).over;
      expect([error?.code, error === null ? null : upstreamErrorOf(error)]).toEqual([
        expect.any(String),
        'tls',
      ]);
    }
  });
});
