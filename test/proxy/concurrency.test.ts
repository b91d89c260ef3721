import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { startGate, type TestGate } from '../support/gate.ts';
import { until } from '../support/until.ts';

/** Answers when the test says so. */
const waiting: ServerResponse[] = [];
const upstream = createServer((_request, response) => void waiting.push(response));
const sockets = new WebSocketServer({ server: upstream });
let gate: TestGate;

beforeAll(async () => {
  const port = await listen(upstream, '127.0.0.1', 0);
  gate = await startGate({
    config: `
proxy:
  tiers: { plexe: { basic: [2 concurrent] } }
  routes: [{ match: { path: / }, profile: plexe, upstream: "http://127.0.0.1:${port}" }]
keyService: {}`,
  });
});
afterEach(() => {
  for (const response of waiting.splice(0)) response.end('done');
});
afterAll(async () => {
  await gate.stop();
  for (const socket of sockets.clients) socket.terminate();
  await closeServer(upstream, 0);
});

async function newKey(): Promise<string> {
  const owner = `owner-${Math.random().toString(36).slice(2)}`;
  await gate.service.putOwner(owner, { profile: 'plexe', tier: 'basic' });
  const draft = { owner, name: 'one', profile: 'plexe', permission: 'read_write' };
  const created = await gate.service.createKey(draft);
  if (created.kind !== 'created') throw new Error(created.kind);
  return created.key.reveal();
}

const ask = (key: string, method = 'GET'): Promise<Response> =>
  fetch(`http://127.0.0.1:${gate.port}/`, { method, headers: { 'x-api-key': key } });

/** A request that is under way at the upstream. */
async function begin(key: string): Promise<{ answer: Promise<Response>; end: () => void }> {
  const before = waiting.length;
  const answer = ask(key);
  await until('the upstream has it', () => waiting.length > before);
  return { answer, end: () => void waiting.splice(before, 1)[0]?.end('done') };
}

describe('a tier of 2 concurrent', () => {
  it('lets two requests be under way, refuses a third in the dialect of the route, and goes on when one is over', async () => {
    const key = await newKey();
    const [first, second] = [await begin(key), await begin(key)];
    const third = await ask(key);
    expect(third.status).toBe(429);
    expect(third.headers.get('retry-after')).toBe('1');
    expect(third.headers.get('ratelimit')).toBeNull();
    expect(await third.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
    expect(gate.logLines.some((line) => line.includes('"concurrency_limited"'))).toBe(true);
    second.end();
    expect((await second.answer).status).toBe(200);
    const again = await begin(key);
    again.end();
    first.end();
    expect([(await again.answer).status, (await first.answer).status]).toEqual([200, 200]);
  });

  it('counts a WebSocket as long as it is open', async () => {
    const key = await newKey();
    const open = async (): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${gate.port}/`, { headers: { 'x-api-key': key } });
      await once(socket, 'open');
      return socket;
    };
    const [one, two] = [await open(), await open()];
    expect((await ask(key)).status).toBe(429);
    one.close();
    await once(one, 'close');
    waiting.length = 0;
    const refusals: number[] = [];
    await until('a request passes', async () => {
      void ask(key).then(({ status }) => refusals.push(status));
      const told = refusals.length;
      await until('it is answered or passes', () => refusals.length > told || waiting.length > 0);
      return waiting.length > 0;
    });
    expect(refusals.every((status) => status === 429)).toBe(true);
    two.terminate();
  });

  it('is free again when a client leaves before it is answered', async () => {
    const key = await newKey();
    const leave = async (): Promise<void> => {
      const before = waiting.length;
      const request = get({ port: gate.port, headers: { 'x-api-key': key } });
      request.on('error', () => undefined);
      await until('the upstream has it', () => waiting.length > before);
      request.destroy();
    };
    for (let i = 0; i < 6; i++) {
      await leave();
      await until('the upstream sees it leave', () => waiting.every((response) => response.destroyed));
      waiting.length = 0;
    }
    const last = await begin(key);
    last.end();
    expect((await last.answer).status).toBe(200);
  });

  it('is free again when the upstream breaks off', async () => {
    const key = await newKey();
    for (let i = 0; i < 6; i++) {
      const before = waiting.length;
      // What may have been acted on is not repeated.
      const answer = ask(key, 'POST').catch(() => null);
      await until('the upstream has it', () => waiting.length > before);
      const [response] = waiting.splice(before, 1) as [ServerResponse];
      response.socket?.destroy();
      expect((await answer)?.status).toBe(502);
    }
  });
});
