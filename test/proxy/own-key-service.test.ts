import { afterEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { KeyServiceClient } from '../../src/proxy/keys/service-client.ts';
import { againstDocument } from '../key-service/documented.ts';
import { startExample, type ExampleService } from './example-service.ts';

const never = new AbortController().signal;
const RENEWAL = { epoch: null, applied: 0, staleIfErrorMs: 0, leaving: false };
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function start(name: Parameters<typeof startExample>[0]) {
  const example = await startExample(name);
  closers.push(() => example.kill());
  const client = new KeyServiceClient({ service: { ...example, basePath: '' } });
  closers.push(() => client.close());
  return { example, client };
}

/** What the example's answer to a gate's call has against the document. */
async function objections({ origin, token }: ExampleService, path: string, body: object): Promise<string[]> {
  const response = await fetch(origin + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { status, headers } = response;
  return againstDocument('POST', path, {
    status,
    type: headers.get('content-type'),
    body: await response.json(),
  });
}

describe.each(['resolve-alone', 'resolve-and-renew'] as const)('the example %s', (name) => {
  test('answers as the document says, and gates can read it', async () => {
    const { example, client } = await start(name);
    expect((await client.resolve(digestOf('unknown'), never)).record).toBeNull();
    const { text, keyId } = await example.make('read_only');
    const found = await client.resolve(text.digest(), never);
    expect(found.record).toMatchObject({ keyId, permission: 'read_only', revokedAt: null });
    await example.revoke(keyId);
    expect((await client.resolve(text.digest(), never)).record?.revokedAt).not.toBeNull();
    for (const digest of [text.digest(), digestOf('unknown')]) {
      expect(await objections(example, '/v1/keys/resolve', { digest })).toEqual([]);
    }
  });

  test('needs the service token', async () => {
    const { example } = await start(name);
    const stranger = new KeyServiceClient({
      service: { origin: example.origin, basePath: '', token: (await example.make()).text },
    });
    closers.push(() => stranger.close());
    await expect(stranger.resolve(digestOf('x'), never)).rejects.toThrow('refused the service token');
  });

  test('wants no reports', async () => {
    const { client } = await start(name);
    const report = { member: 'gate-1', sequence: 1, usage: [], refusals: [], suppressed: [] };
    await expect(client.report(report)).resolves.toBeUndefined();
  });
});

describe('the example resolve-alone', () => {
  test('offers no renewals', async () => {
    const { client } = await start('resolve-alone');
    expect(await client.renew('gate-1', RENEWAL, never)).toBeNull();
  });
});

describe('the example resolve-and-renew', () => {
  test('tells a member what has changed, in order, and once', async () => {
    const { example, client } = await start('resolve-and-renew');
    const { text, keyId } = await example.make();
    await example.revoke(keyId);
    const first = await client.renew('gate-1', RENEWAL, never);
    expect(first).toMatchObject({
      head: 2,
      fenceMs: 2000,
      redisRun: null,
      changes: [
        { number: 1, digest: text.digest() },
        { number: 2, keyId },
      ],
    });
    const epoch = first?.epoch ?? '';
    expect(await client.renew('gate-1', { ...RENEWAL, epoch, applied: 2 }, never)).toMatchObject({
      changes: [],
    });
    expect(
      (await client.renew('gate-2', { ...RENEWAL, epoch: 'x', applied: 2 }, never))?.changes,
    ).toHaveLength(2);
    const renewal = { epoch, applied: 1, stale_if_error: 0 };
    expect(await objections(example, '/v1/members/gate-1/renew', renewal)).toEqual([]);
  });

  test('answers a revocation when each member has acknowledged it', async () => {
    const { example, client } = await start('resolve-and-renew');
    const { keyId } = await example.make();
    const epoch = (await client.renew('gate-1', RENEWAL, never))?.epoch ?? '';
    let answered = false;
    const revoked = example.revoke(keyId).finally(() => {
      answered = true;
    });
    await expect
      .poll(async () => (await client.renew('gate-1', { ...RENEWAL, epoch, applied: 1 }, never))?.head)
      .toBe(2);
    expect(answered).toBe(false);
    await client.renew('gate-1', { ...RENEWAL, epoch, applied: 2 }, never);
    expect(await revoked).toMatchObject({ propagation: { members: 1, acked: 1, fenced: 0 } });
  });

  test('waits for a member that is silent until its fence has passed, and not for one that has left', async () => {
    const { example, client } = await start('resolve-and-renew');
    const { keyId } = await example.make();
    await client.renew('gate-1', RENEWAL, never);
    await client.renew('gate-2', RENEWAL, never);
    await client.renew('gate-2', { ...RENEWAL, leaving: true }, never);
    const before = performance.now();
    expect((await example.revoke(keyId)).propagation).toMatchObject({ members: 1 });
    // A timer may be early by a millisecond.
    expect(performance.now() - before).toBeGreaterThan(2299);
  });
});
