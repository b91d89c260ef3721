import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Secret } from '../../src/core/secret.ts';

/** One of the example key services, as a process of its own. */
export interface ExampleService {
  readonly origin: string;
  readonly token: Secret;
  /** Makes a key, of this text or of a new one, and returns its text and id. */
  make(
    permission?: 'read_only' | 'read_write',
    text?: Secret,
  ): Promise<{ readonly text: Secret; readonly keyId: string }>;
  revoke(
    keyId: string,
  ): Promise<{ readonly propagation?: { members: number; acked: number; fenced: number } }>;
  /** As SIGKILL does; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Kills it and starts it anew at the same place, with the same tokens and nothing it knew. */
  restart(): Promise<ExampleService>;
}

interface Place {
  readonly port: string;
  readonly token: string;
  readonly admin: string;
}

const FOLDER = join(import.meta.dirname, '../../examples/own-key-service');

export async function startExample(
  name: 'resolve-alone' | 'resolve-and-renew',
  place: Place = {
    port: '0',
    token: randomBytes(16).toString('hex'),
    admin: randomBytes(16).toString('hex'),
  },
): Promise<ExampleService> {
  const { token, admin } = place;
  const child = spawn(process.execPath, [join(FOLDER, `${name}.js`)], {
    env: { PATH: process.env['PATH'], SERVICE_TOKEN: token, ADMIN_TOKEN: admin, PORT: place.port },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  const origin = /http:\S+/.exec(said.toString())?.[0];
  if (origin === undefined) throw new Error('the example does not say where it listens');
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(origin + path, {
      method,
      headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
    return response.json();
  };
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return {
    origin,
    token: new Secret(token),
    async make(permission = 'read_write', text = new Secret(randomBytes(24).toString('base64url'))) {
      const keyId = `key-${randomBytes(6).toString('hex')}`;
      await ask('POST', '/keys', { key_id: keyId, owner: 'acme', permission, sha256: text.digest() });
      return { text, keyId };
    },
    revoke: (keyId) => ask('DELETE', `/keys/${keyId}`) as ReturnType<ExampleService['revoke']>,
    kill,
    async restart() {
      await kill();
      return startExample(name, { ...place, port: new URL(origin).port });
    },
  };
}
