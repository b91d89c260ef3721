import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { digestOf } from '../../src/core/secret.ts';
import { AdminApi, type Reply } from './admin.ts';
import type { FleetSecrets, KeyServiceProcess } from './fleet.ts';
import { Program } from './program.ts';
import type { Stage } from './proof.ts';

const FILE = join(import.meta.dirname, '../../examples/own-key-service/resolve-and-renew.js');

/** The key service under examples that offers renewals, in place of Plexgate's. It knows no Redis. */
export async function startExampleKeyService(
  stage: Stage,
  secrets: FleetSecrets,
  name: string,
): Promise<KeyServiceProcess> {
  const program = await Program.start(stage, {
    name,
    ports: 1,
    script: {
      file: FILE,
      env: ([port]) => ({ PORT: String(port), SERVICE_TOKEN: secrets.service, ADMIN_TOKEN: secrets.admin }),
    },
  });
  const port = program.ports[0] ?? 0;
  return { program, port, admin: new ExampleAdmin(port, secrets.admin), toRedis: null };
}

/** Keys are made by those who ask, owners need not be. */
class ExampleAdmin extends AdminApi {
  override async putOwner(): Promise<Reply> {
    const now = performance.now();
    return { status: 200, body: {}, begunAt: now, endedAt: now };
  }

  override async create(owner: string): Promise<Reply> {
    const key = randomBytes(24).toString('base64url');
    const made = { key_id: `key_${randomBytes(12).toString('hex')}`, owner, permission: 'read_write' };
    const reply = await this.call('POST', '/keys', { ...made, sha256: digestOf(key) });
    return { ...reply, body: { ...reply.body, ...made, key } };
  }

  override revoke(keyId: string): Promise<Reply> {
    return this.call('DELETE', `/keys/${keyId}`);
  }
}
