import { describe, test } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { againstDocument } from '../key-service/documented.ts';
import {
  aKey,
  FENCE_MS,
  KeyServiceStage,
  statusesOf,
  watch,
  type ServedKeyService,
  type StartKeyService,
} from './key-service.stage.ts';

const never = new AbortController().signal;

/** What every key service does that answers what a key stands for, seen by who calls it and through a gate. */
export function keyLookupContract(name: string, start: StartKeyService): void {
  describe(`${name}, asked what a key stands for`, () => {
    test.concurrent(
      'knows the keys it has made, revoked ones too, and no others',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const service = await stage.served();
        const client = stage.clientOf(service, service.token);
        expect((await client.resolve(digestOf('unknown'), never)).record).toBeNull();
        const { text, keyId } = await service.make('read_only');
        const found = await client.resolve(text.digest(), never);
        expect(found.record).toMatchObject({ keyId, permission: 'read_only', revokedAt: null });
        await service.revoke(keyId);
        expect((await client.resolve(text.digest(), never)).record?.revokedAt).not.toBeNull();
      },
    );

    test.concurrent('answers as the document says', async ({ expect, onTestFinished }) => {
      const stage = new KeyServiceStage(start, { onTestFinished });
      const service = await stage.served();
      const { text, keyId } = await service.make();
      const known = { digest: text.digest() };
      expect(await objections(service, known)).toEqual([]);
      expect(await objections(service, { digest: digestOf('unknown') })).toEqual([]);
      await service.revoke(keyId);
      expect(await objections(service, known)).toEqual([]);
    });

    test.concurrent('needs the service token', async ({ expect, onTestFinished }) => {
      const stage = new KeyServiceStage(start, { onTestFinished });
      const service = await stage.served();
      const { text } = await service.make();
      const stranger = stage.clientOf(service, text);
      await expect(stranger.resolve(digestOf('x'), never)).rejects.toThrow('refused the service token');
    });

    test.concurrent('takes reports, or says that it wants none', async ({ expect, onTestFinished }) => {
      const stage = new KeyServiceStage(start, { onTestFinished });
      const service = await stage.served();
      const report = { member: 'gate-1', sequence: 1, usage: [], refusals: [], suppressed: [] };
      await expect(stage.clientOf(service, service.token).report(report)).resolves.toBeUndefined();
    });
  });

  describe(`a gate that asks ${name}`, () => {
    test.concurrent(
      'lets known keys pass as their permission says, and nobody else',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const service = await stage.served();
        const gate = await stage.gateOf(service);
        const { text } = await service.make();
        const { text: readOnly } = await service.make('read_only');
        expect(await gate.status(text, 'POST')).toBe(200);
        expect(await gate.status(readOnly)).toBe(200);
        expect(await gate.status(readOnly, 'POST')).toBe(403);
        expect(await gate.status(aKey())).toBe(401);
      },
    );

    test.concurrent(
      'and has another token answers 503, and the log says why',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const service = await stage.served();
        const gate = await stage.gateOf({ origin: service.origin, token: aKey() });
        const { text } = await service.make();
        expect([await gate.status(text), await gate.status(aKey())]).toEqual([503, 503]);
        expect(gate.logLines.join('')).toContain('the key service refused the service token (401)');
      },
    );

    test.concurrent(
      'refuses a revoked key at the latest one fence after the revocation',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const service = await stage.served();
        const gate = await stage.gateOf(service);
        const { text, keyId } = await service.make();
        expect(await gate.status(text)).toBe(200);
        await service.revoke(keyId);
        const seen = await watch(gate, text, performance.now(), FENCE_MS + 300);
        expect(statusesOf(seen).filter((status) => status !== 200 && status !== 401)).toEqual([]);
        expect(statusesOf(seen, FENCE_MS)).toEqual([401]);
      },
    );

    test.concurrent(
      'answers 503 and never 401 when it has gone and the fence is over, and goes on when it is back',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const service = await stage.served();
        const gate = await stage.gateOf(service);
        const { text } = await service.make();
        expect(await gate.status(text)).toBe(200);
        await service.end();
        const seen = await watch(gate, text, performance.now(), FENCE_MS + 300);
        expect(statusesOf(seen).filter((status) => status !== 200 && status !== 503)).toEqual([]);
        expect(statusesOf(seen, FENCE_MS)).toEqual([503]);
        // What it never knew it cannot know now.
        expect(await gate.status(aKey())).toBe(503);
        const again = await stage.restarted(service);
        const { text: next } = await again.make();
        await expect.poll(() => gate.status(next), { timeout: 10_000 }).toBe(200);
      },
    );
  });
}

/** What the answer has against the document. */
async function objections({ origin, token }: ServedKeyService, body: object): Promise<string[]> {
  const path = '/v1/keys/resolve';
  const response = await fetch(origin + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const type = response.headers.get('content-type');
  return againstDocument('POST', path, { status: response.status, type, body: await response.json() });
}
