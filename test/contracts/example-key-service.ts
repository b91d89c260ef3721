import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { Secret } from '../../src/core/secret.ts';
import { aKey, type ServedKeyService } from './key-service.stage.ts';

interface Place {
  readonly port: string;
  readonly token: string;
  readonly admin: string;
}

const FOLDER = join(import.meta.dirname, '../../examples/own-key-service');

/** One of the key services under examples, which are told their tokens and keep keys in memory. */
export async function startExample(
  name: 'resolve-alone' | 'resolve-and-renew',
  place: Place = {
    port: '0',
    token: randomBytes(16).toString('hex'),
    admin: randomBytes(16).toString('hex'),
  },
): Promise<ServedKeyService> {
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
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return {
    origin,
    token: new Secret(token),
    async make(permission = 'read_write', text = aKey()) {
      const keyId = `key-${randomBytes(6).toString('hex')}`;
      await ask('POST', '/keys', { key_id: keyId, owner: 'acme', permission, sha256: text.digest() });
      return { text, keyId };
    },
    revoke: (keyId) => ask('DELETE', `/keys/${keyId}`) as ReturnType<ServedKeyService['revoke']>,
    end,
    async restart() {
      await end();
      return startExample(name, { ...place, port: new URL(origin).port });
    },
  };
}
