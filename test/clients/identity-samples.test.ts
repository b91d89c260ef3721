import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeJwt, decodeProtectedHeader, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import { newIdentityKey, newSharedSecret } from '../support/identity-keys.ts';
import { startStage, type Stage } from '../support/stage.ts';
import { whileOthersAsk } from '../support/while-others-ask.ts';
import { SAMPLES, startSample, type IdentitySample } from './identity-sample.ts';

const EXAMPLE = readFileSync('examples/signed-identity/gate.yaml', 'utf8');
const [OLD, NEW, OTHER] = [await newIdentityKey(), await newIdentityKey(), await newIdentityKey()];
const SECRET = newSharedSecret();
const NAME = 'x-plexgate-identity';
/** How long the services wait before they ask for keys again. */
const COOLDOWN_MS = 1_100;

/** The example's own configuration with these keys, in front of the service. */
function configOf(keys: readonly string[], upstream: string, more = ''): string {
  const written = EXAMPLE.replace(
    "['${file:data/signed-identity/identity.pem}']",
    `${JSON.stringify(keys)}${more}`,
  );
  expect(written).not.toBe(EXAMPLE);
  return written.replace('http://127.0.0.1:3000', upstream);
}

const HS256 = '\n    algorithm: HS256';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ config: configOf([OLD.text], '{upstream}'), fixtures: '{S}' });
});
afterAll(() => stage.stop());

const toGate = (path = '/orders/42', method = 'GET') =>
  fetch(`http://127.0.0.1:${stage.gate.port}${path}`, {
    method,
    headers: { 'x-api-key': stage.fixtures.fill('{S}') },
  });

/** What the gate forwards with a request of /orders/42, read off at another upstream. */
async function assertionOf(keys = [OLD.text], more = ''): Promise<string> {
  stage.gate.reconfigure(configOf(keys, stage.upstream.origin, more));
  await toGate();
  const arrived = stage.upstream.requests.at(-1);
  return (arrived && valuesOf(arrived, NAME)[0]) ?? '';
}

/** Past the gate, with these as the assertion's lines. */
async function past(origin: string, lines: readonly string[], path = '/orders/42'): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(origin + path, { headers: { [NAME]: [...lines] } }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.once('error', reject).end();
  });
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The same claims but for `changed`, signed as somebody else would who is none of the gate. */
function signed(
  by: Uint8Array | string,
  alg: string,
  token: string,
  changed: JWTPayload = {},
): Promise<string> {
  const key = typeof by === 'string' ? createPrivateKey(by) : by;
  const { kid = '' } = decodeProtectedHeader(token);
  return new SignJWT({ ...decodeJwt(token), ...changed })
    .setProtectedHeader({ alg, kid, typ: 'JWT' })
    .sign(key);
}

const past10s = (): number => Math.floor(Date.now() / 1000) - 10;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What is wrong, and how it is made of an assertion that is right. */
const WRONG: Record<string, (token: string) => Promise<string> | string> = {
  'other claims under the signature': (token) => {
    const [head = '', , signature = ''] = token.split('.');
    return [head, part({ ...decodeJwt(token), permission: 'read_write', sub: 'root' }), signature].join('.');
  },
  'another signature': (token) => {
    const at = token.lastIndexOf('.') + 5;
    return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
  },
  'no signature': (token) => token.slice(0, token.lastIndexOf('.') + 1),
  'the algorithm none': (token) => `${part({ alg: 'none', typ: 'JWT' })}.${token.split('.')[1]}.`,
  'an end that is past': (token) => signed(OLD.text, 'EdDSA', token, { exp: past10s(), iat: past10s() - 30 }),
  'no end': (token) => {
    const { exp: _, ...claims } = decodeJwt(token);
    const { kid = '' } = decodeProtectedHeader(token);
    return new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA', kid }).sign(createPrivateKey(OLD.text));
  },
  'another audience': (token) => signed(OLD.text, 'EdDSA', token, { aud: 'billing' }),
  'another issuer': (token) => signed(OLD.text, 'EdDSA', token, { iss: 'somebody' }),
  'another method': (token) => signed(OLD.text, 'EdDSA', token, { method: 'POST' }),
  'another path': (token) => signed(OLD.text, 'EdDSA', token, { path: '/orders/43' }),
  'a key that is not published': (token) => signed(OTHER.text, 'EdDSA', token),
  'HS256 with the public key as the secret': (token) => signed(bytes(OLD.publicText), 'HS256', token),
  'HS256 with the published bytes as the secret': async (token) => {
    const { keys } = (await (await fetch(`http://127.0.0.1:${stage.gate.adminPort}/jwks`)).json()) as {
      keys: { x: string }[];
    };
    return signed(Buffer.from(keys[0]?.x ?? '', 'base64url'), 'HS256', token);
  },
  'no assertion but words': () => 'let me in',
  nothing: () => '',
};

