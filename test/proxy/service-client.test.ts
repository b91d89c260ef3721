import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../src/core/secret.ts';
import { recordToJson } from '../../src/core/wire-json.ts';
import { createKeyServer, type KeyServer } from '../../src/key-service/server.ts';
import { KeyServiceClient } from '../../src/proxy/keys/service-client.ts';
import { testService, type TestService } from '../key-service/fixture.ts';
import { recordOf } from '../support/key-record.ts';
import { TestMember } from '../support/member.ts';
import { answer, startScripted } from '../support/scripted-server.ts';

const token = new Secret(randomBytes(16).toString('base64url'));
/** What the key service accepts, too, while its token rotates. */
const nextToken = new Secret(randomBytes(16).toString('base64url'));
const RENEWAL = { epoch: null, applied: 0, staleIfErrorMs: 60_000, leaving: false };
const never = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];

function clientOf(origin: string, service: { basePath?: string; token?: Secret } = {}): KeyServiceClient {
  const client = new KeyServiceClient({ service: { origin, basePath: '', token, ...service } });
  closers.push(() => client.close());
  return client;
}

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

describe('of the key service of this project, a gate', () => {
  let keys: TestService;
  let server: KeyServer;
  let client: KeyServiceClient;
  let origin = '';

  beforeEach(async () => {
    keys = await testService();
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    server = createKeyServer({
      service: keys.service,
      adminTokens: [new Secret(randomBytes(16).toString('base64url'))],
      serviceTokens: [nextToken, token],
      log,
    });
    origin = `http://127.0.0.1:${await server.listen({ host: '127.0.0.1', port: 0 })}`;
    closers.push(() => server.close());
    client = clientOf(origin);
  });

  test('learns what a digest stands for, as if it had asked in process', async () => {
    const { digest } = await keys.create({
      limits: ['5/minute'],
      mcps: ['m1'],
      expiresAt: '2031-01-01T00:00:00Z',
    });
    const there = await client.resolve(digest, never);
    expect(there.record?.limits).toEqual([{ quota: 5, windowMs: 60_000 }]);
    expect(there).toEqual(await keys.resolve(digest));
  });

  test('learns that nobody has a key, and as of when', async () => {
    await keys.create();
    expect(await client.resolve(digestOf('unknown'), never)).toEqual({ record: null, asOf: 2 });
  });

  test('is told what has changed, acknowledges it, and leaves', async () => {
    const member = await TestMember.join(client, { id: 'gate-1' });
    closers.push(async () => member.stop());
    const { keyId } = await keys.create();
    await member.renew();
    expect(member.changes).toMatchObject([{ ownerId: 'acme' }, { keyId }]);
    expect(member.grant).toMatchObject({ fenceMs: 2000, now: keys.clock.at, redisRun: null });
    const revoked = keys.service.revokeKey(keyId);
    await expect.poll(() => member.renew().then(() => member.applied)).toBe(3);
    expect(await revoked).toMatchObject({
      kind: 'revoked',
      propagation: { members: 2, acked: 2, fenced: 0 },
    });
    await member.leave();
    expect(member.grant.fenceMs).toBe(0);
    expect((await keys.service.members()).members.map(({ id }) => id)).toEqual([keys.member.id]);
  });

  test('reports, and what is reported twice is counted once', async () => {
    const { keyId } = await keys.create();
    const at = keys.clock.at;
    const report = {
      member: 'gate-1',
      sequence: 1,
      usage: [{ keyId, route: '/x', statusClass: '2xx' as const, hourAt: at, count: 3, lastAt: at + 5 }],
      refusals: [],
      suppressed: [],
    };
    await client.report(report);
    await client.report(report);
    keys.clock.at += 1000;
    const counted = await keys.service.history.showUsage({ key: keyId });
    expect(counted).toMatchObject({ byRoute: [{ group: '/x', requests: 3 }] });
  });

  test('with the old and one with the new token are both answered while both are listed', async () => {
    const { digest, keyId } = await keys.create();
    for (const one of [client, clientOf(origin, { token: nextToken })]) {
      expect((await one.resolve(digest, never)).record?.keyId).toBe(keyId);
      expect(await one.renew('gate-1', RENEWAL, never)).toMatchObject({ head: 2 });
    }
  });

  test('with a token that is not accepted is told so, and is shown no token', async () => {
    const wrong = new Secret(randomBytes(16).toString('base64url'));
    const other = clientOf(origin, { token: wrong });
    const failures = await Promise.allSettled([
      other.resolve(digestOf('x'), never),
      other.renew('gate-1', RENEWAL, never),
      other.report({ member: 'gate-1', sequence: 1, usage: [], refusals: [], suppressed: [] }),
    ]);
    for (const failure of failures) {
      expect(failure).toMatchObject({
        status: 'rejected',
        reason: {
          name: 'KeyServiceError',
          message: 'the key service refused the service token (401)',
          status: 401,
        },
      });
      expect(JSON.stringify(failure)).not.toContain(wrong.reveal());
    }
  });
});

