import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { RawConnection } from '../support/raw-client.ts';
import { makeFolder, placesOf, startProgram } from './program.ts';

function keysOf(key: string, status: 'active' | 'revoked'): string {
  const about = 'owner: acme, name: one, profile: standard, permission: read_only';
  return `owners: [{ id: acme, profile: standard, tier: default }]
keys: [{ sha256: ${digestOf(key)}, status: ${status}, ${about} }]
`;
}

async function startEvents(): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: more\n\n'), 50);
    response.on('close', () => clearInterval(timer));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('SIGTERM: while a stream holds up the end, it is ended with its key', async () => {
  const key = randomBytes(16).toString('hex');
  const folder = makeFolder(`
admin: { port: 0 }
proxy:
  host: 127.0.0.1
  port: 0
  keys: { file: '{folder}/keys.yaml' }
  drain: { delay: 0s, timeout: 10m }
  routes: [{ upstream: '${await startEvents()}' }]
`);
  const file = join(folder.path, 'keys.yaml');
  writeFileSync(file, keysOf(key, 'active'));
  const program = startProgram(['run', '--config', folder.config], folder.path);
  onTestFinished(async () => {
    program.signal('SIGKILL');
    await program.ended;
    folder.remove();
  });
  const { gate } = await placesOf(program);
  const events = await RawConnection.open(Number(new URL(gate).port));
  events.send(`GET /events HTTP/1.1\r\nHost: gate\r\nx-api-key: ${key}\r\n\r\n`);
  await events.until(() => events.received.includes('data: more'), 'an event');
  program.signal('SIGTERM');
  await program.until(() => program.stdout.includes('stopping'), 'the end');
  const seen = events.received.length;
  await events.until(() => events.received.length > seen, 'another event');
  expect(program.running).toBe(true);
  writeFileSync(file, keysOf(key, 'revoked'));
  expect(await program.ended).toMatchObject({ code: 0, signal: null, stderr: '' });
});
