import { describe, test } from 'vitest';
import type { Renewal } from '../../src/core/wire.ts';
import type { KeyServiceClient } from '../../src/proxy/keys/service-client.ts';
import { againstDocument } from '../key-service/documented.ts';
import {
  aKey,
  FENCE_MS,
  KeyServiceStage,
  statusesOf,
  watch,
  type Seen,
  type StartKeyService,
} from './key-service.stage.ts';
import type { OwnGate } from './own-gate.ts';
import type { Secret } from '../../src/core/secret.ts';

const never = new AbortController().signal;
const FIRST: Renewal = { epoch: null, applied: 0, staleIfErrorMs: 0, leaving: false };
/** When no member that is silent can be using what it knows. */
const FENCED_MS = 1.15 * FENCE_MS;

/** What every key service does that offers renewals: its revocations are certain when they return. */
export function keyRevocationContract(name: string, start: StartKeyService): void {
  describe(`${name}, renewing its members`, () => {
    test.concurrent(
      'tells each what has changed, without gaps, in order and once',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const { service, client } = await stage.asked();
        const { text, keyId } = await service.make();
        await service.revoke(keyId);
        const { epoch, head, changes, fenceMs } = await renewed(client, 'gate-1', FIRST);
        expect(fenceMs).toBe(FENCE_MS);
        expect(changes.map(({ number }) => number)).toEqual(changes.map((_, i) => i + 1));
        expect(changes.at(-1)).toMatchObject({ number: head, keyId });
        expect(changes.some(({ digest }) => digest === text.digest())).toBe(true);
        const behind = await renewed(client, 'gate-1', { ...FIRST, epoch, applied: head - 1 });
        expect(behind.changes).toEqual(changes.slice(-1));
        const upToDate = await renewed(client, 'gate-1', { ...FIRST, epoch, applied: head });
        expect(upToDate).toMatchObject({ epoch, head, changes: [] });
        const ofAnother = await renewed(client, 'gate-2', { ...FIRST, epoch: 'another', applied: head });
        expect(ofAnother.changes).toEqual(changes);
      },
    );

    test.concurrent('answers as the document says', async ({ expect, onTestFinished }) => {
      const stage = new KeyServiceStage(start, { onTestFinished });
      const { service, client } = await stage.asked();
      await service.make();
      const { epoch } = await renewed(client, 'gate-1', FIRST);
      const path = '/v1/members/gate-1/renew';
      const response = await fetch(service.origin + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${service.token.reveal()}`, 'content-type': 'application/json' },
        body: JSON.stringify({ epoch, applied: 0, stale_if_error: 0 }),
      });
      const type = response.headers.get('content-type');
      const answer = { status: response.status, type, body: await response.json() };
      expect(againstDocument('POST', path, answer)).toEqual([]);
    });

    test.concurrent('needs the service token', async ({ expect, onTestFinished }) => {
      const stage = new KeyServiceStage(start, { onTestFinished });
      const service = await stage.served();
      await expect(stage.clientOf(service, aKey()).renew('gate-1', FIRST, never)).rejects.toThrow(
        'refused the service token',
      );
    });

    test.concurrent(
      'begins another epoch where one has applied more than there is',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const { service, client } = await stage.asked();
        await service.make();
        const { epoch, head } = await renewed(client, 'gate-1', FIRST);
        const after = await renewed(client, 'gate-1', { ...FIRST, epoch, applied: head + 5 });
        expect(after.epoch).not.toBe(epoch);
      },
    );

    test.concurrent(
      'goes on with its numbers after a restart, or begins another epoch',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const { service, client } = await stage.asked();
        await service.make();
        const before = await renewed(client, 'gate-1', FIRST);
        await stage.restarted(service);
        const { epoch, head } = await renewed(client, 'gate-1', FIRST);
        expect(epoch !== before.epoch || head >= before.head).toBe(true);
      },
    );
  });

  describe(`a revocation by ${name}`, () => {
    test.concurrent(
      'is in every answer that is asked for when it has returned',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const { service, client } = await stage.asked();
        const { text, keyId } = await service.make();
        await service.revoke(keyId);
        const { head } = await renewed(client, 'gate-1', FIRST);
        const { record, asOf } = await client.resolve(text.digest(), never);
        expect(record?.revokedAt).not.toBeNull();
        expect(asOf).toBe(head);
      },
    );

    test.concurrent(
      'returns when each member has acknowledged it, and not before',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const { service, client } = await stage.asked();
        const { keyId } = await service.make();
        const { epoch, head } = await renewed(client, 'gate-1', FIRST);
        let returned = false;
        const revoked = service.revoke(keyId).finally(() => {
          returned = true;
        });
        const knows = { ...FIRST, epoch, applied: head };
        await expect.poll(async () => (await renewed(client, 'gate-1', knows)).head).toBe(head + 1);
        expect(returned).toBe(false);
        await renewed(client, 'gate-1', { ...knows, applied: head + 1 });
        expect((await revoked).propagation).toMatchObject({ members: 1, acked: 1, fenced: 0 });
      },
    );

    test.concurrent(
      'is not acknowledged by who counts in another epoch',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const { service, client } = await stage.asked();
        const { keyId } = await service.make();
        await renewed(client, 'gate-1', FIRST);
        const before = performance.now();
        const revoked = service.revoke(keyId);
        await renewed(client, 'gate-1', { ...FIRST, epoch: 'another', applied: 1_000_000 });
        expect((await revoked).propagation).toMatchObject({ members: 1, acked: 0, fenced: 1 });
        // A timer may be early by a millisecond.
        expect(performance.now() - before).toBeGreaterThan(FENCED_MS - 1);
      },
    );

    test.concurrent(
      'waits for a member that is silent until its fence has passed, and not for one that has left',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const { service, client } = await stage.asked();
        const { keyId } = await service.make();
        await renewed(client, 'gate-1', FIRST);
        await renewed(client, 'gate-2', FIRST);
        await renewed(client, 'gate-2', { ...FIRST, leaving: true });
        const before = performance.now();
        const { propagation } = await service.revoke(keyId);
        expect(propagation).toMatchObject({ members: 1, acked: 0, fenced: 1 });
        expect(performance.now() - before).toBeGreaterThan(FENCED_MS - 1);
      },
    );

    test.concurrent(
      'is in force at every gate under load when it has returned, and for no other key',
      async ({ expect, onTestFinished }) => {
        const stage = new KeyServiceStage(start, { onTestFinished });
        const service = await stage.served();
        const gates = [await stage.gateOf(service), await stage.gateOf(service), await stage.gateOf(service)];
        const { text, keyId } = await service.make();
        const { text: other } = await service.make();
        for (const gate of gates) {
          expect([await gate.status(text), await gate.status(other)]).toEqual([200, 200]);
          expect(gate.member().mode).toBe('renew');
        }
        const stop = new AbortController();
        const load = Promise.all(gates.map((gate) => loadUntil(gate, text, stop.signal)));
        const { propagation } = await service.revoke(keyId);
        const returnedAt = performance.now();
        expect(propagation).toMatchObject({ members: 3, acked: 3, fenced: 0 });
        for (const gate of gates) {
          expect(statusesOf(await watch(gate, text, returnedAt, 300))).toEqual([401]);
          expect(await gate.status(other)).toBe(200);
        }
        stop.abort();
        expect(statusesOf((await load).flat(), returnedAt)).toEqual([401]);
      },
    );
  });

  test.concurrent(
    `a key that ${name} makes works at once, where it was unknown too`,
    async ({ expect, onTestFinished }) => {
      const stage = new KeyServiceStage(start, { onTestFinished });
      const service = await stage.served();
      const gates = [await stage.gateOf(service), await stage.gateOf(service)];
      const text = aKey();
      for (const gate of gates) expect(await gate.status(text)).toBe(401);
      await service.make('read_write', text);
      for (const gate of gates) expect(await gate.status(text)).toBe(200);
    },
  );
}

async function renewed(client: KeyServiceClient, id: string, renewal: Renewal) {
  const grant = await client.renew(id, renewal, never);
  if (grant === null) throw new Error('it offers no renewals');
  return grant;
}

/** Requests one after another, with when each began by the clock of this process. */
async function loadUntil(gate: OwnGate, key: Secret, stop: AbortSignal): Promise<Seen[]> {
  const seen: Seen[] = [];
  while (!stop.aborted) {
    const beganMs = performance.now();
    seen.push({ beganMs, status: await gate.status(key) });
  }
  return seen;
}
