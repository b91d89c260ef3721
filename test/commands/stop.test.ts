import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { valuesOf } from '../support/http-message.ts';
import { RawConnection } from '../support/raw-client.ts';
import {
  logLines,
  makeFolder,
  placesOf,
  ROOT,
  startCommand,
  startProgram,
  type Places,
  type Program,
} from './program.ts';

/** Longer than what is taken for one Ctrl-C that came twice. */
const LATER_MS = 1_000;

/** A service that leaves `/slow` to the test, streams `/events` without an end and takes WebSockets. */
interface Service {
  readonly origin: string;
  /** Fulfilled when `/slow` has been asked for. */
  readonly asked: Promise<ServerResponse>;
}

async function startService(): Promise<Service> {
  const asked = Promise.withResolvers<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.url === '/slow') return asked.resolve(response);
    if (request.url !== '/events') return void response.end('at once');
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: more\n\n'), 50);
    response.on('close', () => clearInterval(timer));
  });
  const sockets = new WebSocketServer({ server });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    sockets.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, asked: asked.promise };
}

interface Running extends Places {
  readonly program: Program;
  readonly service: Service;
  readonly gatePort: number;
}

/** The gate with its key service, in front of a service, on a route that is open. */
async function startRunning(
  drain: { delay: string; timeout: string },
  start = startProgram,
): Promise<Running> {
  const service = await startService();
  const folder = makeFolder(`
admin: { port: 0 }
proxy:
  host: 127.0.0.1
  port: 0
  drain: { delay: ${drain.delay}, timeout: ${drain.timeout} }
  routes: [{ auth: none, upstream: '${service.origin}' }]
keyService: { port: 0, store: 'sqlite:{folder}/keys.db' }
`);
  const program = start(['run', '--config', folder.config], folder.path);
  onTestFinished(async () => {
    program.signal('SIGKILL');
    await program.ended;
    folder.remove();
  });
  const places = await placesOf(program);
  return { ...places, program, service, gatePort: Number(new URL(places.gate).port) };
}

/** Ends after what is under way, which the service is still busy with. */
async function askSlowly({
  gate,
  service,
}: Running): Promise<{ answer: Promise<Response>; slow: ServerResponse }> {
  const answer = fetch(`${gate}/slow`);
  // Where the process ends first, this rejects before anybody waits for it.
  answer.catch(() => undefined);
  return { answer, slow: await service.asked };
}

async function elapsedMs(since: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await since();
  return performance.now() - startedAt;
}

it('SIGTERM: not ready at once, still serving for the delay, then what is under way is finished', async () => {
  const running = await startRunning({ delay: '4s', timeout: '60s' });
  const { program, admin, gatePort } = running;
  const ready = async () => (await fetch(`${admin}/readyz`)).status;
  expect(await ready()).toBe(200);
  const kept = await RawConnection.open(gatePort);
  const request = 'GET / HTTP/1.1\r\nHost: gate\r\n\r\n';
  kept.send(request);
  expect(valuesOf(await kept.answer(), 'connection')).not.toContain('close');
  const { answer, slow } = await askSlowly(running);

  const signalledAt = performance.now();
  program.signal('SIGTERM');
  await expect.poll(ready, { interval: 20, timeout: 3_500 }).toBe(503);
  expect((await fetch(`${admin}/livez`)).status).toBe(200);

  kept.send(request);
  const last = await kept.answer();
  expect([last.status, valuesOf(last, 'connection')]).toEqual([200, ['close']]);
  await kept.closed;
  const fresh = await fetch(running.gate);
  expect([fresh.status, await fresh.text()]).toEqual([200, 'at once']);
  expect(performance.now() - signalledAt, 'this machine was too slow to look').toBeLessThan(4_000);

  // Nobody is served any more, but for the one who waits.
  await expect
    .poll(
      () =>
        fetch(running.gate).then(
          () => 'served',
          () => 'refused',
        ),
      { timeout: 10_000 },
    )
    .toBe('refused');
  expect(program.running).toBe(true);
  slow.end('late');
  expect(await (await answer).text()).toBe('late');
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(logLines(program.stdout).map(({ msg }) => msg)).toContain('request');
});

