import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Secret } from '../../src/core/secret.ts';

/** One of the example key services, as a process of its own. */
export interface ExampleService {
  readonly origin: string;
  readonly token: Secret;
  /** Makes a key and returns its text and id. */
  make(permission?: 'read_only' | 'read_write'): Promise<{ readonly text: Secret; readonly keyId: string }>;
  revoke(
    keyId: string,
  ): Promise<{ readonly propagation?: { members: number; acked: number; fenced: number } }>;
  /** As SIGKILL does; resolves when the process is gone. */
  kill(): Promise<void>;
}

const FOLDER = join(import.meta.dirname, '../../examples/own-key-service');

export async function startExample(name: 'resolve-alone' | 'resolve-and-renew'): Promise<ExampleService> {
  const [token, admin] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const child = spawn(process.execPath, [join(FOLDER, `${name}.js`)], {
    env: { PATH: process.env['PATH'], SERVICE_TOKEN: token, ADMIN_TOKEN: admin, PORT: '0' },
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
  return {
    origin,
    token: new Secret(token),
    async make(permission = 'read_write') {
      const text = new Secret(randomBytes(24).toString('base64url'));
      const keyId = `key-${randomBytes(6).toString('hex')}`;
      await ask('POST', '/keys', { key_id: keyId, owner: 'acme', permission, sha256: text.digest() });
      return { text, keyId };
    },
    revoke: (keyId) => ask('DELETE', `/keys/${keyId}`) as ReturnType<ExampleService['revoke']>,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
