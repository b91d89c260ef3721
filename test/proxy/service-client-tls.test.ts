import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeAuthority } from '../support/certificates.ts';
import { runProgram } from '../clients/run-program.ts';

const authority = makeAuthority();
const stranger = makeAuthority();
let folder = '';
let server: Server | null = null;
let requests = 0;
let connections = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plexgate-tls-'));
  requests = 0;
  connections = 0;
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => {
    server?.close(resolve);
  });
  rmSync(folder, { recursive: true });
});

/** Answers every question with `as_of` 7. `meet` sees a connection before it is encrypted. */
async function listen(
  certificate: { cert: string; key: string },
  meet: (socket: Duplex) => void = () => undefined,
): Promise<number> {
  server = createServer(certificate, (request, response) => {
    requests += 1;
    request.resume().on('end', () => {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"as_of":7}');
    });
  });
  server.prependListener('connection', (socket) => {
    connections += 1;
    meet(socket);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => {
    server?.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function ask(origin: string, trusted: string, variable = 'NODE_EXTRA_CA_CERTS'): Promise<string> {
  const file = join(folder, 'authorities.pem');
  writeFileSync(file, trusted);
  const program = join(import.meta.dirname, 'https-question.ts');
  const { stdout, stderr } = await runProgram(process.execPath, [program, origin], { [variable]: file });
  return stdout === '' ? stderr : stdout;
}

/** Where the system's authorities are files, a variable names them; elsewhere they are not a test's to change. */
const VARIABLES = ['NODE_EXTRA_CA_CERTS', ...(process.platform === 'linux' ? ['SSL_CERT_FILE'] : [])];

describe('a key service over https', () => {
  test.for(VARIABLES)('is believed where its authority is one the system knows, by %s', async (variable) => {
    const port = await listen(authority.issue());
    expect(await ask(`https://localhost:${port}`, authority.certificate, variable)).toBe('as of 7');
  });

  test('is not believed where its authority is another', async () => {
    const port = await listen(stranger.issue());
    const said = await ask(`https://localhost:${port}`, authority.certificate);
    expect(said).toBe('the key service did not answer (UNABLE_TO_VERIFY_LEAF_SIGNATURE)');
    expect(requests).toBe(0);
  });

  test('is not believed under another name', async () => {
    const port = await listen(authority.issue('keys.example.com'));
    const said = await ask(`https://localhost:${port}`, authority.certificate);
    expect(said).toBe('the key service did not answer (ERR_TLS_CERT_ALTNAME_INVALID)');
    expect(requests).toBe(0);
  });

  test('is asked again where the connection broke off before anything could be said', async () => {
    const port = await listen(authority.issue(), (socket) => {
      if (connections === 1) socket.destroy();
    });
    expect(await ask(`https://localhost:${port}`, authority.certificate)).toBe('as of 7');
    expect([connections, requests]).toEqual([2, 1]);
  });

  test('is asked no third time', async () => {
    const port = await listen(authority.issue(), (socket) => void socket.destroy());
    expect(await ask(`https://localhost:${port}`, authority.certificate)).toMatch(
      /^the key service did not answer \(/,
    );
    expect([connections, requests]).toEqual([2, 0]);
  });
});
