import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { readTraceContext } from '../../src/core/trace-context.ts';
import { startGate } from '../support/gate.ts';
import { startTraced } from '../support/traced.ts';

const PARENT = 'b7ad6b7169203331';

async function startSockets() {
  const traced = await startTraced();
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gate = await startGate({
    config: `
proxy:
  routes:
    - { match: { path: /socket }, auth: none, upstream: ['http://127.0.0.1:9', '${origin}'] }
    - { match: { path: /gone }, auth: none, upstream: 'http://127.0.0.1:9' }
    - { match: { path: /locked }, upstream: '${origin}' }
keyService: {}
`,
    tracing: traced.tracing,
  });
  onTestFinished(async () => {
    await gate.stop();
    server.close();
    await traced.stop();
  });
  const open = (path: string, traceId: string): WebSocket =>
    new WebSocket(`ws://127.0.0.1:${gate.port}${path}`, {
      headers: { traceparent: `00-${traceId}-${PARENT}-01`, tracestate: 'a=1' },
    });
  return { traced, server, open };
}

it('a WebSocket has a span as long as it is open, with one for the handshake', async () => {
  const { traced, server, open } = await startSockets();
  // They take turns: one of the two meets the dead upstream first.
  for (let i = 0; i < 2; i++) {
    const traceId = randomBytes(16).toString('hex');
    const connected = once(server, 'connection') as Promise<[WebSocket, IncomingMessage]>;
    const client = open('/socket', traceId);
    const [, request] = await connected;
    await once(client, 'open');
    client.close();
    const [own, ...hops] = await traced.trace(traceId, 2);
    expect(own).toMatchObject({
      name: 'GET /socket',
      parentSpanId: PARENT,
      failed: false,
      attributes: { 'http.response.status_code': 101, 'plexgate.result': 'allow' },
    });
    const hop = hops.at(-1);
    expect(hop).toMatchObject({
      kind: 'client',
      parentSpanId: own?.spanId,
      failed: false,
      attributes: { 'http.response.status_code': 101 },
    });
    expect(hops.slice(0, -1).map(({ failed }) => failed)).toEqual(hops.length === 1 ? [] : [true]);
    expect(hop?.to).toBeLessThanOrEqual(own?.to ?? 0n);
    expect(readTraceContext(request.rawHeaders)).toEqual({
      traceId,
      parentId: hop?.spanId,
      sampled: true,
      state: 'a=1',
    });
  }
});

it.each([
  ['/gone', 502, 'upstream_unreachable', 1, true],
  ['/locked', 401, 'missing_credential', 0, false],
])('a WebSocket on %s that does not open is %d: %s', async (path, status, reason, attempts, failed) => {
  const { traced, open } = await startSockets();
  const traceId = randomBytes(16).toString('hex');
  const client = open(path, traceId);
  await once(client, 'error');
  const [own, ...hops] = await traced.trace(traceId, 1 + attempts);
  expect(own).toMatchObject({
    failed,
    attributes: { 'http.response.status_code': status, 'plexgate.reason': reason },
  });
  expect(hops.map((hop) => hop.attributes['error.type'])).toEqual(attempts === 1 ? ['reset'] : []);
});
