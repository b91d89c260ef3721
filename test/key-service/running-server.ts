import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { Console } from '../../src/key-service/console/console.ts';
import { Peppers } from '../../src/key-service/peppers.ts';
import type { KeyServiceOptions } from '../../src/key-service/keys.ts';
import { createKeyServer } from '../../src/key-service/server.ts';
import { againstDocument } from './documented.ts';
import { pepperSet, testService, type TestService } from './fixture.ts';

export const ADMIN = randomBytes(16).toString('base64url');
export const NEXT_ADMIN = randomBytes(16).toString('base64url');
export const SERVICE = randomBytes(16).toString('base64url');
/** A key's body, for the owner `acme`. */
export const KEY = { owner: 'acme', name: 'a key', profile: 'plexe', permission: 'read_write' };

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- bodies of every shape are looked into
  readonly body: any;
}

interface Sent {
  readonly body?: unknown;
  /** The admin's unless it is said; null sends none. */
  readonly token?: string | null;
  readonly type?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A key as a gate vouches for it. */
export interface Vouched {
  readonly keyId: string;
  readonly ownerId?: string;
  readonly permission?: string;
}

/** A key service that listens, over a store in memory. */
export interface RunningServer {
  readonly keys: TestService;
  readonly port: number;
  /** What was logged. */
  readonly lines: string[];
  readonly call: (method: string, path: string, sent?: Sent) => Promise<Reply>;
  /** The same for a key, as a gate hands it on. */
  readonly callAs: (key: Vouched, method: string, path: string, sent?: Sent) => Promise<Reply>;
  readonly close: () => Promise<void>;
}

/** `fenceMs` where a test waits for it. */
export async function startServer(options: Pick<KeyServiceOptions, 'fenceMs'> = {}): Promise<RunningServer> {
  const keys = await testService(options);
  const lines: string[] = [];
  const log = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }));
  const server = createKeyServer({
    service: keys.service,
    adminTokens: [new Secret(ADMIN), new Secret(NEXT_ADMIN)],
    serviceTokens: [new Secret(SERVICE)],
    log: { info: log, warn: log, error: log },
    console: consoleOf(keys),
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    keys,
    port,
    lines,
    call: (method, path, sent) => call(`http://127.0.0.1:${port}${path}`, method, sent),
    callAs: (key, method, path, sent) =>
      call(`http://127.0.0.1:${port}${path}`, method, {
        token: SERVICE,
        ...sent,
        headers: { ...identityOf(key), ...sent?.headers },
      }),
    close: () => server.close(),
  };
}

/** One without a page, for what the admin API says of its operators. */
function consoleOf({ service, store, clock }: TestService): Console {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  return new Console({
    service,
    operators: store.operators,
    peppers: new Peppers(pepperSet('p1')),
    clock,
    log,
    version: '1.2.3',
    origin: 'https://keys.example.com',
    times: { idleMs: 60_000, longestMs: 60_000 },
    trustedProxies: [],
    bundle: 'no such folder',
  });
}

function identityOf({ keyId, ownerId = 'acme', permission = 'read_write' }: Vouched): Record<string, string> {
  return {
    'x-key-id': keyId,
    'x-owner-id': ownerId,
    'x-user-id': ownerId,
    'x-permission-level': permission,
    'x-tier': 'basic',
    'x-request-id': 'seen-by-the-gate',
    'x-forwarded-for': '203.0.113.9, 198.51.100.7',
    'user-agent': 'tests/1',
  };
}

async function call(url: string, method: string, sent: Sent = {}): Promise<Reply> {
  const { body, token = ADMIN, type = 'application/json', headers = {} } = sent;
  const response = await fetch(url, {
    method,
    headers: {
      ...headers,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined || type === null ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(response.headers.get('cache-control')).toBe('no-store');
  const reply = {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : JSON.parse(text),
  };
  const answered = { ...reply, type: response.headers.get('content-type') };
  expect(againstDocument(method, new URL(url).pathname, answered)).toEqual([]);
  return reply;
}

/** Status and the fields named, of an answer that must be problem details. */
export function problemOf({ status, headers, body }: Reply): (number | string)[] {
  const known = { type: 'about:blank', title: expect.any(String), status, detail: expect.any(String) };
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(body).toMatchObject(known);
  return [status, ...(body.errors ?? []).map((error: { field: string }) => error.field)];
}

/** What the server writes back to bytes a client library would not send. */
export function sendBytes(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}
