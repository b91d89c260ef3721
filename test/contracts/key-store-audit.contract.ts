import { beforeEach, describe, expect, test } from 'vitest';
import { AUDIT_KEPT_MS, type AuditFilter, type NewAuditRow } from '../../src/key-service/store/ledger.ts';
import type { KeyStore } from '../../src/key-service/store/store.ts';
import { ACTOR, T0, auditRow, newKey, owner } from './key-store.sample.ts';

export const NO_FILTER: AuditFilter = {
  kind: null,
  action: null,
  reason: null,
  requestId: null,
  keyId: null,
  ownerId: null,
  operator: null,
  address: null,
  from: null,
  to: null,
};
const ADA = 'ada@example.com';
export const NEWEST = { limit: 1000, after: null };

/** How every key store keeps the audit; `open` answers the store of the running test, with some keys in it. */
export function auditContract(open: () => KeyStore): void {
  let store: KeyStore;
  beforeEach(() => {
    store = open();
  });

  describe('the audit', () => {
    test('is read back as it was written, the newest first, of one instant the later', async () => {
      const rows = [auditRow({ at: T0 + 2 }), auditRow({ at: T0 + 1 }), auditRow({ at: T0 + 2 })];
      for (const row of rows) await store.recordAudit(row);
      expect(await store.listAudit(NO_FILTER, NEWEST)).toEqual([
        { ...rows[2], id: 3 },
        { ...rows[0], id: 1 },
        { ...rows[1], id: 2 },
      ]);
    });

    test('takes whatever a client may have sent', async () => {
      await store.recordAudit(auditRow({ path: '/\0', userAgent: '\ud800 \'"\\%', requestId: '\u{1f511}' }));
      expect(await store.listAudit({ ...NO_FILTER, requestId: '\u{1f511}' }, NEWEST)).toHaveLength(1);
      expect(await store.listAudit({ ...NO_FILTER, requestId: '\0' }, NEWEST)).toEqual([]);
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
      ['an operator who acted or was acted on', { operator: ADA }, [4, 3]],
      ['operator and owner', { operator: ADA, ownerId: 'acme' }, [3]],
      ['a time from its start up to its end', { from: T0 + 2, to: T0 + 4 }, [3, 2]],
      ['what nobody did', { action: 'owner.put' }, []],
    ];
    test.for(filters)('is looked through by %s', async ([, filter, ids]) => {
      const none = { keyId: null, ownerId: null, action: null };
      const rows: Partial<NewAuditRow>[] = [
        { ...none, action: 'key.revoke', subjectKeyId: 'k1', subjectOwnerId: 'beta' },
        { ...none, kind: 'refusal', reason: 'expired_key', keyId: 'k1', ownerId: 'acme' },
        { ...none, requestId: 'req_3', keyId: 'k2', ownerId: 'acme', subjectOwnerId: 'acme', operator: ADA },
        { ...none, address: '192.0.2.4', subjectOperator: ADA },
      ];
      for (const [i, row] of rows.entries()) await store.recordAudit(auditRow({ at: T0 + i + 1, ...row }));
      const found = await store.listAudit({ ...NO_FILTER, ...filter }, NEWEST);
      expect(found.map((row) => row.id)).toEqual(ids);
    });

    test('is paged without a row twice or left out, though new ones come meanwhile', async () => {
      for (let i = 0; i < 25; i++) await store.recordAudit(auditRow({ at: T0 + Math.floor(i / 3) }));
      const seen: number[] = [];
      let after: { at: number; id: number } | null = null;
      for (;;) {
        const rows = await store.listAudit({ ...NO_FILTER, ownerId: ACTOR.ownerId }, { limit: 4, after });
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
      expect(await store.listAudit(NO_FILTER, NEWEST)).toHaveLength(2);
      await store.recordAudit(auditRow({ at: T0 + AUDIT_KEPT_MS + 1 }));
      expect((await store.listAudit(NO_FILTER, NEWEST)).map((row) => row.id)).toEqual([3, 2]);
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
      const rows = await store.listAudit(NO_FILTER, NEWEST);
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
      expect(await store.listAudit(NO_FILTER, NEWEST)).toEqual([]);
    });
  });
}
