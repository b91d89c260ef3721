import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { createKeyServer } from '../../src/key-service/server.ts';
import {
  ADMIN,
  KEY,
  NEXT_ADMIN,
  SERVICE,
  problemOf,
  sendBytes,
  startServer,
  type RunningServer,
} from './running-server.ts';

let server: RunningServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(() => server.close());

describe('who may call', () => {
  const doors: [string, string, string][] = [
    ['GET', '/admin/v1/keys', 'plexgate-admin'],
    ['PUT', '/admin/v1/owners/acme', 'plexgate-admin'],
    ['POST', '/admin/v1/keys/import', 'plexgate-admin'],
    ['POST', '/v1/keys/resolve', 'plexgate-service'],
  ];
  test.for(doors)('%s %s without its token is 401 with a challenge', async ([method, path, realm]) => {
    const other = path.startsWith('/admin') ? SERVICE : ADMIN;
    const body = method === 'GET' ? {} : { body: 'not json' };
    for (const token of [null, '', 'wrong', `${ADMIN}x`, ADMIN.slice(1), other]) {
      const reply = await server.call(method, path, { token, ...body });
      expect(problemOf(reply)).toEqual([401]);
      expect(reply.headers.get('www-authenticate')).toBe(`Bearer realm="${realm}"`);
    }
  });

  test('any of the admin tokens opens, with the scheme in any case', async () => {
    expect((await server.call('GET', '/admin/v1/keys', { token: NEXT_ADMIN })).status).toBe(200);
    const response = await fetch(`http://127.0.0.1:${server.port}/admin/v1/keys`, {
      headers: { authorization: `bearer ${ADMIN}` },
    });
    expect(response.status).toBe(200);
    const basic = await fetch(`http://127.0.0.1:${server.port}/admin/v1/keys`, {
      headers: { authorization: `Basic ${ADMIN}` },
    });
    expect(basic.status).toBe(401);
  });

  test('two Authorization lines are nobody', async () => {
    const head = `GET /admin/v1/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
    const line = (token: string) => `Authorization: Bearer ${token}\r\n`;
    expect(await sendBytes(server.port, `${head}${line(ADMIN)}\r\n`)).toContain('HTTP/1.1 200');
    expect(await sendBytes(server.port, `${head}${line(ADMIN)}${line('x')}\r\n`)).toContain('HTTP/1.1 401');
  });

  test.for([[[]], [[new Secret('')]], [[new Secret('a'), new Secret('')]]])(
    'a server with the tokens %j is not made',
    ([tokens]) => {
      const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
      const fine = [new Secret('a')];
      const { service } = server.keys;
      expect(() => createKeyServer({ service, adminTokens: tokens ?? [], serviceTokens: fine, log })).toThrow(
        'token',
      );
      expect(() => createKeyServer({ service, adminTokens: fine, serviceTokens: tokens ?? [], log })).toThrow(
        'token',
      );
    },
  );
});

describe('a request that is not understood', () => {
  const faults: [string, string, string, unknown, number, [string, string][]][] = [
    ['no JSON', 'POST', '/admin/v1/keys', '{"owner":', 400, []],
    ['an empty body', 'POST', '/admin/v1/keys', '', 400, []],
    ['a list', 'POST', '/admin/v1/keys', [], 400, [['', 'must be a JSON object']]],
    ['null', 'PUT', '/admin/v1/owners/a', null, 400, [['', 'must be a JSON object']]],
    ['a text', 'PATCH', '/admin/v1/keys/k', '"x"', 400, [['', 'must be a JSON object']]],
    [
      'fields missing',
      'POST',
      '/admin/v1/keys',
      { owner: 'acme', profile: 'plexe' },
      400,
      [
        ['name', 'is required'],
        ['permission', 'is required'],
      ],
    ],
    [
      'fields of wrong types',
      'POST',
      '/admin/v1/keys',
      { ...KEY, name: 7, expires_at: 1893456000, limits: 'x', mcps: 5 },
      400,
      [
        ['name', 'must be one string'],
        ['expires_at', 'must be one string'],
        ['limits', 'must be a list'],
        ['mcps', 'must be * or a list of strings'],
      ],
    ],
    [
      'a limit of a wrong type',
      'PATCH',
      '/admin/v1/keys/k',
      { limits: ['1/second', 2] },
      400,
      [['limits[1]', 'must be one string']],
    ],
    [
      'unknown fields',
      'POST',
      '/admin/v1/keys',
      { ...KEY, expiresAt: 'x', permision: 'x', colour: 'x' },
      400,
      [
        ['expiresAt', 'is not known; did you mean expires_at?'],
        ['permision', 'is not known; did you mean permission?'],
        ['colour', 'is not known; known are owner, name, profile, permission, expires_at, limits, mcps'],
      ],
    ],
    [
      'another permission',
      'PATCH',
      '/admin/v1/keys/k',
      { permission: 'read_only' },
      400,
      [['permission', 'is fixed for the life of a key']],
    ],
    [
      'an unknown filter',
      'GET',
      '/admin/v1/keys?state=active',
      undefined,
      400,
      [['state', 'is not known; did you mean status?']],
    ],
    [
      'a filter twice',
      'GET',
      '/admin/v1/keys?owner=a&owner=b',
      undefined,
      400,
      [['owner', 'must be one string']],
    ],
    [
      'a page that is no number',
      'GET',
      '/admin/v1/keys?limit=ten',
      undefined,
      400,
      [['limit', 'must be a whole number of at most 9 digits']],
    ],
    [
      'a page too large',
      'GET',
      '/admin/v1/owners?limit=501',
      undefined,
      422,
      [['limit', 'must be a whole number from 1 to 500']],
    ],
    [
      'an impossible filter',
      'GET',
      '/admin/v1/keys?status=dead',
      undefined,
      422,
      [['status', 'must be one of active, revoked, expired']],
    ],
    [
      'no owner of that id',
      'POST',
      '/admin/v1/keys',
      { ...KEY, owner: 'nobody' },
      422,
      [['owner', 'no owner has this id']],
    ],
    [
      'an end in the past',
      'POST',
      '/admin/v1/keys',
      { ...KEY, expires_at: '2029-01-01T00:00:00Z' },
      422,
      [['expires_at', 'must be in the future']],
    ],
    [
      'a patch of nothing',
      'PATCH',
      '/admin/v1/keys/k',
      {},
      422,
      [['', 'must change at least one of name, expires_at, limits, mcps']],
    ],
  ];
  test.for(faults)('with %s names what is wrong', async ([, method, path, body, status, errors]) => {
    const reply = await server.call(method, path, { body });
    expect(problemOf(reply)).toEqual([status, ...errors.map(([field]) => field)]);
    expect((reply.body.errors ?? []).map((error: { message: string }) => error.message)).toEqual(
      errors.map(([, message]) => message),
    );
  });

  test('is answered without a piece of it, in case that is a key', async () => {
    const { text } = await server.keys.create();
    for (const body of [
      `{"key": ${text}}`,
      { ...KEY, [text]: 1 },
      { ...KEY, owner: text, name: `${text}\n`, profile: text },
    ]) {
      const reply = await server.call('POST', '/admin/v1/keys', { body });
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(JSON.stringify(reply.body) + server.lines.join('')).not.toContain(text.slice(12, -5));
    }
  });

  test('cannot plant a prototype', async () => {
    const reply = await server.call('POST', '/admin/v1/keys', {
      body: `{"__proto__": {"x": 1}, "name": "x"}`,
    });
    expect(problemOf(reply)).toEqual([400]);
  });

  test.for(['text/plain', 'application/x-www-form-urlencoded'])('because it is %s is 415', async (type) => {
    expect(problemOf(await server.call('POST', '/admin/v1/keys', { body: 'x', type }))).toEqual([415]);
  });

  test.for([
    ['PUT', '/admin/v1/keys', 'POST, GET, HEAD'],
    ['POST', '/admin/v1/owners/acme', 'PUT, GET, HEAD'],
    ['GET', '/admin/v1/keys/import', 'POST'],
    ['DELETE', '/livez', 'GET, HEAD'],
    ['GET', '/v1/keys/resolve', 'POST'],
  ] as const)('%s %s is told that %s are allowed there', async ([method, path, allow]) => {
    const reply = await server.call(method, path);
    expect(problemOf(reply)).toEqual([405]);
    expect(reply.headers.get('allow')).toBe(allow);
  });

  test.for(['/', '/admin/v1/keys/', '/admin/v1/keys/a/b', '/v1', '//livez'])(
    'because nothing is at %s is 404',
    async (path) => {
      expect(problemOf(await server.call('GET', path))).toEqual([404]);
    },
  );

  test('because its path is broken is 400', async () => {
    const answer = await sendBytes(
      server.port,
      'GET /admin/v1/keys/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toContain('HTTP/1.1 400');
  });
});

describe('probes', () => {
  test('need no token', async () => {
    expect((await server.call('GET', '/livez', { token: null })).status).toBe(200);
    expect((await server.call('GET', '/readyz', { token: null })).status).toBe(200);
  });

  test('say when the store is gone: not ready, yet alive', async () => {
    await server.keys.store.close();
    expect(problemOf(await server.call('GET', '/readyz', { token: null }))).toEqual([503]);
    expect((await server.call('GET', '/livez', { token: null })).status).toBe(200);
  });
});

test('a server does not listen over keys it cannot find', async () => {
  server.keys.store.peppersInUse = async () => ['p0'];
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const tokens = [new Secret('a')];
  const other = createKeyServer({
    service: server.keys.service,
    adminTokens: tokens,
    serviceTokens: tokens,
    log,
  });
  await expect(other.listen({ host: '127.0.0.1', port: 0 })).rejects.toThrow('pepper p0');
  await other.close();
});
