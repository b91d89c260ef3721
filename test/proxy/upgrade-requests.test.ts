import { describe, expect, it } from 'vitest';
import { rawClient, RawUpstream, startGate, SWITCHING, upgradeRequest } from './upgrade-gate.ts';

describe('what counts as an upgrade', () => {
  const ask = upgradeRequest('/x').replace('\r\n\r\n', '\r\n');
  it.each([
    ['POST with Upgrade', `${ask.replace('GET', 'POST')}Content-Length: 3\r\n\r\nabc`, 'plain POST /x'],
    ['POST with Upgrade and no body', `${ask.replace('GET', 'POST')}\r\n`, 'plain POST /x'],
    ['h2c', `${ask.replace('websocket', 'h2c')}\r\n`, 'plain GET /x'],
    ['GET with a body', `${ask}Content-Length: 3\r\n\r\nabc`, 'plain GET /x'],
    [
      'GET with a chunked body',
      `${ask}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
      'plain GET /x',
    ],
    [
      'Upgrade that Connection does not name',
      `${ask.replace('Connection: Upgrade\r\n', '')}\r\n`,
      'plain GET /x',
    ],
  ])('%s is a plain request, and the connection stays usable', async (_, request, answer) => {
    const upstream = await RawUpstream.start();
    const gate = await startGate(upstream.port);
    const client = rawClient(gate.port);
    client.socket.write(request);
    expect(await client.sees(answer)).toMatch(/^HTTP\/1.1 200 OK/);
    client.socket.write('GET /next HTTP/1.1\r\nHost: gate.example\r\n\r\n');
    await client.sees('plain GET /next');
    client.socket.write(upgradeRequest('/chat').replace('Upgrade: websocket', 'Upgrade: WebSocket'));
    await upstream.answers(SWITCHING);
    await client.sees('101 Switching Protocols');
  });

  it('HTTP/1.0 is a plain request', async () => {
    const gate = await startGate(0);
    const client = rawClient(gate.port);
    client.socket.write(upgradeRequest('/x').replace('HTTP/1.1', 'HTTP/1.0'));
    expect(await client.sees('plain GET /x')).toMatch(/^HTTP\/1.1 200 OK/);
  });
});
