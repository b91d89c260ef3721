import { randomBytes } from 'node:crypto';
import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Secret } from '../../src/core/secret.ts';
import { KeyService } from '../../src/key-service/keys.ts';
import { createKeyServer } from '../../src/key-service/server.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { pepperSet } from '../key-service/fixture.ts';
import { aKey, type ServedKeyService } from './key-service.stage.ts';

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Plexgate's own key service, over an embedded store that outlives it. */
export async function startPlexgate(): Promise<ServedKeyService> {
  const folder = mkdtempSync(join(tmpdir(), 'plexgate-'));
  const place = { store: join(folder, 'keys.db'), port: 0, token: aKey(), admin: aKey() };
  const served = await serve(place);
  return {
    ...served,
    async end() {
      await served.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Place {
  readonly store: string;
  readonly port: number;
  readonly token: Secret;
  readonly admin: Secret;
}

async function serve(place: Place): Promise<ServedKeyService> {
  const { token, admin } = place;
  const store = await openSqliteStore(place.store);
  const service = new KeyService({ store, clock: systemClock, peppers: pepperSet('p1'), randomBytes });
  await service.start();
  await service.putOwner('acme', { profile: 'standard', tier: 'default' });
  const server = createKeyServer({ service, adminTokens: [admin], serviceTokens: [token], log: quiet });
  const port = await server.listen({ host: '127.0.0.1', port: place.port });
  const origin = `http://127.0.0.1:${port}`;
  let running = true;
  const end = async (): Promise<void> => {
    if (!running) return;
    running = false;
    await server.close();
    await service.stop();
    await store.close();
  };
  return {
    origin,
    token,
    async make(permission = 'read_write', text = aKey()) {
      const keyId = `key-${randomBytes(6).toString('hex')}`;
      const key = { sha256: text.digest(), key_id: keyId, owner: 'acme', name: 'a key', profile: 'standard' };
      await ask(origin, admin, 'POST', '/admin/v1/keys/import', { keys: [{ ...key, permission }] });
      return { text, keyId };
    },
    revoke: (keyId) =>
      ask(origin, admin, 'DELETE', `/admin/v1/keys/${keyId}`) as ReturnType<ServedKeyService['revoke']>,
    end,
    async restart() {
      await end();
      return serve({ ...place, port });
    },
  };
}

/** Rejects for a 202, too: a revocation that is not certain. */
async function ask(
  origin: string,
  admin: Secret,
  method: string,
  path: string,
  body?: object,
): Promise<unknown> {
  const response = await fetch(origin + path, {
    method,
    headers: { authorization: `Bearer ${admin.reveal()}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (![200, 201].includes(response.status)) throw new Error(`${method} ${path}: ${response.status}`);
  return response.json();
}
