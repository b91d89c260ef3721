import { request as ask } from 'node:http';
import { createServer as createBareServer, type Server, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { Permit } from '../../../src/core/decision.ts';
import { createForwarder, type Forwarded } from '../../../src/proxy/forward.ts';
import type { Place } from '../../../src/proxy/routes.ts';
import { createInboundServer } from '../../../src/proxy/inbound/server.ts';
import { Targets } from '../../../src/proxy/targets.ts';
import { proxyConfigOf } from '../../support/proxy-config.ts';
import { until } from '../../support/until.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const config = proxyConfigOf('proxy: { routes: [{ match: { path: / }, upstream: echo }] }\nkeyService: {}');
const portOf = (server: Pick<Server, 'address'>): number => (server.address() as AddressInfo).port;

/** An upstream that takes connections and never says a word of TLS. */
async function silent(): Promise<{ origin: string; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createBareServer((socket) => void sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { origin: `https://127.0.0.1:${portOf(server)}`, sockets };
}

it('what has no connection yet when the gate closes goes to no other upstream', async () => {
  const upstreams = [await silent(), await silent()];
  const monotonic = (): number => performance.now();
  const forwarder = createForwarder({ monotonic, targets: new Targets(monotonic), ca: null });
  const origins = upstreams.map(({ origin }) => origin);
  const permit = {
    route: { route: { origins }, forwardedPath: '/' },
    stands: () => true,
    key: null,
    limits: [],
  } as unknown as Permit<Place>;
  const forwarded = new Promise<Forwarded>((resolve) => {
    const { timeouts, bounds } = config;
    const told = { answered: () => undefined, streams: () => () => undefined };
    const front = createInboundServer(
      { bounds: { headerBytes: bounds.headerBytes, timeouts }, tls: null },
      {
        request(request, answer) {
          const forward = { permit, request, answer, timeouts, headers: [], answerHeaders: [], ...told };
          void forwarder.forward(forward).then(resolve);
        },
        upgrade: null,
        refused: () => undefined,
      },
    );
    stops.push(() => void front.close());
    front.listen(0, '127.0.0.1', () => {
      const asked = ask({ port: portOf(front), host: '127.0.0.1' });
      asked.on('error', () => undefined).end();
      stops.push(() => void asked.destroy());
    });
  });
  const taken = (): number => upstreams.reduce((all, { sockets }) => all + sockets.length, 0);
  await until('a connection', () => taken() === 1);
  forwarder.close();
  expect((await forwarded).landing.ending).toMatchObject({ kind: 'failed', unsent: true });
  expect(taken()).toBe(1);
});
