import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { valuesOf, type HeaderLine } from '../support/http-message.ts';
import { newIdentityKey, newSharedSecret } from '../support/identity-keys.ts';
import { exchange, requestBytes, type RawAnswer } from '../support/raw-client.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { whileOthersAsk } from '../support/while-others-ask.ts';
import type { RecordedRequest } from '../support/upstream.ts';

const [OLD, NEW] = [await newIdentityKey(), await newIdentityKey()];
const SECRET = newSharedSecret();

/** The gate with this section, which may be none. */
function configOf(identity: object | null): string {
  return `
keyService: {}
proxy:
  failedAuthentication: off
  ${identity === null ? '' : `identity: ${JSON.stringify(identity)}`}
  routes:
    - match: { path: / }
      rules: [{ path: /open, auth: none }, { path: /in/open, auth: none }]
      ${identity === null ? '' : 'audience: orders'}
      upstream: '{upstream}'
    - { match: { path: /based }, stripPath: true, ${identity === null ? '' : 'audience: based,'} upstream: '{upstream}/v2' }
    - { match: { path: /plain }, upstream: '{upstream}' }
`;
}

const NAME = 'X-Plexgate-Identity';
let stage: Stage;

const reconfigure = (identity: object | null): void =>
  stage.gate.reconfigure(configOf(identity).replaceAll('{upstream}', stage.upstream.origin));
const jwks = async () =>
  (await (await fetch(`http://127.0.0.1:${stage.gate.adminPort}/jwks`)).json()) as JSONWebKeySet;

async function send(
  method: string,
  target: string,
  headers: readonly HeaderLine[] = [],
  body = '',
): Promise<RawAnswer> {
  const lines: HeaderLine[] = [['Host', 'gate.test'], ['x-api-key', stage.fixtures.fill('{S}')], ...headers];
  return exchange(stage.gate.port, requestBytes({ method, target, headers: lines, body }));
}

function last(): RecordedRequest {
  const request = stage.upstream.requests.at(-1);
  if (request === undefined) throw new Error('a request should have arrived');
  return request;
}

const assertionsIn = (request: RecordedRequest, name = NAME) => valuesOf(request, name);

/** The claims of the one assertion that the request carries, verified with the keys that the gate publishes. */
async function verified(request: RecordedRequest, audience = 'orders') {
  const [token = '', ...others] = assertionsIn(request);
  expect(others).toEqual([]);
  const expected = { issuer: 'plexgate', audience, algorithms: ['EdDSA'] };
  return (await jwtVerify(token, createLocalJWKSet(await jwks()), expected)).payload;
}

beforeAll(async () => {
  stage = await startStage({ config: configOf({ keys: [OLD.text] }), fixtures: '{S}' });
});
afterAll(() => stage.stop());
beforeEach(() => reconfigure({ keys: [OLD.text] }));

describe('a request that passes carries who is calling, signed', () => {
  it('with the claims of its key and of itself', async () => {
    const before = Math.floor(Date.now() / 1000);
    await send('POST', '/orders/42?n=1', [['X-Request-Id', 'r-1']], '{}');
    const claims = await verified(last());
    expect(claims).toEqual({
      iss: 'plexgate',
      aud: 'orders',
      sub: 'owner-s',
      iat: claims.iat,
      exp: claims.exp,
      jti: expect.stringMatching(/^[0-9A-F]{26}$/) as string,
      key_id: stage.fixtures.fill('{S.id}'),
      permission: 'read_write',
      tier: 'default',
      request_id: 'r-1',
      method: 'POST',
      path: '/orders/42',
    });
    expect(claims.iat).toBeGreaterThanOrEqual(before);
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBeLessThanOrEqual(31);
  });

  it.each([
    ['/based/orders', '/v2/orders'],
    ['/based', '/v2/'],
    ['/based/a%20b;c=1/%C3%A4?x=%2F', '/v2/a%20b;c=1/%C3%A4'],
  ])('%s is asserted as the upstream sees it, %s', async (target, path) => {
    await send('GET', target);
    expect(last().target.split('?')[0]).toBe(path);
    expect(await verified(last(), 'based')).toMatchObject({ path, method: 'GET' });
  });

  it('another one each time, also under one request id', async () => {
    const ids = new Set<unknown>();
    for (let i = 0; i < 3; i++) {
      await send('GET', '/same', [['X-Request-Id', 'r-1']]);
      ids.add((await verified(last())).jti);
    }
    expect(ids.size).toBe(3);
  });

  it('also where it opens a WebSocket', async () => {
    const upgrade: HeaderLine[] = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
      [NAME, 'mine'],
    ];
    await send('GET', '/chat?room=1', upgrade);
    expect(valuesOf(last(), 'upgrade')).toEqual(['websocket']);
    expect(await verified(last())).toMatchObject({ method: 'GET', path: '/chat' });
  });

  it('also where the client waits for 100 Continue', async () => {
    await send(
      'PUT',
      '/upload',
      [
        ['Expect', '100-continue'],
        [NAME, 'mine'],
      ],
      'body',
    );
    expect(valuesOf(last(), 'expect')).toEqual(['100-continue']);
    expect(await verified(last())).toMatchObject({ method: 'PUT', path: '/upload' });
  });

  it('whatever Connection lists', async () => {
    await send('GET', '/', [['Connection', `close, ${NAME}`]]);
    expect(await verified(last())).toMatchObject({ sub: 'owner-s' });
  });
});

