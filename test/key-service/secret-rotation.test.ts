import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { digestOf, Secret, type Digest } from '../../src/core/secret.ts';
import { createKeyServer } from '../../src/key-service/server.ts';
import type { PepperSet } from '../../src/key-service/peppers.ts';
import { openSqliteStore } from '../../src/key-service/store/sqlite.ts';
import { pepperSet, testService } from './fixture.ts';
import { testFolder } from './folder.ts';

interface Tokens {
  readonly admin: readonly Secret[];
  readonly service: readonly Secret[];
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const made = () => new Secret(randomBytes(16).toString('base64url'));
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The key service of one file of keys with these secrets, as after a restart. */
async function running(path: string, tokens: Tokens, peppers: PepperSet = pepperSet('p1')) {
  const store = await openSqliteStore(path);
  const keys = await testService({ store, peppers });
  const server = createKeyServer({
    service: keys.service,
    adminTokens: tokens.admin,
    serviceTokens: tokens.service,
    log,
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  let open = true;
  const stop = async () => {
    if (!open) return;
    open = false;
    await server.close();
    await store.close();
  };
  closers.push(stop);
  const ask = async (method: string, at: string, token: Secret, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${port}${at}`, {
      method,
      headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as { record?: { key_id: string } } };
  };
  return {
    keys,
    stop,
    resolve: (token: Secret, digest: Digest) => ask('POST', '/v1/keys/resolve', token, { digest }),
    list: (token: Secret) => ask('GET', '/admin/v1/keys', token),
  };
}

describe('a token rotates without a gap:', () => {
  const path = () => join(testFolder(), 'keys.db');

  test('gates with the old and with the new service token both work while both are listed', async () => {
    const file = path();
    const [old, next, admin] = [made(), made(), [made()]];
    const before = await running(file, { admin, service: [old] });
    const { digest, keyId } = await before.keys.create();
    expect((await before.resolve(old, digest)).body.record?.key_id).toBe(keyId);
    expect((await before.resolve(next, digest)).status).toBe(401);
    await before.stop();

    const between = await running(file, { admin, service: [next, old] });
    for (const token of [old, next]) {
      const answers = [
        await between.resolve(token, digest),
        await between.resolve(token, digestOf('unknown')),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 404]);
    }
    await between.stop();

    const after = await running(file, { admin, service: [next] });
    expect((await after.resolve(next, digest)).status).toBe(200);
    expect((await after.resolve(old, digest)).status).toBe(401);
  });

  test('so do administrators with the old and with the new admin token', async () => {
    const [old, next, service] = [made(), made(), [made()]];
    const between = await running(path(), { admin: [next, old], service });
    expect([(await between.list(old)).status, (await between.list(next)).status]).toEqual([200, 200]);
    await between.stop();
    const after = await running(path(), { admin: [next], service });
    expect([(await after.list(old)).status, (await after.list(next)).status]).toEqual([401, 200]);
  });

  test('a token of one kind never opens the other door, listed with whatever others', async () => {
    const [admin, service] = [
      [made(), made()],
      [made(), made()],
    ];
    const server = await running(path(), { admin, service });
    for (const token of admin) expect((await server.resolve(token, digestOf('x'))).status).toBe(401);
    for (const token of service) expect((await server.list(token)).status).toBe(401);
  });
});

describe('a pepper rotates without a key being made anew:', () => {
  test('keys from before and after answer over HTTP under the old one, under both and, once used, under the new', async () => {
    const file = join(testFolder(), 'keys.db');
    const [token, tokens] = [made(), { admin: [made()] }];
    const first = await running(file, { ...tokens, service: [token] }, pepperSet('p1'));
    const old = await first.keys.create();
    const revoked = await first.keys.create();
    await first.keys.service.revokeKey(revoked.keyId);
    await first.stop();

    const both = await running(file, { ...tokens, service: [token] }, pepperSet('p2', 'p1'));
    // The changes of a quarter of an hour are kept, sealed under the pepper of their time.
    both.keys.clock.at += 16 * 60_000;
    const young = await both.keys.create();
    for (const { digest, keyId } of [old, young, revoked]) {
      expect((await both.resolve(token, digest)).body.record?.key_id).toBe(keyId);
    }
    await both.stop();

    const second = await running(file, { ...tokens, service: [token] }, pepperSet('p2'));
    for (const { digest, keyId } of [old, young]) {
      expect(await second.resolve(token, digest)).toMatchObject({
        status: 200,
        body: { record: { key_id: keyId } },
      });
    }
    expect((await second.resolve(token, revoked.digest)).body).toMatchObject({
      record: { revoked_at: expect.any(String) },
    });
  });
});
