// A service that answers whom the gate vouches for, and nobody else. It needs the package jose.
//
//   JWKS_URL=http://127.0.0.1:9090/jwks AUDIENCE=orders PORT=3000 node service.ts
//
// With HS256, IDENTITY_SECRET takes the place of JWKS_URL.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';

const { JWKS_URL = '', IDENTITY_SECRET, AUDIENCE = 'orders', PORT = '3000' } = process.env;

/** What has to hold; the algorithm is the service's choice and never the token's. */
const expected = {
  issuer: 'plexgate',
  audience: AUDIENCE,
  // Of the clocks of gate and service.
  clockTolerance: 5,
  requiredClaims: ['exp', 'sub', 'method', 'path'],
};

// A removed key is forgotten after a minute; one that is not known is asked for at once, at most once a second.
const published =
  IDENTITY_SECRET === undefined
    ? createRemoteJWKSet(new URL(JWKS_URL), {
        cacheMaxAge: 60_000,
        cooldownDuration: 1_000,
        timeoutDuration: 2_000,
      })
    : null;

async function verified(token: string): Promise<JWTPayload> {
  if (published !== null) {
    return (await jwtVerify(token, published, { ...expected, algorithms: ['EdDSA'] })).payload;
  }
  const secret = new TextEncoder().encode(IDENTITY_SECRET);
  return (await jwtVerify(token, secret, { ...expected, algorithms: ['HS256'] })).payload;
}

/** Who is calling. Rejects where the gate has not said so, for this service and this very request. */
async function callerOf({ headersDistinct, method, url = '' }: IncomingMessage): Promise<JWTPayload> {
  const [token, second] = headersDistinct['x-plexgate-identity'] ?? [];
  if (token === undefined || second !== undefined) throw new errors.JWTInvalid('not one assertion');
  const claims = await verified(token);
  if (claims['method'] !== method || claims['path'] !== url.split('?')[0]) {
    throw new errors.JWTInvalid('of another request');
  }
  return claims;
}

/** Codes of what is wrong with an assertion; all others are about the keys. */
const REFUSED = /^ERR_(?:JW[ST]_|JOSE_ALG_|JOSE_NOT_|JWKS_NO_MATCHING)/;

const server = createServer((request, response) => {
  const answer = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  callerOf(request).then(
    ({ sub, key_id, permission }) => answer(200, { owner: sub, key: key_id, permission }),
    (error: unknown) => {
      // Without the gate's keys nothing is known, which is not the caller's fault.
      if (error instanceof errors.JOSEError && REFUSED.test(error.code))
        answer(401, { error: error.message });
      else answer(503, { error: 'no keys to verify with' });
    },
  );
});
server.listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
