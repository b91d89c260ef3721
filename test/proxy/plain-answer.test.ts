import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { RawUpstream, startGate, upgradeClient } from './upgrade-gate.ts';

describe('an upstream that answers an upgrade with plain HTTP', () => {
  it.each([
    { name: 'a body of known length', fields: 'Content-Length: 4\r\n', body: 'nope', sent: 'nope' },
    {
      name: 'a chunked body',
      fields: 'Transfer-Encoding: chunked\r\n',
      body: '4\r\nnope\r\n0\r\n\r\n',
      sent: '4\r\nnope\r\n0\r\n\r\n',
    },
  ])(
    'has its plain answer with $name passed on, and the connection is closed',
    async ({ fields, body, sent }) => {
      const upstream = await RawUpstream.start();
      const gate = await startGate(upstream.port);
      const client = upgradeClient(gate.port, [], 'early bytes nobody wants');
      await upstream.answers(
        `HTTP/1.1 403 No Way\r\nDate: today\r\nX-Why: \u00e4\r\nX-Hop: 1\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\n${fields}\r\n${body}`,
      );
      await client.over;
      const [head, ...rest] = client.text.split('\r\n\r\n');
      expect(head?.split('\r\n')).toEqual([
        'HTTP/1.1 403 No Way',
        'Date: today',
        'X-Why: \u00e4',
        ...(fields.startsWith('Content') ? ['Content-Length: 4'] : []),
        'X-Request-Id: req-1',
        'RateLimit: "owner";r=9;t=1',
        'Connection: close',
        ...(fields.startsWith('Content') ? [] : ['Transfer-Encoding: chunked']),
      ]);
      expect(rest.join('\r\n\r\n')).toBe(sent);
      expect(gate.outcomes).toEqual([{ kind: 'answered', status: 403, whole: true }]);
    },
  );

  it('is held back while the client does not read its answer', async () => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = upgradeClient(gate.port);
    client.socket.pause();
    const size = 40_000_000;
    const peer = await upstream.answers(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    peer.socket.end(Buffer.alloc(size, 'x'));
    await sleep(300);
    expect(peer.socket.writableLength).toBeGreaterThan(size / 4);
    let seen = 0;
    client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => (seen += chunk.length));
    client.socket.resume();
    await client.over;
    expect(seen).toBeGreaterThan(size);
    expect(await gate.outcome).toEqual({ kind: 'answered', status: 200, whole: true });
  });

  it.each(['breaks off', 'stalls'])('lets its answer break off for the client when it %s', async (how) => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port, { firstByteMs: 200 });
    const client = upgradeClient(gate.port);
    const peer = await upstream.answers('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
    await client.sees('half');
    if (how === 'breaks off') peer.socket.destroy();
    await client.over;
    expect(client.text).not.toContain('0\r\n\r\n');
    expect(await gate.outcome).toEqual({ kind: 'answered', status: 200, whole: false });
  });
});
