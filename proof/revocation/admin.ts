import { request } from 'node:http';

/** The answer of the key service, with the instants around the call on this process's monotonic clock. */
export interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly begunAt: number;
  readonly endedAt: number;
}

/** Nothing came back: what became of the call is unknown. */
export class NoReply extends Error {
  override readonly name = 'NoReply';
}

export interface OwnerBody {
  readonly profile: string;
  readonly tier: string;
  readonly enabled?: boolean;
}

const DEADLINE_MS = 60_000;

/** The admin API of one key service, each call on a connection of its own. */
export class AdminApi {
  readonly #port: number;
  readonly #token: string;

  constructor(port: number, token: string) {
    this.#port = port;
    this.#token = token;
  }

  putOwner(id: string, owner: OwnerBody): Promise<Reply> {
    return this.call('PUT', `/admin/v1/owners/${id}`, owner);
  }

  create(owner: string, more: object = {}): Promise<Reply> {
    return this.call('POST', '/admin/v1/keys', { ...keyOf(owner), ...more });
  }

  import(owner: string, sha256: string, keyId: string): Promise<Reply> {
    return this.call('POST', '/admin/v1/keys/import', {
      keys: [{ ...keyOf(owner), sha256, key_id: keyId }],
    });
  }

  patch(keyId: string, patch: object): Promise<Reply> {
    return this.call('PATCH', `/admin/v1/keys/${keyId}`, patch);
  }

  rotate(keyId: string, overlap: string): Promise<Reply> {
    return this.call('POST', `/admin/v1/keys/${keyId}/rotate`, { overlap });
  }

  revoke(keyId: string): Promise<Reply> {
    return this.call('DELETE', `/admin/v1/keys/${keyId}`);
  }

  show(keyId: string): Promise<Reply> {
    return this.call('GET', `/admin/v1/keys/${keyId}`);
  }

  call(method: string, path: string, body?: object): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? '' : JSON.stringify(body);
      const headers = {
        Authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        'Content-Length': Buffer.byteLength(payload),
      };
      const lost = (why: string): void => reject(new NoReply(`${method} ${path}: ${why}`));
      const begunAt = performance.now();
      const asked = request({ host: '127.0.0.1', port: this.#port, method, path, headers, agent: false });
      asked.setTimeout(DEADLINE_MS, () => asked.destroy(new Error('no answer in time')));
      asked.on('error', ({ message }) => lost(message));
      asked.on('response', (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => void parts.push(part));
        response.on('error', ({ message }) => lost(message));
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if (!response.complete) return lost('the answer broke off');
          const said = JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>;
          resolve({ status: response.statusCode ?? 0, body: said, begunAt, endedAt: performance.now() });
        });
      });
      asked.end(payload);
    });
  }
}

function keyOf(owner: string): object {
  return { owner, name: 'proof', profile: 'standard', permission: 'read_write' };
}

/** A key that was made, and which id it has. */
export interface MadeKey {
  readonly keyId: string;
  readonly key: string;
  readonly owner: string;
}

/** Makes a key where nothing may go wrong. */
export async function makeKey(admin: AdminApi, owner: string): Promise<MadeKey> {
  const { status, body } = await admin.create(owner);
  if (status !== 201) throw new Error(`a key was not made: ${status} ${JSON.stringify(body)}`);
  return { keyId: String(body['key_id']), key: String(body['key']), owner };
}

/** What a revocation's reply says of the members. */
export interface Propagation {
  readonly members: number;
  readonly acked: number;
  readonly fenced: number;
  readonly fencedMembers: readonly string[];
}

export function propagationOf({ body }: Reply): Propagation {
  const said = (body['propagation'] ?? {}) as Record<string, unknown>;
  const names = said['fenced_members'];
  return {
    members: Number(said['members']),
    acked: Number(said['acked']),
    fenced: Number(said['fenced']),
    fencedMembers: Array.isArray(names) ? names.map(String) : [],
  };
}

/** From which instant on a revocation says that it holds everywhere; NaN where it says nothing of that. */
export function certainAtOf({ status, body, endedAt }: Reply): number {
  if (status === 200) return endedAt;
  return status === 202 ? Date.parse(String(body['certain_at'])) - performance.timeOrigin : Number.NaN;
}
