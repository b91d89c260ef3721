import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import type { Upgrade, UpgradeOutcome } from '../../src/proxy/upgrade.ts';
import { type Gate, RawUpstream, startGate, SWITCHING, upgradeClient } from './upgrade-gate.ts';

interface Pair {
  readonly gate: Gate;
  readonly client: WebSocket;
  /** The upstream's end. */
  readonly served: WebSocket;
}

async function openPair(
  options: {
    client?: ClientOptions;
    server?: ServerOptions;
    settings?: Partial<Upgrade>;
    protocols?: string[];
  } = {},
): Promise<Pair> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options.server });
  await once(server, 'listening');
  const gate = await startGate((server.address() as AddressInfo).port, options.settings);
  const connected = once(server, 'connection') as Promise<[WebSocket]>;
  const client = new WebSocket(`ws://127.0.0.1:${gate.port}/chat`, options.protocols ?? [], {
    perMessageDeflate: false,
    ...options.client,
  });
  await once(client, 'open');
  const [served] = await connected;
  onTestFinished(() => {
    client.terminate();
    served.terminate();
    server.close();
  });
  return { gate, client, served };
}

function echo({ served }: Pair): void {
  served.on('message', (data: Buffer, isBinary) => {
    served.send(data, { binary: isBinary });
  });
}

async function message(socket: WebSocket): Promise<{ data: Buffer; isBinary: boolean }> {
  const [data, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];
  return { data, isBinary };
}

async function closing(socket: WebSocket): Promise<{ code: number; reason: string }> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return { code, reason: String(reason) };
}

async function opened(gate: Gate): Promise<Extract<UpgradeOutcome, { kind: 'opened' }>> {
  const outcome = await gate.outcome;
  if (outcome.kind !== 'opened') throw new Error(`not opened: ${outcome.kind}`);
  return outcome;
}

describe('an open WebSocket', () => {
  it('carries text and binary messages, and its fragments stay fragments', async () => {
    const pair = await openPair();
    echo(pair);
    pair.client.send('gr\u00fc\u00df dich');
    expect(await message(pair.client)).toEqual({ data: Buffer.from('gr\u00fc\u00df dich'), isBinary: false });
    pair.client.send('one, ', { fin: false });
    pair.client.ping('between');
    expect(String((await once(pair.served, 'ping'))[0])).toBe('between');
    pair.client.send('two', { fin: true });
    expect(String((await message(pair.client)).data)).toBe('one, two');
    const bytes = randomBytes(70_000);
    pair.client.send(bytes);
    expect(await message(pair.client)).toEqual({ data: bytes, isBinary: true });
  });

  it.each(['client', 'served'] as const)('carries pings of the %s and their pongs', async (side) => {
    const pair = await openPair();
    pair[side].ping('are you there');
    expect(String((await once(pair[side], 'pong'))[0])).toBe('are you there');
  });

  it('keeps compression and the subprotocol the two ends agree on', async () => {
    const pair = await openPair({
      client: { perMessageDeflate: { threshold: 0 } },
      server: { perMessageDeflate: { threshold: 0 }, handleProtocols: () => 'b' },
      protocols: ['a', 'b'],
    });
    expect(pair.client.protocol).toBe('b');
    expect(pair.client.extensions).toContain('permessage-deflate');
    echo(pair);
    pair.client.send('x'.repeat(100_000));
    expect(String((await message(pair.client)).data)).toBe('x'.repeat(100_000));
    pair.client.close();
    const { bytesIn, bytesOut } = await (await opened(pair.gate)).closed;
    expect(Math.max(bytesIn, bytesOut)).toBeLessThan(1_000);
  });

  it('keeps 1,000 messages in order', async () => {
    const pair = await openPair();
    echo(pair);
    const received: number[] = [];
    const all = new Promise<void>((resolve) => {
      pair.client.on('message', (data: Buffer) => {
        received.push(Number(String(data)));
        if (received.length === 1_000) resolve();
      });
    });
    for (let i = 0; i < 1_000; i++) pair.client.send(String(i));
    await all;
    expect(received).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  });

  it('carries a message of 10 MB there and back and counts its bytes', async () => {
    const pair = await openPair();
    echo(pair);
    const bytes = randomBytes(10_000_000);
    pair.client.send(bytes);
    expect((await message(pair.client)).data.equals(bytes)).toBe(true);
    pair.client.close(1000);
    // Headers: 14 and 8 masked bytes from the client, 10 and 4 unmasked ones to it.
    expect(await (await opened(pair.gate)).closed).toEqual({ bytesIn: 10_000_022, bytesOut: 10_000_014 });
    expect(pair.gate.upgrader.open).toBe(0);
  });

  it.each([
    ['client', 'served'],
    ['served', 'client'],
  ] as const)('carries the close code and reason of the %s to the %s', async (from, to) => {
    const pair = await openPair();
    expect(pair.gate.upgrader.open).toBe(1);
    const seen = Promise.all([closing(pair[from]), closing(pair[to])]);
    pair[from].close(4321, 'enough');
    expect(await seen).toEqual([
      { code: 4321, reason: 'enough' },
      { code: 4321, reason: 'enough' },
    ]);
    await (
      await opened(pair.gate)
    ).closed;
  });

  it.each([
    ['client', 'served'],
    ['served', 'client'],
  ] as const)(
    'is over for the other side when the %s dies in the middle of a message',
    async (dying, other) => {
      const pair = await openPair();
      pair[dying].send('the first half', { fin: false });
      await sleep(20);
      const seen = closing(pair[other]);
      pair[dying].terminate();
      expect((await seen).code).toBe(1006);
      await (
        await opened(pair.gate)
      ).closed;
      expect(pair.gate.upgrader.open).toBe(0);
    },
  );
});

