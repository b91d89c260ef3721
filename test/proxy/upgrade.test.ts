import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { listen, RawUpstream, startGate, SWITCHING, upgradeClient } from './upgrade-gate.ts';

describe('the handshake', () => {
  it('gives the upstream exactly the headers it was given, with Connection and Upgrade of its own', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port, [
      'Cookie: a=1',
      'X-Twice: one',
      'Cookie: b=2',
      'x-lower: \u00e4\u00ff',
      'X-Twice: two',
      'Connection: X-Key-Id, x-lower-not',
      'Expect: nothing',
      'Trailer: x',
      'X-Key-Id: forged',
      'Sec-WebSocket-Protocol: a, b',
      'Sec-WebSocket-Extensions: permessage-deflate; x=1',
      'Content-Length: 0',
      'X-Forwarded-For: 1.2.3.4',
      'Keep-Alive: timeout=1',
    ]);
    const peer = await upstream.answers(SWITCHING);
    expect(peer.text.split('\r\n')).toEqual([
      'GET /chat?a=1 HTTP/1.1',
      'Host: gate.example',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Cookie: a=1; b=2',
      'X-Twice: one',
      'X-Twice: two',
      'x-lower: \u00e4\u00ff',
      'Sec-WebSocket-Protocol: a, b',
      'Sec-WebSocket-Extensions: permessage-deflate; x=1',
      'X-Key-Id: key-1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      '',
      '',
    ]);
    await client.sees('\r\n\r\n');
  });

  it.each(['/', '//a//b/', '/a?', '/a?b=?&c=//', '/%2e%2e/x', '/a/../b', '*', '/a?b#c'])(
    'forwards the path %s byte for byte',
    async (path) => {
      const upstream = await RawUpstream.start();
      const gate = await startGate(upstream.port, { path });
      upgradeClient(gate.port);
      const peer = await upstream.answers(SWITCHING);
      expect(peer.text.split('\r\n')[0]).toBe(`GET ${path} HTTP/1.1`);
    },
  );

  it("passes the upstream's 101 on without its hop-by-hop headers and with the gate's own", async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port);
    const more = [
      'Set-Cookie: a=\u00e4',
      'Keep-Alive: timeout=5',
      'Set-Cookie: b=2',
      'X-REQUEST-ID: upstream',
      'Sec-WebSocket-Protocol: b',
      'Sec-WebSocket-Extensions: permessage-deflate',
      'X-Hop: 1',
      'Content-Length: 0',
      '__proto__: kept',
    ].join('\r\n');
    await upstream.answers(
      SWITCHING.replace('Connection: Upgrade', 'Connection: Upgrade, X-Hop').replace(
        '\r\n\r\n',
        `\r\n${more}\r\n\r\n`,
      ),
    );
    const text = await client.sees('\r\n\r\n');
    expect(text.split('\r\n')).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      'Set-Cookie: a=\u00e4',
      'Set-Cookie: b=2',
      'Sec-WebSocket-Protocol: b',
      'Sec-WebSocket-Extensions: permessage-deflate',
      '__proto__: kept',
      'X-Request-Id: req-1',
      'RateLimit: "owner";r=9;t=1',
      '',
      '',
    ]);
    expect(await gate.outcome).toMatchObject({ kind: 'opened' });
  });

  it('loses no byte that either side sends early', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port, [], 'with the request, ');
    const peer = await upstream.peer;
    await peer.sees('\r\n\r\n');
    client.socket.write('during the handshake, ');
    await sleep(50);
    expect(peer.text).toMatch(/\r\n\r\n$/);
    peer.socket.write(`${SWITCHING}with the answer, `);
    await client.sees('with the answer, ');
    client.socket.write('after it');
    peer.socket.write('after it');
    expect(await client.sees('after it')).toMatch(/\r\n\r\nwith the answer, after it$/);
    expect(await peer.sees('after it')).toMatch(/\r\n\r\nwith the request, during the handshake, after it$/);
    client.socket.end();
    peer.socket.end();
    const outcome = await gate.outcome;
    expect(outcome.kind === 'opened' && (await outcome.closed)).toEqual({ bytesIn: 48, bytesOut: 25 });
  });

  it('waits through answers that are not final', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port);
    await upstream.answers(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${SWITCHING}`);
    expect(await client.sees('\r\n\r\n')).toMatch(/^HTTP\/1.1 101 /);
  });

  it('keeps a flood of early bytes within bounds and passes all of it on', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const flood = randomBytes(15_000_000);
    const client = upgradeClient(gate.port);
    const peer = await upstream.peer;
    const head = await peer.sees('\r\n\r\n');
    client.socket.end(flood);
    await sleep(100);
    expect(client.socket.writableLength).toBeGreaterThan(0);
    expect(peer.text).toBe(head);
    peer.socket.removeAllListeners('data').pause().write(SWITCHING);
    expect((await buffer(peer.socket)).equals(flood)).toBe(true);
  });
});

describe('an upstream that does not open the WebSocket', () => {
  it.each([
    ['closes', ''],
    ['speaks another protocol', 'SSH-2.0-x\r\n'],
    ['answers with a status that does not exist', 'HTTP/1.1 042 x\r\nContent-Length: 0\r\n\r\n'],
    ['says 101 and names no protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['switches to another protocol', SWITCHING.replace('Upgrade: websocket', 'Upgrade: h2c')],
  ])('is unreachable when it %s, and the caller may answer', async (_, answer) => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port, [], 'early');
    const peer = await upstream.answers(answer);
    if (answer === '') peer.socket.end();
    await client.over;
    expect(client.text).toMatch(/^HTTP\/1.1 502 Bad Gateway\r\n/);
    expect(gate.outcomes).toMatchObject([{ kind: 'unreachable' }]);
    expect(gate.writtenByUpgrader()).toBe(0);
    await peer.over;
  });

  it.each([
    ['refuses the connection', {}],
    ['has an origin that is none', { origin: 'http://[' }],
    ['cannot be sent the headers', { headers: ['X-Bad', 'a\r\nb: c'] }],
    ['cannot be sent the path', { path: '/a b' }],
  ])('is unreachable when it %s', async (_, settings) => {
    const closed = createServer();
    const port = await listen(closed);
    closed.close();
    const gate = await startGate(port, settings);
    const client = upgradeClient(gate.port);
    await client.over;
    expect(client.text).toMatch(/^HTTP\/1.1 502 /);
    expect(gate.outcomes).toMatchObject([
      { kind: 'unreachable', detail: expect.stringMatching(/./) as string },
    ]);
    expect(gate.writtenByUpgrader()).toBe(0);
    client.socket.end('nobody reads this');
    await gate.clientClosed;
  });

  it('is given up after firstByteMs when it stays silent', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port, { firstByteMs: 150 });
    const startedAt = performance.now();
    const client = upgradeClient(gate.port);
    await client.over;
    expect(performance.now() - startedAt).toBeGreaterThan(149);
    expect(client.text).toMatch(/^HTTP\/1.1 504 /);
    expect(gate.outcomes).toEqual([{ kind: 'timeout', unsent: false, detail: 'no answer within 150 ms' }]);
    expect(gate.writtenByUpgrader()).toBe(0);
    await (
      await upstream.peer
    ).over;
  });

  it('is given up after connectMs when it takes no connection', async () => {
    // A TLS handshake that nobody answers is a connection that does not come about.
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port, {
      origin: `https://127.0.0.1:${upstream.port}`,
      connectMs: 150,
    });
    const client = upgradeClient(gate.port);
    await client.over;
    expect(client.text).toMatch(/^HTTP\/1.1 504 /);
    expect(gate.outcomes).toEqual([{ kind: 'timeout', unsent: true, detail: 'no connection within 150 ms' }]);
    await (
      await upstream.peer
    ).over;
  });

  it('sees no byte when the permit has ended meanwhile', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port, { stillPermitted: () => false });
    const client = upgradeClient(gate.port);
    await client.over;
    expect(client.text).toMatch(/^HTTP\/1.1 401 /);
    expect(gate.outcomes).toEqual([{ kind: 'withdrawn' }]);
    const peer = await upstream.peer;
    await peer.over;
    expect(peer.text).toBe('');
  });
});