describe('nothing is asserted', () => {
  it.each([
    ['on an open path', 'GET', '/open'],
    ['on an open path behind a prefix', 'GET', '/in/open'],
    ['on a route without an audience', 'GET', '/plain'],
  ])('%s', async (_, method, target) => {
    await send(method, target, [[NAME, 'mine']]);
    expect(last().target).toBe(target);
    expect(assertionsIn(last())).toEqual([]);
  });

  it('of a preflight', async () => {
    const headers: HeaderLine[] = [
      ['Origin', 'https://a.test'],
      ['Access-Control-Request-Method', 'POST'],
    ];
    await send('OPTIONS', '/orders', headers);
    expect(last().method).toBe('OPTIONS');
    expect(assertionsIn(last())).toEqual([]);
  });

  it('where there is nothing to sign with, and the header of a client is removed all the same', async () => {
    reconfigure(null);
    await send('GET', '/orders', [
      [NAME, 'mine'],
      ['x_plexgate_identity', 'mine'],
    ]);
    expect(last().headers.filter(([, value]) => value === 'mine')).toEqual([]);
    expect(await jwks()).toEqual({ keys: [] });
  });
});

describe('a header that the configuration names', () => {
  const SPELLINGS = ['X-Who', 'x-who', 'X_Who', 'x.WHO', 'X~Who'];

  it.each(['/orders', '/open', '/plain'])('is taken from clients of %s in every spelling', async (target) => {
    reconfigure({ header: 'X-Who', keys: [OLD.text] });
    await send(
      'GET',
      target,
      [...SPELLINGS, NAME].map((name): HeaderLine => [name, 'mine']),
    );
    expect(last().headers.filter(([, value]) => value === 'mine')).toEqual([]);
    expect(assertionsIn(last(), 'X-Who')).toHaveLength(target === '/orders' ? 1 : 0);
    expect(assertionsIn(last())).toEqual([]);
  });

  it('leaves its neighbours alone', async () => {
    reconfigure({ header: 'X-Who', keys: [OLD.text] });
    const others: HeaderLine[] = [
      ['X-Whom', '1'],
      ['X--Who', '2'],
      ['Who', '3'],
    ];
    await send('GET', '/orders', others);
    expect(last().headers).toEqual(expect.arrayContaining(others));
  });

  it('is one like any other where it is not named', async () => {
    await send('GET', '/orders', [['X-Who', 'mine']]);
    expect(assertionsIn(last(), 'X-Who')).toEqual(['mine']);
  });
});

describe('keys that change', () => {
  it('are published before they sign and after, so that no assertion of a rotation is refused', async () => {
    const steps = [[OLD.text, NEW.publicText], [NEW.text, OLD.publicText], [NEW.text]];
    const seenBefore = stage.upstream.requests.length;
    /** As a verifier that looks at the keys once in a while: it knows those of the step before. */
    let known = createLocalJWKSet(await jwks());
    const rotate = async (): Promise<void> => {
      for (const keys of steps) {
        await send('GET', '/orders');
        reconfigure({ keys });
        await send('GET', '/orders');
        for (const request of stage.upstream.requests.slice(seenBefore)) {
          await jwtVerify(assertionsIn(request)[0] ?? '', known, { audience: 'orders' });
        }
        known = createLocalJWKSet(await jwks());
      }
    };
    expect(await whileOthersAsk(() => send('GET', '/orders'), rotate)).toEqual([]);
    const tokens = stage.upstream.requests.slice(seenBefore).map((request) => assertionsIn(request)[0] ?? '');
    expect(new Set(tokens.map((token) => decodeProtectedHeader(token).kid))).toEqual(
      new Set([OLD.kid, NEW.kid]),
    );
    expect((await jwks()).keys.map(({ kid }) => kid)).toEqual([NEW.kid]);
  });

  it('may become a secret, which is not published', async () => {
    reconfigure({ algorithm: 'HS256', keys: [SECRET] });
    await send('GET', '/orders');
    const [token = ''] = assertionsIn(last());
    await jwtVerify(token, new TextEncoder().encode(SECRET), { issuer: 'plexgate', audience: 'orders' });
    expect(await jwks()).toEqual({ keys: [] });
  });
});

it('no key and no assertion is in the log', () => {
  const log = stage.gate.logLines.join('\n');
  const tokens = stage.upstream.requests
    .flatMap((request) => assertionsIn(request))
    .filter((value) => value !== 'mine');
  expect(tokens.length).toBeGreaterThan(10);
  for (const token of tokens) expect(decodeJwt(token).iss).toBe('plexgate');
  const secrets = [SECRET, ...[OLD, NEW].map(({ text }) => text.split('\n')[1] ?? '')];
  for (const text of [...tokens, ...secrets]) expect(log).not.toContain(text);
});
