import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeAuthority, type Authority } from '../support/certificates.ts';
import { startGate, type TestGate } from '../support/gate.ts';

/** Files in a directory as Kubernetes mounts a Secret: behind one symbolic link that is swapped. */
class MountedSecret {
  readonly directory: string;
  #swaps = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(files: Readonly<Record<string, string>>): Promise<MountedSecret> {
    const secret = new MountedSecret(await mkdtemp(join(tmpdir(), 'plexgate-tls-')));
    onTestFinished(() => rm(secret.directory, { recursive: true, force: true }));
    await secret.swap(files);
    for (const name of Object.keys(files)) await symlink(`..data/${name}`, secret.path(name));
    return secret;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async swap(files: Readonly<Record<string, string>>): Promise<void> {
    const version = `..version-${this.#swaps++}`;
    await mkdir(this.path(version));
    for (const [name, text] of Object.entries(files)) await writeFile(this.path(`${version}/${name}`), text);
    await symlink(version, this.path('..next'));
    await rename(this.path('..next'), this.path('..data'));
  }
}

let authority: Authority;
let other: Authority;
beforeAll(() => {
  authority = makeAuthority();
  other = makeAuthority();
});

async function gateWith(settings: string, upstream = 'echo'): Promise<TestGate> {
  const gate = await startGate({
    config: `
proxy:
  ${settings}
  routes: [{ upstream: '${upstream}', auth: none }]
keyService: {}
`,
  });
  onTestFinished(() => gate.stop());
  return gate;
}

async function dial(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificate });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  return socket;
}

/** The answer to a request, up to the end of its body as far as it has come in one piece. */
function ask(socket: TLSSocket, text = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1')));
    socket.write(text);
  });
}

async function eventually(seen: () => Promise<boolean>, what: string): Promise<void> {
  for (const deadline = Date.now() + 15_000; Date.now() < deadline; await sleep(50)) if (await seen()) return;
  throw new Error(`no sign of ${what}`);
}

describe('TLS on the traffic port', () => {
  it('serves, tells the upstream, and follows its files as Kubernetes swaps them', async () => {
    const { cert, key } = authority.issue();
    const secret = await MountedSecret.make({ 'tls.crt': cert, 'tls.key': key });
    const gate = await gateWith(`tls: { cert: ${secret.path('tls.crt')}, key: ${secret.path('tls.key')} }`);
    const kept = await dial(gate.port);
    const serial = kept.getPeerCertificate().serialNumber;
    expect(await ask(kept)).toMatch(/^HTTP\/1\.1 200 OK[^]*X-Forwarded-Proto[^a-z]+https/i);

    const next = authority.issue();
    await secret.swap({ 'tls.crt': next.cert, 'tls.key': next.key });
    await eventually(async () => {
      const socket = await dial(gate.port);
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber !== serial;
    }, 'the new certificate');
    expect(await ask(kept)).toMatch(/^HTTP\/1\.1 200 OK/);

    await secret.swap({ 'tls.crt': next.cert, 'tls.key': key });
    await eventually(
      async () =>
        (await gate.metrics()).includes('plexgate_certificates_last_reload_successful{files="proxy.tls"} 0'),
      'the refusal of a pair that does not fit',
    );
    expect(await ask(await dial(gate.port))).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  it('does not start with what is no certificate', async () => {
    const { key } = authority.issue();
    const secret = await MountedSecret.make({ 'tls.crt': 'none', 'tls.key': key });
    await expect(
      gateWith(`tls: { cert: ${secret.path('tls.crt')}, key: ${secret.path('tls.key')} }`),
    ).rejects.toThrow('proxy.tls: ');
  });
});

describe('TLS to the upstream', () => {
  let server: Server;
  let origin: string;
  beforeAll(async () => {
    server = createTlsServer(authority.issue(), (request, response) => {
      request.resume().on('end', () => response.end(request.method));
    });
    server.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const status = async (gate: TestGate, lines = '', method = 'GET'): Promise<number> => {
    const { RawConnection } = await import('../support/raw-client.ts');
    const connection = await RawConnection.open(gate.port);
    connection.send(`${method} / HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`);
    const answer = await connection.answer();
    connection.drop();
    return answer.status;
  };

  it.each([
    ['a request', 'GET', '', 200],
    [
      'one that waits for 100 Continue',
      'POST',
      'Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n',
      200,
    ],
    [
      'a WebSocket',
      'GET',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
      101,
    ],
  ])(
    'of %s goes to whom the authority vouches for, and to nobody else',
    async (_, method, lines, expected) => {
      const body = lines.includes('chunked') ? `${lines}\r\n0\r\n` : lines;
      const right = await MountedSecret.make({ 'ca.crt': authority.certificate });
      const wrong = await MountedSecret.make({ 'ca.crt': other.certificate });
      const trusting = await gateWith(`upstreamTls: { ca: ${right.path('ca.crt')} }`, origin);
      expect(await status(trusting, body, method)).toBe(expected);
      const doubting = await gateWith(`upstreamTls: { ca: ${wrong.path('ca.crt')} }`, origin);
      expect(await status(doubting, body, method)).toBe(502);
    },
  );

  it('follows its file', async () => {
    const secret = await MountedSecret.make({ 'ca.crt': other.certificate });
    const gate = await gateWith(`upstreamTls: { ca: ${secret.path('ca.crt')} }`, origin);
    expect(await status(gate)).toBe(502);
    await secret.swap({ 'ca.crt': authority.certificate });
    await eventually(async () => (await status(gate)) === 200, 'trust');
  });
});