describe.each(SAMPLES)('the example %s', (name) => {
  let service: IdentitySample;
  beforeAll(async () => {
    stage.gate.reconfigure(configOf([OLD.text], stage.upstream.origin));
    service = await startSample(name, { JWKS_URL: `http://127.0.0.1:${stage.gate.adminPort}/jwks` });
  });
  afterAll(() => service.stop());

  it('is told by the gate who is calling', async () => {
    stage.gate.reconfigure(configOf([OLD.text], service.origin));
    for (const path of ['/orders/42', '/', '/a%20b/%C3%A4;v=1?q=%2F&r=1']) {
      const answer = await toGate(path);
      expect([path, answer.status]).toEqual([path, 200]);
      const caller = { owner: 'owner-s', key: stage.fixtures.fill('{S.id}'), permission: 'read_write' };
      expect(await answer.json()).toEqual(caller);
    }
  });

  it('takes one assertion of the gate for its own request, not two, for no other path, and needs one', async () => {
    const token = await assertionOf();
    expect(await past(service.origin, [token])).toBe(200);
    expect(await past(service.origin, [token], '/orders/42?page=2')).toBe(200);
    expect(await past(service.origin, [token, token])).toBe(401);
    expect(await past(service.origin, [token], '/orders/43')).toBe(401);
    expect((await fetch(`${service.origin}/orders/42`)).status).toBe(401);
  });

  it.each(Object.entries(WRONG))('refuses %s', async (_, make) => {
    const token = await make(await assertionOf());
    expect(await past(service.origin, [token])).toBe(401);
  });

  it('refuses no request while the key of the gate rotates', async () => {
    stage.gate.reconfigure(configOf([OLD.text], service.origin));
    const wrong = await whileOthersAsk(
      () => toGate(),
      async () => {
        for (const keys of [[OLD.text, NEW.text], [NEW.text, OLD.publicText], [NEW.text]]) {
          stage.gate.reconfigure(configOf(keys, service.origin));
          await pause(COOLDOWN_MS);
        }
      },
    );
    expect(wrong).toEqual([]);
    expect(decodeProtectedHeader(await assertionOf([NEW.text])).kid).toBe(NEW.kid);
  });

  it('says that it does not know while there are no keys to verify with', async () => {
    const alone = await startSample(name, { JWKS_URL: 'http://127.0.0.1:9/jwks' });
    try {
      expect(await past(alone.origin, [await assertionOf()])).toBe(503);
    } finally {
      await alone.stop();
    }
  });
});

describe.each(SAMPLES)('the example %s with a shared secret', (name) => {
  let service: IdentitySample;
  beforeAll(async () => {
    service = await startSample(name, { IDENTITY_SECRET: SECRET });
  });
  afterAll(() => service.stop());

  it('is told by the gate who is calling', async () => {
    stage.gate.reconfigure(configOf([SECRET], service.origin, HS256));
    expect(await (await toGate()).json()).toMatchObject({ owner: 'owner-s' });
  });

  it('refuses what another secret, a key or nobody has signed', async () => {
    const token = await assertionOf([SECRET], HS256);
    expect(await past(service.origin, [token])).toBe(200);
    const wrong = [
      await signed(bytes(newSharedSecret()), 'HS256', token),
      await signed(OLD.text, 'EdDSA', token),
      await signed(bytes(SECRET), 'HS256', token, { aud: 'billing' }),
      await signed(bytes(SECRET), 'HS256', token, { exp: past10s() }),
      `${part({ alg: 'none' })}.${token.split('.')[1]}.`,
    ];
    for (const [i, one] of wrong.entries()) expect([i, await past(service.origin, [one])]).toEqual([i, 401]);
  });
});
