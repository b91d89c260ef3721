import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../support/until.ts';
import { InboundStage, PATIENT, turns, type Arrival, type Patience } from './inbound-stage.ts';

const GET = 'GET / HTTP/1.1\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n';

let stage: InboundStage;

afterEach(() => stage.stop());

const start = async (patience: Partial<Patience> = {}): Promise<void> => {
  stage = await InboundStage.start({ ...PATIENT, ...patience });
};
const ok = (arrival: Arrival): void => arrival.say('ok');

describe('a server looks by itself for clients that take too long', () => {
  it.each([
    ['to say anything', ''],
    ['with a head', 'GET / HTTP/1.1\r\nHost'],
  ])('%s', async (_, text) => {
    await start({ headerMs: 300 });
    const startedAt = performance.now();
    const { client } = await stage.open();
    client.send(text);
    expect((await client.answer()).status).toBe(408);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(300);
    await client.closed;
    expect(stage.refusals).toEqual([{ status: 408, target: null }]);
  });

  it('with a head that comes byte by byte', async () => {
    await start({ headerMs: 300 });
    const { client } = await stage.open();
    client.send('GET /');
    const trickle = async (): Promise<void> => {
      while (!client.socket.destroyed && !client.socket.readableEnded) {
        client.send('x');
        await sleep(50);
      }
    };
    const trickling = trickle();
    expect((await client.answer()).status).toBe(408);
    await trickling;
  });

  it('with the body that nobody wants', async () => {
    await start({ headerMs: 200, bodyIdleMs: 300 });
    stage.does = ok;
    const { client } = await stage.open();
    client.send(POST);
    expect((await client.answer()).status).toBe(200);
    await client.closed;
  });

  it('with another request, a second behind what they were told', async () => {
    await start({ headerMs: 200, idleMs: 200 });
    stage.does = ok;
    const { client } = await stage.open();
    const startedAt = performance.now();
    client.send(GET);
    expect((await client.answer()).status).toBe(200);
    await client.closed;
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1200);
  });

  it('as long as the adopted times say', async () => {
    await start({ headerMs: 900 });
    const { client } = await stage.open();
    stage.server.adopt({ ...PATIENT, headerMs: 50 });
    expect((await client.answer()).status).toBe(408);
  });
});

describe('a client that has had its last answer', () => {
  it('is cut off where it does not end its side', async () => {
    await start();
    stage.does = (arrival) => arrival.say('ok', 'Connection', 'close');
    const client = connect({ port: stage.port, host: '127.0.0.1', allowHalfOpen: true });
    client.resume().on('error', () => undefined);
    client.write(GET);
    await once(client, 'end');
    const [socket] = stage.sockets;
    expect(socket?.destroyed).toBe(false);
    await until('the end', () => socket?.destroyed === true);
    client.destroy();
  });
});

describe('the connections that are ended as idle', () => {
  it('are those that were served and ask nothing more', async () => {
    await start();
    stage.does = ok;
    const opened = await Promise.all(
      [GET, `${GET}\r\n`, GET + GET, '', 'GET /', `${GET}GET /`, POST, `${POST}ok`].map(async (text) => {
        const { client, socket } = await stage.open();
        client.send(text);
        await until('all of it', () => socket.bytesRead === text.length);
        return { text, client, socket };
      }),
    );
    await stage.came(7);
    const held = await stage.open();
    stage.does = () => undefined;
    held.client.send(GET);
    await until('the last of them', () => stage.arrivals.at(-1)?.isClosed === false);
    await turns();
    stage.server.closeIdleConnections();
    await turns();
    const ended = opened.filter(({ socket }) => socket.destroyed).map(({ text }) => text);
    expect(ended).toEqual([GET, `${GET}\r\n`, GET + GET]);
    expect(held.socket.destroyed).toBe(false);
    stage.lastArrival.say('ok');
    expect((await held.client.answer()).status).toBe(200);
    stage.server.closeIdleConnections();
    await held.client.closed;
  });
});