describe('a client that leaves during the handshake', () => {
  it.each([
    ['with a FIN', 'end', ''],
    ['with a FIN behind early bytes', 'end', 'early'],
    ['with a reset', 'resetAndDestroy', ''],
  ] as const)('takes the upstream request with it, %s', async (_, leave, early) => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port, { firstByteMs: 10_000 });
    const client = upgradeClient(gate.port);
    const peer = await upstream.peer;
    await peer.sees('\r\n\r\n');
    client.socket.write(early);
    const leftAt = performance.now();
    client.socket[leave]();
    await peer.over;
    expect(performance.now() - leftAt).toBeLessThan(1_000);
    expect(await gate.outcome).toEqual({ kind: 'client_gone' });
    expect(client.text).toBe('');
  });

  it.each([
    ['with a FIN', 'end', ''],
    ['with a FIN behind early bytes', 'end', 'early'],
    ['with a reset', 'resetAndDestroy', ''],
  ] as const)('is not asked for at the upstream when it left before, %s', async (_, leave, early) => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port, {}, 100);
    const client = upgradeClient(gate.port, [], early);
    await gate.asked;
    client.socket[leave]();
    expect(await gate.outcome).toEqual({ kind: 'client_gone' });
    expect(upstream.connections).toBe(0);
  });
});
