import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startGate } from '../support/gate.ts';
import { exchange } from '../support/raw-client.ts';
import { answering, startTalkingUpstream, type TalkingUpstream } from '../support/talking-upstream.ts';

async function stageOf(count: number) {
  const upstreams: TalkingUpstream[] = [];
  for (let i = 0; i < count; i++) upstreams.push(await startTalkingUpstream());
  const gate = await startGate({
    config: `
proxy:
  timeouts: { firstByte: 300ms }
  routes: [{ auth: none, upstream: [${upstreams.map(({ origin }) => `'${origin}'`).join(', ')}] }]
keyService: {}
`,
  });
  onTestFinished(async () => {
    await gate.stop();
    for (const upstream of upstreams) await upstream.stop();
  });
  const send = async (start = 'GET /', lines = '', body = '') => {
    const { status } = await exchange(gate.port, `${start} HTTP/1.1\r\nHost: a\r\n${lines}\r\n${body}`);
    return status;
  };
  return { gate, upstreams, send, counts: () => upstreams.map(({ calls }) => calls.length) };
}

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';

describe('a list of upstreams', () => {
  it('shares the requests', async () => {
    const { send, counts } = await stageOf(3);
    for (let i = 0; i < 9; i++) expect(await send()).toBe(200);
    expect(counts()).toEqual([3, 3, 3]);
  });

  it.each([
    ['GET', '', '', 200],
    ['POST', 'Content-Length: 2\r\n', 'hi', 200],
    ['POST', 'Transfer-Encoding: chunked\r\n', '2\r\nhi\r\n0\r\n\r\n', 200],
    ['POST', 'Expect: 100-continue\r\nContent-Length: 2\r\n', 'hi', 200],
    ['GET', UPGRADE, '', 200],
  ])('serves %s %j though one of them is dead, which gets no more', async (method, lines, body, status) => {
    const { gate, upstreams, send, counts } = await stageOf(2);
    await upstreams[0]?.stop();
    for (let i = 0; i < 6; i++) expect(await send(`${method} /`, lines, body)).toBe(status);
    expect(counts()).toEqual([0, 6]);
    expect(upstreams[1]?.calls.every((call) => body === '' || call.body() === 'hi')).toBe(true);
    expect(await gate.metrics()).toMatch(/upstream_ejections_total\{upstream="http:[^"]+"\} 1\n/);
  });

  it('takes a target back that has come back', async () => {
    const { upstreams, send, counts, gate } = await stageOf(2);
    upstreams[0]?.does(({ socket }) => void socket.destroy());
    for (let i = 0; i < 8; i++) await send('POST /', 'Content-Length: 0\r\n');
    upstreams[0]?.does(answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    const before = counts()[0] ?? 0;
    expect(before).toBe(3);
    for (let i = 0; i < 4; i++) expect(await send()).toBe(200);
    expect(counts()[0]).toBe(before);
    gate.advance(1000);
    for (let i = 0; i < 4; i++) expect(await send()).toBe(200);
    expect(counts()[0]).toBe(before + 2);
  });

  it.each(['breaks off', 'is silent'])('asks nobody else what one that %s may have acted on', async (how) => {
    const { upstreams, send, counts } = await stageOf(2);
    for (const upstream of upstreams) {
      upstream.does(({ socket }) => void (how === 'breaks off' && socket.destroy()));
    }
    expect(await send('POST /', 'Content-Length: 2\r\n', 'hi')).toBe(how === 'breaks off' ? 502 : 504);
    await sleep(30);
    expect(counts().reduce((sum, count) => sum + count)).toBe(1);
  });

  it('is 502 when all are dead', async () => {
    const { upstreams, send } = await stageOf(2);
    for (const upstream of upstreams) await upstream.stop();
    expect(await send()).toBe(502);
    expect(await send('GET /', UPGRADE)).toBe(502);
  });
});
