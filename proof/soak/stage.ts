import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../test/support/redis-programs.ts';
import { GateProcess } from '../accuracy/gate-process.ts';

export interface SoakStage {
  readonly gate: GateProcess;
  readonly port: number;
  /** A key that may do everything. */
  readonly key: string;
  stop(): Promise<void>;
}

/** A gate with its key service in one process, and an upstream that answers, streams, opens WebSockets or is silent. */
export async function startSoakStage(): Promise<SoakStage> {
  const folder = await mkdtemp(join(tmpdir(), 'plexgate-soak-'));
  const upstream = await startUpstream();
  const [port = 0, adminPort, servicePort] = await freePorts(3);
  const adminToken = randomBytes(16).toString('hex');
  const config = {
    admin: { port: adminPort },
    proxy: {
      host: '127.0.0.1',
      port,
      failedAuthentication: 'off',
      timeouts: { header: '2s', bodyIdle: '5s', firstByte: '5s' },
      // Nothing is refused because the machine has other work.
      bounds: { loopDelay: '30s' },
      routes: [{ upstream: upstream.origin }],
    },
    keyService: { port: servicePort, store: 'sqlite::memory:', adminToken },
    log: { level: 'info' },
  };
  const gate = new GateProcess({ name: 'gate', folder, clockShiftMs: 0, config });
  await gate.start();
  return {
    gate,
    port,
    key: await makeKey(`http://127.0.0.1:${servicePort}/admin/v1`, adminToken),
    async stop() {
      await gate.stop();
      await upstream.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeKey(admin: string, token: string): Promise<string> {
  const ask = async (method: string, path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(admin + path, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  await ask('PUT', '/owners/soak', { profile: 'standard', tier: 'default' });
  const made = await ask('POST', '/keys', {
    owner: 'soak',
    name: 'soak',
    profile: 'standard',
    permission: 'read_write',
  });
  return String(made['key']);
}

const LARGE = Buffer.alloc(1024 * 1024, 'x');

async function startUpstream() {
  const server = createServer((request, response) => {
    request.on('error', () => undefined).resume();
    if (request.url === '/silent') return;
    request.on('end', () => response.end(request.url === '/large' ? LARGE : 'ok'));
  });
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => undefined).resume();
    if (request.url === '/silent') return;
    if (request.url === '/') socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n');
    else
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.on('end', () => socket.end());
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      const stopped = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await stopped;
    },
  };
}
