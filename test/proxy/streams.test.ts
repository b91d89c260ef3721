import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { startGate, type TestGate } from '../support/gate.ts';

const upstream = createServer((_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write('data: open\n\n');
});
const sockets = new WebSocketServer({ server: upstream });
let gate: TestGate;

beforeAll(async () => {
  const port = await listen(upstream, '127.0.0.1', 0);
  gate = await startGate({
    config: `
proxy: { routes: [{ match: { path: / }, upstream: "http://127.0.0.1:${port}" }] }
keyService: {}`,
  });
});
afterAll(async () => {
  await gate.stop();
  for (const socket of sockets.clients) socket.terminate();
  await closeServer(upstream, 0);
});

async function newKey(owner: string, expiresAt?: string): Promise<{ key: string; keyId: string }> {
  await gate.service.putOwner(owner, { profile: 'standard', tier: 'default' });
  const draft = { owner, name: 'stream', profile: 'standard', permission: 'read_write', expiresAt };
  const created = await gate.service.createKey(draft);
  if (created.kind !== 'created') throw new Error(created.kind);
  return { key: created.key.reveal(), keyId: created.view.record.keyId };
}

/** An open WebSocket and how it closes. */
async function open(key: string): Promise<{ socket: WebSocket; closed: Promise<number> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${gate.port}/`, { headers: { 'x-api-key': key } });
  const closed = once(socket, 'close').then(([code]) => Number(code));
  await once(socket, 'open');
  return { socket, closed };
}

function within<T>(promise: Promise<T>, ms: number): Promise<T | 'still open'> {
  return Promise.race([promise, sleep(ms).then(() => 'still open' as const)]);
}

describe('a WebSocket', () => {
  it('of a revoked key closes with 1008 within two seconds, and those of other keys stay', async () => {
    const { key, keyId } = await newKey('acme');
    const other = await newKey('acme');
    const [mine, theirs] = [await open(key), await open(other.key)];
    await gate.service.revokeKey(keyId);
    expect(await within(mine.closed, 2000)).toBe(1008);
    expect(await within(theirs.closed, 500)).toBe('still open');
    theirs.socket.terminate();
  });

  it('of a disabled owner closes', async () => {
    const { key } = await newKey('gone');
    const { closed } = await open(key);
    await gate.service.putOwner('gone', { profile: 'standard', tier: 'default', enabled: false });
    expect(await within(closed, 2000)).toBe(1008);
  });

  it('of a key that expires closes when it does, and not before', async () => {
    const { key } = await newKey('brief', new Date(Date.now() + 3_600_000).toISOString());
    const { closed } = await open(key);
    expect(await within(closed, 600)).toBe('still open');
    gate.advance(3_600_000);
    expect(await within(closed, 2000)).toBe(1008);
  });

  it('of a key that was only renamed stays open', async () => {
    const { key, keyId } = await newKey('renamed');
    const { socket, closed } = await open(key);
    await gate.service.patchKey(keyId, { name: 'another' });
    expect(await within(closed, 800)).toBe('still open');
    await gate.service.revokeKey(keyId);
    expect(await within(closed, 2000)).toBe(1008);
    socket.terminate();
  });
});

it('a stream of events of a revoked key ends', async () => {
  const { key, keyId } = await newKey('events');
  const answer = await fetch(`http://127.0.0.1:${gate.port}/`, { headers: { 'x-api-key': key } });
  const reader = answer.body?.getReader();
  await reader?.read();
  const ended = reader?.read().then(
    ({ done }) => done,
    () => true,
  );
  await gate.service.revokeKey(keyId);
  expect(await within(Promise.resolve(ended), 2000)).toBe(true);
});
