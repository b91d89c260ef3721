import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Report, UsageDelta } from '../../src/core/wire.ts';
import { MEMBERS_KEPT_MS, USAGE_KEPT_MS } from '../../src/key-service/store/ledger.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { NEWEST, NO_FILTER, auditContract } from './key-store-audit.contract.ts';
import { T0, newKey, owner } from './key-store.sample.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const EVER = { from: 0, to: T0 * 2 };

function delta(more: Partial<UsageDelta> = {}): UsageDelta {
  return { keyId: 'k1', route: 'r1', statusClass: '2xx', hourAt: T0, count: 1, lastAt: T0 + 1, ...more };
}

function report(sequence: number, more: Partial<Report> = {}): Report {
  return { member: 'gate-1', sequence, usage: [], refusals: [], suppressed: [], ...more };
}

/** How every key store keeps usage and audit; `open` answers the store of the running test. */
export function ledgerContract(open: () => KeyStore): void {
  describe('what happened', () => {
    ledger(open);
  });
}

function ledger(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(async () => {
    store = open();
    await store.putOwner(owner('acme'), T0);
    await store.putOwner(owner('beta'), T0);
    const keys = [newKey({ keyId: 'k1' }), newKey({ keyId: 'k2' }), newKey({ keyId: 'b1', ownerId: 'beta' })];
    await store.insertKeys(keys, T0);
  });

  describe('usage', () => {
    test('is summed by hour, day, route and class of status, of a key and of an owner', async () => {
      await store.takeReport(
        report(1, {
          usage: [
            delta({ count: 3 }),
            delta({ count: 2, statusClass: '4xx' }),
            delta({ count: 5, hourAt: T0 + HOUR, route: 'r2', statusClass: '5xx' }),
            delta({ count: 7, hourAt: T0 + DAY, keyId: 'k2' }),
            delta({ count: 11, keyId: 'b1' }),
          ],
        }),
        T0,
      );
      const sum = (group: unknown, requests: number, errors: number) => ({
        group: String(group),
        requests,
        errors,
      });
      expect(await store.usage({ keyId: 'k1' }, EVER, 'hour')).toEqual([sum(T0, 5, 2), sum(T0 + HOUR, 5, 5)]);
      expect(await store.usage({ ownerId: 'acme' }, EVER, 'day')).toEqual([
        sum(T0, 10, 7),
        sum(T0 + DAY, 7, 0),
      ]);
      expect(await store.usage({ ownerId: 'acme' }, EVER, 'route')).toEqual([
        sum('r1', 12, 2),
        sum('r2', 5, 5),
      ]);
      expect(await store.usage({ keyId: 'k1' }, EVER, 'status_class')).toEqual([
        sum('2xx', 3, 0),
        sum('4xx', 2, 2),
        sum('5xx', 5, 5),
      ]);
      const secondHour = { from: T0 + 1, to: T0 + HOUR + 1 };
      expect(await store.usage({ ownerId: 'acme' }, secondHour, 'hour')).toEqual([sum(T0 + HOUR, 5, 5)]);
      expect(await store.usage({ ownerId: 'acme' }, { from: T0, to: T0 + HOUR }, 'hour')).toHaveLength(1);
      expect(await store.usage({ keyId: 'nobody' }, EVER, 'day')).toEqual([]);
    });

    test('adds up over reports, and rows of one report that name the same', async () => {
      await store.takeReport(report(1, { usage: [delta(), delta({ count: 4 })] }), T0);
      await store.takeReport(report(2, { usage: [delta({ count: 10 })] }), T0);
      expect(await store.usage({ keyId: 'k1' }, EVER, 'hour')).toMatchObject([{ requests: 15 }]);
    });

    test('moves the last use of a key forward, never back, and is no change', async () => {
      const before = await store.showKey('k1');
      await store.takeReport(
        report(1, { usage: [delta({ lastAt: T0 + 9 }), delta({ lastAt: T0 + 5 })] }),
        T0,
      );
      await store.takeReport(report(2, { usage: [delta({ lastAt: T0 + 7, count: 40 })] }), T0);
      expect(await store.showKey('k1')).toEqual({ ...before, lastUsedAt: T0 + 9, requestCount: 42 });
      expect(await store.head()).toBe(5);
    });

    test('of 1,200 keys in one report is all there, also of keys the store does not have', async () => {
      const usage = Array.from({ length: 1200 }, (_, i) => delta({ keyId: `other-${i}`, count: i + 1 }));
      await store.takeReport(report(1, { usage }), T0);
      expect(await store.usage({ keyId: 'other-1199' }, EVER, 'hour')).toMatchObject([{ requests: 1200 }]);
      expect(await store.usage({ keyId: 'other-0' }, EVER, 'hour')).toMatchObject([{ requests: 1 }]);
    });

    test('goes after 400 days, a bounded part with each report', async () => {
      const usage = Array.from({ length: 700 }, (_, i) => delta({ hourAt: T0 + i * HOUR }));
      await store.takeReport(report(1, { usage }), T0);
      const hours = async () => (await store.usage({ keyId: 'k1' }, EVER, 'hour')).length;
      const later = T0 + 699 * HOUR + USAGE_KEPT_MS;
      await store.takeReport(report(2), later);
      expect(await hours()).toBe(200);
      await store.takeReport(report(3), later);
      expect(await hours()).toBe(1);
      await store.takeReport(report(4), later + 1);
      expect(await hours()).toBe(0);
    });
  });

  describe('reports', () => {
    test('are taken once, and an answer says whether this was it', async () => {
      const one = report(1, { usage: [delta()] });
      expect(await store.takeReport(one, T0)).toBe(true);
      expect(await store.takeReport(one, T0)).toBe(false);
      expect(await store.takeReport({ ...one, member: 'gate-2' }, T0)).toBe(true);
      expect(await store.usage({ keyId: 'k1' }, EVER, 'hour')).toMatchObject([{ requests: 2 }]);
    });

    test('of a gate that is gone are forgotten after 90 days, with the next report of another', async () => {
      const one = report(1, { usage: [delta()] });
      await store.takeReport(one, T0);
      await store.takeReport(report(1, { member: 'gate-2' }), T0 + MEMBERS_KEPT_MS);
      expect(await store.takeReport(one, T0 + MEMBERS_KEPT_MS)).toBe(false);
      await store.takeReport(report(2, { member: 'gate-2' }), T0 + MEMBERS_KEPT_MS + 1);
      expect(await store.takeReport(one, T0 + MEMBERS_KEPT_MS + 1)).toBe(true);
    });

    test('count once each, in whatever order and however often they arrive', async () => {
      const arrivals = fc.array(
        fc.record({ member: fc.constantFrom('a', 'b'), sequence: fc.integer({ min: 1, max: 12 }) }),
        { maxLength: 60 },
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(arrivals, async (sent) => {
          run += 1;
          const keyId = `run-${run}`;
          for (const { member, sequence } of sent) {
            const usage = [delta({ keyId, count: 2 ** sequence })];
            await store.takeReport(report(sequence, { member: `${member}-${run}`, usage }), T0);
          }
          const distinct = new Map(sent.map((one) => [`${one.member} ${one.sequence}`, 2 ** one.sequence]));
          const expected = [...distinct.values()].reduce((sum, count) => sum + count, 0);
          const [counted] = await store.usage({ keyId }, EVER, 'hour');
          expect(counted?.requests ?? 0).toBe(expected);
        }),
        { numRuns: 15 },
      );
    });

    test('stand or fall as a whole', async () => {
      const broken = delta({ route: null as unknown as string });
      await expect(store.takeReport(report(1, { usage: [delta(), broken] }), T0)).rejects.toThrow(
        /not.null/i,
      );
      expect(await store.usage({ keyId: 'k1' }, EVER, 'hour')).toEqual([]);
      expect(await store.takeReport(report(1, { usage: [delta()] }), T0)).toBe(true);
    });

    test('bring refused requests and counts of more into the audit', async () => {
      const refusal = {
        at: T0 + 5,
        requestId: 'req_1',
        reason: 'revoked_key',
        keyId: 'k1',
        ownerId: 'acme',
        address: '192.0.2.1',
        userAgent: 'curl/8',
        method: 'GET',
        path: '/models',
        route: 'plexe',
      };
      const address = '192.0.2.2';
      const more = { reason: 'unknown_key', route: null, address, count: 900, firstAt: T0, lastAt: T0 + 9 };
      await store.takeReport(report(1, { refusals: [refusal], suppressed: [more] }), T0);
      const rows = await store.listAudit(NO_FILTER, NEWEST);
      const management = {
        action: null,
        outcome: null,
        operator: null,
        subjectKeyId: null,
        subjectOwnerId: null,
        subjectOperator: null,
      };
      const request = {
        requestId: null,
        keyId: null,
        ownerId: null,
        userAgent: null,
        method: null,
        path: null,
      };
      expect(rows).toEqual([
        {
          ...management,
          ...request,
          id: 2,
          kind: 'suppressed',
          at: T0 + 9,
          firstAt: T0,
          reason: 'unknown_key',
          route: null,
          address,
          count: 900,
        },
        { ...management, ...refusal, id: 1, kind: 'refusal', firstAt: T0 + 5, count: 1 },
      ]);
    });
  });

  auditContract(() => store);
}
