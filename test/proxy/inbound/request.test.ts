import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BodyTaker } from '../../../src/proxy/inbound/request.ts';
import { until } from '../../support/until.ts';
import { InboundStage, turns } from './inbound-stage.ts';

/** More than the buffers between a client and a server hold. */
const LARGE_BYTES = 16 * 1024 * 1024;
const POST = `POST / HTTP/1.1\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`;

let stage: InboundStage;

beforeEach(async () => {
  stage = await InboundStage.start();
});
afterEach(() => stage.stop());

/** How much of what a client sends is read, when no more of it is. */
async function readWhileHeld(): Promise<number> {
  const [socket] = stage.sockets;
  for (let before = -1; before !== socket?.bytesRead; await sleep(50)) before = socket?.bytesRead ?? 0;
  return socket?.bytesRead ?? 0;
}

describe('a body', () => {
  it('waits with its client until somebody takes it', async () => {
    const { client } = await stage.open();
    client.send(POST);
    client.send(Buffer.alloc(LARGE_BYTES, 'x'));
    await stage.came(1);
    expect(await readWhileHeld()).toBeLessThan(LARGE_BYTES);
    stage.lastArrival.take(() => stage.lastArrival.say('ok'));
    expect((await client.answer()).body.toString()).toBe('ok');
    expect(stage.lastArrival.body.length).toBe(LARGE_BYTES);
  });

  it('waits with its client while whoever takes it has had enough', async () => {
    const { client } = await stage.open();
    client.send(POST);
    client.send(Buffer.alloc(LARGE_BYTES, 'x'));
    await stage.came(1);
    const { request } = stage.lastArrival;
    let taken = 0;
    let ends = 0;
    request.give({
      data: (part) => {
        if (taken === 0) request.pause();
        taken += part.length;
      },
      end: () => ends++,
    });
    await until('the start', () => taken > 0);
    expect(await readWhileHeld()).toBeLessThan(LARGE_BYTES);
    expect([request.isComplete, ends]).toEqual([false, 0]);
    request.resume();
    await until('the end', () => ends > 0);
    expect([taken, ends, request.isComplete]).toEqual([LARGE_BYTES, 1, true]);
  });

  it('goes to another one from where the first has let it go, and no byte is lost or told twice', async () => {
    const { client } = await stage.open();
    client.send('POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nab');
    await stage.came(1);
    const { request } = stage.lastArrival;
    const told: string[] = [];
    const takerOf = (name: string): BodyTaker => ({
      data: (part) => told.push(`${name} ${part.toString()}`),
      end: () => told.push(`${name} end`),
    });
    const [first, second] = [takerOf('first'), takerOf('second')];
    request.give(first);
    client.send('cd');
    await until('two parts', () => told.length === 2);
    request.letGo(first);
    client.send('ef');
    await turns();
    expect(told).toEqual(['first ab', 'first cd']);
    request.give(second);
    // Whoever has let go already changes nothing for the next.
    request.letGo(first);
    await until('the end', () => request.isComplete);
    expect(told).toEqual(['first ab', 'first cd', 'second ef', 'second end']);
  });

  it.each([
    ['of a length', 'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok', true, 'ok'],
    ['in chunks', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', true, 'ok'],
    ['in no chunks', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', true, ''],
    ['of no length', 'POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n', false, ''],
    ['that there is none', 'POST / HTTP/1.1\r\n\r\n', false, ''],
  ])('that came with its head is whole at once, %s', async (_, text, hasBody, body) => {
    const { client } = await stage.open();
    let seen: unknown = null;
    stage.does = (arrival) => {
      const { request } = arrival;
      arrival.take();
      seen = [request.hasBody, request.isComplete, arrival.body, arrival.isWhole];
    };
    client.send(text);
    await stage.came(1);
    expect(seen).toEqual([hasBody, true, body, true]);
  });

  it('says from whom it came', async () => {
    const { client } = await stage.open();
    client.send(POST);
    await stage.came(1);
    expect(stage.lastArrival.request).toMatchObject({ peer: '127.0.0.1', isEncrypted: false });
  });
});