describe('a key service anywhere', () => {
  const found = answer('200 OK', JSON.stringify({ record: recordToJson(recordOf()), as_of: 9, colour: 'x' }));

  test('may lie behind a path', async () => {
    const server = await startScripted(found);
    closers.push(() => server.stop());
    const client = clientOf(server.origin, { basePath: '/keys/service' });
    expect(await client.resolve(digestOf('x'), never)).toEqual({ record: recordOf(), asOf: 9 });
    expect(server.requests[0]).toContain('POST /keys/service/v1/keys/resolve HTTP/1.1\r\n');
    expect(server.requests[0]).toContain(`authorization: Bearer ${token.reveal()}`);
  });

  test('may be one that says more with its type, and announces its answer', async () => {
    const body = JSON.stringify({ as_of: 4 });
    const server = await startScripted((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n');
      answer(
        '404 Not Found',
        body,
        'Content-Type: Application/JSON; charset=utf-8\r\n',
      )(socket, { head: '', body });
    });
    closers.push(() => server.stop());
    expect(await clientOf(server.origin).resolve(digestOf('x'), never)).toEqual({ record: null, asOf: 4 });
  });

  test.for(['404 Not Found', '405 Method Not Allowed', '501 Not Implemented'])(
    'that answers %s to renewals and reports does not offer them',
    async (status) => {
      const server = await startScripted(answer(status, 'nothing here', 'content-type: text/plain\r\n'));
      closers.push(() => server.stop());
      const client = clientOf(server.origin);
      expect(await client.renew('gate-1', RENEWAL, never)).toBeNull();
      const report = { member: 'gate-1', sequence: 1, usage: [], refusals: [], suppressed: [] };
      await expect(client.report(report)).resolves.toBeUndefined();
    },
  );

  test('is asked over the same connection again, also after it has refused', async () => {
    const server = await startScripted(answer('503 Service Unavailable', 'x'.repeat(10_000), ''));
    closers.push(() => server.stop());
    const client = clientOf(server.origin);
    for (let i = 0; i < 20; i++) {
      await expect(client.resolve(digestOf('x'), never)).rejects.toThrow('the key service answered 503');
    }
    expect(server.requests).toHaveLength(20);
    // The next question may leave before the last connection is free again.
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  test('has at most nineteen connections of a gate, and sees each request once', async () => {
    const server = await startScripted((socket, request) => void setTimeout(() => found(socket, request), 5));
    closers.push(() => server.stop());
    const client = clientOf(server.origin);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => client.resolve(digestOf(String(i)), never)),
    );
    expect(answers.every(({ asOf }) => asOf === 9)).toBe(true);
    expect(server.requests).toHaveLength(200);
    expect(server.connections).toBeLessThanOrEqual(16);
    await client.renew('gate-1', RENEWAL, never).catch(() => undefined);
    expect(server.connections).toBeLessThanOrEqual(17);
  });
});
