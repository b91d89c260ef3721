import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Report, UsageDelta } from '../../src/core/wire.ts';
import {
  AUDIT_KEPT_MS,
  USAGE_KEPT_MS,
  type AuditFilter,
  type NewAuditRow,
} from '../../src/key-service/store/ledger.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { ACTOR, T0, auditRow, newKey, owner } from './key-store.sample.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const EVER = { from: 0, to: T0 * 2 };
const ANY: AuditFilter = {
  kind: null,
  action: null,
  reason: null,
  requestId: null,
  keyId: null,
  ownerId: null,
  address: null,
  from: null,
  to: null,
};
const NEWEST = { limit: 1000, after: null };

function delta(more: Partial<UsageDelta> = {}): UsageDelta {
  return { keyId: 'k1', route: 'r1', statusClass: '2xx', hourAt: T0, count: 1, lastAt: T0 + 1, ...more };
}

function report(sequence: number, more: Partial<Report> = {}): Report {
  return { member: 'gate-1', sequence, usage: [], refusals: [], suppressed: [], ...more };
}

/** How every key store keeps usage and audit; `open` answers the store of the running test. */
export function ledgerContract(open: () => KeyStore): void {
  describe('what happened', () => ledger(open));
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
      await expect(store.takeReport(report(1, { usage: [delta(), broken] }), T0)).rejects.toThrow();
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
      const rows = await store.listAudit(ANY, NEWEST);
      const management = { action: null, outcome: null, subjectKeyId: null, subjectOwnerId: null };
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

function auditContract(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(() => {
    store = open();
  });

  describe('the audit', () => {
    test('is read back as it was written, the newest first, of one instant the later', async () => {
      const rows = [auditRow({ at: T0 + 2 }), auditRow({ at: T0 + 1 }), auditRow({ at: T0 + 2 })];
      for (const row of rows) await store.recordAudit(row);
      expect(await store.listAudit(ANY, NEWEST)).toEqual([
        { ...rows[2], id: 3 },
        { ...rows[0], id: 1 },
        { ...rows[1], id: 2 },
      ]);
    });

    const filters: [string, Partial<AuditFilter>, number[]][] = [
      ['a kind', { kind: 'refusal' }, [2]],
      ['an action', { action: 'key.revoke' }, [1]],
      ['a reason', { reason: 'expired_key' }, [2]],
      ['a request', { requestId: 'req_3' }, [3]],
      ['an address', { address: '192.0.2.4' }, [4]],
      ['a key that acted or was acted on', { keyId: 'k1' }, [2, 1]],
      ['an owner whose keys acted or were acted on', { ownerId: 'acme' }, [3, 2]],
      ['key and owner', { keyId: 'k1', ownerId: 'acme' }, [2]],
      ['a time from its start up to its end', { from: T0 + 2, to: T0 + 4 }, [3, 2]],
      ['what nobody did', { action: 'owner.put' }, []],
    ];
    test.for(filters)('is looked through by %s', async ([, filter, ids]) => {
      const none = { keyId: null, ownerId: null, action: null };
      const rows: Partial<NewAuditRow>[] = [
        { ...none, action: 'key.revoke', subjectKeyId: 'k1', subjectOwnerId: 'beta' },
        { ...none, kind: 'refusal', reason: 'expired_key', keyId: 'k1', ownerId: 'acme' },
        { ...none, requestId: 'req_3', keyId: 'k2', ownerId: 'acme', subjectOwnerId: 'acme' },
        { ...none, address: '192.0.2.4' },
      ];
      for (const [i, row] of rows.entries()) await store.recordAudit(auditRow({ at: T0 + i + 1, ...row }));
      const found = await store.listAudit({ ...ANY, ...filter }, NEWEST);
      expect(found.map((row) => row.id)).toEqual(ids);
    });

    test('is paged without a row twice or left out, though new ones come meanwhile', async () => {
      for (let i = 0; i < 25; i++) await store.recordAudit(auditRow({ at: T0 + Math.floor(i / 3) }));
      const seen: number[] = [];
      let after: { at: number; id: number } | null = null;
      for (;;) {
        const rows = await store.listAudit({ ...ANY, ownerId: ACTOR.ownerId }, { limit: 4, after });
        seen.push(...rows.map((row) => row.id));
        const last = rows.at(-1);
        if (last === undefined) break;
        after = { at: last.at, id: last.id };
        await store.recordAudit(auditRow({ at: T0 + 1000 }));
      }
      expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => 25 - i));
    });

    test('goes after 90 days, with the next row', async () => {
      await store.recordAudit(auditRow({ at: T0 }));
      await store.recordAudit(auditRow({ at: T0 + AUDIT_KEPT_MS }));
      expect(await store.listAudit(ANY, NEWEST)).toHaveLength(2);
      await store.recordAudit(auditRow({ at: T0 + AUDIT_KEPT_MS + 1 }));
      expect((await store.listAudit(ANY, NEWEST)).map((row) => row.id)).toEqual([3, 2]);
    });

    test('has a row for each change, of who made it and what it was about', async () => {
      const at = T0 + 1;
      await store.putOwner(owner('acme'), at, { ...ACTOR, action: 'owner.put' });
      await store.insertKeys([newKey({ keyId: 'n1' })], at, { audit: { ...ACTOR, action: 'key.create' } });
      const two = [newKey({ keyId: 'n2' }), newKey({ keyId: 'n3', ownerId: 'beta' })];
      await store.insertKeys(two, at, { audit: { ...ACTOR, action: 'key.import' } });
      await store.patchKey('n1', { name: 'x' }, at, { ...ACTOR, action: 'key.patch' });
      const replacement = { key: newKey({ keyId: 'n4' }), oldExpiresAt: T0 + 10 };
      await store.rotateKey('n1', () => replacement, at, { ...ACTOR, action: 'key.rotate' });
      const revoke = { audit: { ...ACTOR, action: 'key.revoke' as const } };
      await store.revokeKey('n1', at, revoke);
      await store.revokeKey('n1', at, revoke);
      const rows = await store.listAudit(ANY, NEWEST);
      const told = rows
        .toReversed()
        .map((row) => [row.action, row.outcome, row.subjectKeyId, row.subjectOwnerId, row.count]);
      expect(told).toEqual([
        ['owner.put', 'done', null, 'acme', 1],
        ['key.create', 'done', 'n1', 'acme', 1],
        ['key.import', 'done', null, null, 2],
        ['key.patch', 'done', 'n1', 'acme', 1],
        ['key.rotate', 'done', 'n1', 'acme', 1],
        ['key.revoke', 'done', 'n1', 'acme', 1],
        ['key.revoke', 'repeated', 'n1', 'acme', 1],
      ]);
      for (const row of rows) expect(row).toMatchObject({ ...ACTOR, kind: 'management', at, firstAt: at });
    });

    test('has no row of a change that was refused or not asked to be written down', async () => {
      const audit = { ...ACTOR, action: 'key.import' as const };
      await store.insertKeys([newKey(), newKey({ ownerId: 'nobody' })], T0, { audit });
      await store.patchKey('nobody', { name: 'x' }, T0, { ...ACTOR, action: 'key.patch' });
      await store.revokeKey('k1', T0);
      expect(await store.listAudit(ANY, NEWEST)).toEqual([]);
    });
  });
}