it('SIGTERM: a request that does not end is cut off after the timeout, an event stream too', async () => {
  const running = await startRunning({ delay: '0s', timeout: '1s' });
  const { program, gatePort } = running;
  const { answer } = await askSlowly(running);
  const events = await RawConnection.open(gatePort);
  events.send('GET /events HTTP/1.1\r\nHost: gate\r\n\r\n');
  await events.until(() => events.received.includes('data: more'), 'an event');
  const untilEndMs = await elapsedMs(async () => {
    program.signal('SIGTERM');
    await program.ended;
  });
  expect(untilEndMs).toBeGreaterThan(900);
  expect(untilEndMs).toBeLessThan(10_000);
  await expect(answer).rejects.toThrow('fetch failed');
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});

it('SIGTERM: an open WebSocket is told that the endpoint goes away', async () => {
  const { program, gatePort } = await startRunning({ delay: '0s', timeout: '60s' });
  const socket = new WebSocket(`ws://127.0.0.1:${gatePort}/`);
  await once(socket, 'open');
  program.signal('SIGTERM');
  const [code] = (await once(socket, 'close')) as [number];
  expect(code).toBe(1001);
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});

it('SIGTERM: connections without a request, also to the other ports, hold nothing up', async () => {
  const { program, gatePort, admin, keyService } = await startRunning({ delay: '0s', timeout: '60s' });
  const ports = [gatePort, Number(new URL(admin).port), Number(new URL(keyService).port)];
  const sockets = ports.map((port) => connect(port, '127.0.0.1').on('error', () => undefined));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  await Promise.all([admin, keyService].map((place) => fetch(place).then((answer) => answer.text())));
  program.signal('SIGTERM');
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});

it('SIGTERM: a call to the key service that never comes to its end is cut off', async () => {
  const { program, keyService } = await startRunning({ delay: '0s', timeout: '60s' });
  const call = await RawConnection.open(Number(new URL(keyService).port));
  call.send('PUT /admin/v1/owners/a HTTP/1.1\r\nHost: keys\r\nContent-Type: application/json\r\n');
  await sleep(100);
  program.signal('SIGTERM');
  await call.closed;
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});

it('SIGINT: nobody has to hear of it first, so there is no delay', async () => {
  const { program } = await startRunning({ delay: '1h', timeout: '60s' });
  program.signal('SIGINT');
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});

it.each([
  ['SIGTERM', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
  ['SIGINT', 'SIGINT'],
] as const)('%s, and %s a second later: the process ends at once', async (first, second) => {
  const running = await startRunning({ delay: '1h', timeout: '1h' });
  const { program } = running;
  await askSlowly(running);
  program.signal(first);
  await program.until(() => program.stdout.includes('stopping'), 'the end');
  await sleep(LATER_MS);
  expect(program.running).toBe(true);
  program.signal(second);
  expect(await program.ended).toMatchObject({ code: 1, signal: null });
});

it('a Ctrl-C that npm passes on as well is one, so what is under way is finished', async () => {
  const running = await startRunning({ delay: '0s', timeout: '60s' });
  const { program } = running;
  const { answer, slow } = await askSlowly(running);
  program.signal('SIGINT');
  await program.until(() => program.stdout.includes('stopping'), 'the end');
  program.signal('SIGINT');
  await sleep(200);
  slow.end('late');
  expect(await (await answer).text()).toBe('late');
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});

it('SIGTERM to npm alone reaches the program, and npm ends as it ends', async () => {
  const viaNpm: typeof startProgram = (args) =>
    startCommand('npm', ['run', '--silent', 'plexgate', '--', ...args], ROOT);
  const running = await startRunning({ delay: '0s', timeout: '60s' }, viaNpm);
  const { program, gate } = running;
  const { answer, slow } = await askSlowly(running);
  program.signal('SIGTERM');
  await program.until(() => program.stdout.includes('stopping'), 'the end');
  slow.end('late');
  expect(await (await answer).text()).toBe('late');
  expect(await program.ended).toMatchObject({ code: 0, signal: null });
  await expect(fetch(gate)).rejects.toThrow('fetch failed');
});

it('a reader of the log who has stopped holds up neither the traffic nor the end', async () => {
  const { program, gate } = await startRunning({ delay: '0s', timeout: '60s' });
  program.stopReading();
  // More than any pipe takes.
  const userAgent = 'a'.repeat(8_000);
  const ask = async () => (await fetch(gate, { headers: { 'user-agent': userAgent } })).text();
  for (let i = 0; i < 25; i++) await Promise.all(Array.from({ length: 20 }, ask));
  expect(await ask()).toBe('at once');
  program.signal('SIGTERM');
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});