describe('the end of a WebSocket', () => {
  it('leaves the upstream the time to answer a client that ends its side', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port);
    const peer = await upstream.answers(SWITCHING);
    await client.sees('\r\n\r\n');
    client.socket.end('the last word');
    await peer.sees('the last word');
    await peer.over;
    peer.socket.end('and the answer to it');
    await client.sees('and the answer to it');
  });

  it.each(['client', 'upstream'] as const)(
    'comes soon after a half-close of the %s that the other ignores',
    async (side) => {
      const upstream = await RawUpstream.start();
      const gate = await startGate(upstream.port);
      const client = upgradeClient(gate.port);
      const peer = await upstream.answers(SWITCHING);
      await client.sees('\r\n\r\n');
      (side === 'client' ? client : peer).socket.end();
      const { closed } = await opened(gate);
      expect(await Promise.all([closed, client.over, peer.over])).toMatchObject([
        { bytesIn: 0 },
        undefined,
        undefined,
      ]);
    },
  );

  it.each(['client', 'upstream'] as const)(
    'comes soon after a reset of the %s that the other ignores',
    async (side) => {
      const upstream = await RawUpstream.start();
      const gate = await startGate(upstream.port);
      const client = upgradeClient(gate.port);
      const peer = await upstream.answers(SWITCHING);
      await client.sees('\r\n\r\n');
      (side === 'client' ? client : peer).socket.resetAndDestroy();
      const { closed } = await opened(gate);
      expect(await Promise.all([closed, client.over, peer.over])).toMatchObject([
        { bytesIn: 0 },
        undefined,
        undefined,
      ]);
    },
  );

  it('comes when neither side has sent a byte for idleMs, and not before', async () => {
    const pair = await openPair({ settings: { idleMs: 200 } });
    const over = closing(pair.client);
    for (let i = 0; i < 4; i++) {
      await sleep(100);
      (i % 2 === 0 ? pair.client : pair.served).send('still here');
    }
    expect(pair.gate.upgrader.open).toBe(1);
    const lastAt = performance.now();
    expect((await over).code).toBe(1001);
    expect(performance.now() - lastAt).toBeGreaterThan(190);
  });

  it('is announced with close code 1001 to both ends when the gate drains, also of one that opens later', async () => {
    const pair = await openPair();
    const both = Promise.all([closing(pair.client), closing(pair.served)]);
    pair.gate.upgrader.closeAll();
    expect((await both).map(({ code }) => code)).toEqual([1001, 1001]);
    await (
      await opened(pair.gate)
    ).closed;
    expect(pair.gate.upgrader.open).toBe(0);
    const later = new WebSocket(`ws://127.0.0.1:${pair.gate.port}/`);
    expect((await closing(later)).code).toBe(1001);
  });

  it('can be ordered for one WebSocket with a code, once', async () => {
    const pair = await openPair();
    const both = Promise.all([closing(pair.client), closing(pair.served)]);
    const { end } = await opened(pair.gate);
    end(1008);
    end(1001);
    pair.served.send('too late');
    expect((await both).map(({ code }) => code)).toEqual([1008, 1008]);
  });

  it('waits for the end of the frame that is under way and lets nothing behind it through', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port);
    const peer = await upstream.answers(`${SWITCHING}\u0082\u0005ab`);
    await client.sees('ab');
    gate.upgrader.closeAll();
    const { closed, end } = await opened(gate);
    end(1008);
    peer.socket.write(Buffer.from('cde\u0082\u0003xyz', 'latin1'));
    await client.over;
    expect(client.text.split('\r\n\r\n')[1]).toBe('\u0082\u0005abcde\u0088\u0002\u0003\u00e9');
    await closed;
  });

  it('sends no second close frame', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port);
    await upstream.answers(`${SWITCHING}\u0088\u0002\u0003\u00e8`);
    await client.sees('\u0003\u00e8');
    gate.upgrader.closeAll();
    await client.over;
    expect(client.text.split('\r\n\r\n')[1]).toBe('\u0088\u0002\u0003\u00e8');
  });

  it('comes even when the frame under way never ends and the client reads nothing', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port);
    const peer = await upstream.answers(
      `${SWITCHING}\u0082\u007f\u0000\u0000\u0000\u0000\u00ff\u00ff\u00ff\u00ff`,
    );
    await client.sees('\u00ff\u00ff');
    client.socket.pause();
    peer.socket.write(Buffer.alloc(20_000_000));
    const { closed, end } = await opened(gate);
    end(1001);
    await closed;
    expect(gate.upgrader.open).toBe(0);
  });
});
