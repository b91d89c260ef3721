import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeyRecord } from '../../src/core/key.ts';
import { PROFILES } from '../../src/core/profile.ts';
import { digestOf } from '../../src/core/secret.ts';
import {
  foundFromJson,
  grantFromJson,
  grantToJson,
  recordFromJson,
  recordToJson,
  renewalToJson,
  reportToJson,
  resolutionToJson,
  unknownFromJson,
} from '../../src/core/wire-json.ts';
import type { Change, Grant } from '../../src/core/wire.ts';
import { anyText } from './any-text.ts';
import { GRANT, RECORD, STAYING } from './wire-sample.ts';

const instant = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
const limit = fc.record({
  quota: fc.integer({ min: 1, max: 999_999_999 }),
  windowMs: fc.integer({ min: 1, max: 31 * 86_400 }).map((seconds) => seconds * 1000),
});
const id = fc.string({ minLength: 1, maxLength: 128 });
const label = fc.stringMatching(/^[\x21-\x7e]{1,20}$/);
const profile = fc.constantFrom(...PROFILES);
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const records: fc.Arbitrary<KeyRecord> = fc.record({
  keyId: id,
  name: anyText,
  profile,
  owner: fc.record({
    id,
    profile,
    tier: id,
    enabled: fc.boolean(),
    workspace: orNull(id),
    limits: orNull(fc.array(limit, { maxLength: 3 })),
  }),
  permission: fc.constantFrom('read_only', 'read_write'),
  limits: fc.array(limit, { maxLength: 3 }),
  mcps: fc.oneof(fc.constant('*' as const), fc.array(id, { maxLength: 3 })),
  createdAt: instant,
  expiresAt: orNull(instant),
  revokedAt: orNull(instant),
  deprecatedAt: orNull(instant),
});
const touched: fc.Arbitrary<Omit<Change, 'number'>> = fc
  .record({ keyId: orNull(id), ownerId: orNull(id), digest: orNull(fc.string().map(digestOf)) })
  .filter(({ keyId, ownerId, digest }) => keyId !== null || ownerId !== null || digest !== null);
const grants: fc.Arbitrary<Grant> = fc
  .record({
    epoch: label,
    first: fc.nat(1_000_000),
    changes: fc.array(touched, { maxLength: 5 }),
    later: fc.nat(10),
    fenceMs: fc.integer({ min: 100, max: 3_600_000 }),
    now: instant,
    redisRun: orNull(label),
  })
  .map(({ first, later, changes, ...rest }) => ({
    ...rest,
    head: first + changes.length + later,
    changes: changes.map((change, i) => ({ ...change, number: first + i + 1 })),
  }));

describe('what travels arrives as it left, through JSON text:', () => {
  const through = (json: object): unknown => JSON.parse(JSON.stringify(json));

  test('key records', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(recordFromJson(through(recordToJson(record)))).toEqual(record);
      }),
      { numRuns: 500 },
    );
  });

  test('answers to a lookup', () => {
    fc.assert(
      fc.property(orNull(records), fc.nat(), (record, asOf) => {
        const json = through(resolutionToJson({ record, asOf }));
        expect(record === null ? unknownFromJson(json) : foundFromJson(json)).toEqual({ record, asOf });
      }),
    );
  });

  test('grants', () => {
    fc.assert(
      fc.property(grants, (grant) => {
        expect(grantFromJson(through(grantToJson(grant)), STAYING)).toEqual(grant);
      }),
    );
  });
});

describe('the form on the wire', () => {
  test('of a record has snake_case names, limits as configured and instants in UTC', () => {
    expect(recordToJson(recordFromJson(RECORD))).toEqual(RECORD);
    expect(recordFromJson(RECORD)).toMatchObject({
      keyId: 'key_1',
      owner: { limits: [{ quota: 20, windowMs: 1000 }] },
      limits: [{ quota: 5, windowMs: 60_000 }],
      createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      revokedAt: null,
      deprecatedAt: null,
    });
  });

  test('of a record does not share its list of MCP servers', () => {
    const record = recordFromJson(RECORD);
    expect(recordToJson(record).mcps).not.toBe(record.mcps);
  });

  test('of an instant after the year 9999, which RFC 3339 cannot say, is the last one it can', () => {
    const record = { ...recordFromJson(RECORD), expiresAt: Date.UTC(10_000, 0, 1) };
    expect(recordFromJson(recordToJson(record)).expiresAt).toBe(Date.UTC(10_000, 0, 1) - 1);
  });

  test('of a grant', () => {
    expect(grantToJson(grantFromJson(GRANT, STAYING))).toEqual(GRANT);
    expect(grantFromJson(GRANT, STAYING)).toMatchObject({
      fenceMs: 2000,
      now: Date.UTC(2026, 0, 2, 3, 4, 5),
    });
  });

  test('of a renewal says that a member leaves only where it does', () => {
    const renewal = { epoch: null, applied: 0, staleIfErrorMs: 60_000, leaving: false };
    expect(renewalToJson(renewal)).toEqual({ epoch: null, applied: 0, stale_if_error: 60_000 });
    expect(renewalToJson({ ...renewal, epoch: 'e1', applied: 9, leaving: true })).toEqual({
      epoch: 'e1',
      applied: 9,
      stale_if_error: 60_000,
      leaving: true,
    });
  });

  test('of a report', () => {
    const report = {
      member: 'gate-1',
      sequence: 3,
      usage: [{ keyId: 'k', route: 'r', statusClass: '2xx' as const, hourAt: 0, count: 2, lastAt: 1500 }],
      refusals: [
        {
          at: 1000,
          requestId: 'req_1',
          reason: 'revoked_key',
          keyId: 'k',
          ownerId: null,
          address: '192.0.2.1',
          userAgent: null,
          method: 'GET',
          path: '/',
          route: null,
        },
      ],
      suppressed: [{ reason: 'unknown_key', route: null, address: '*', count: 4, firstAt: 0, lastAt: 2000 }],
    };
    expect(reportToJson(report)).toEqual({
      member: 'gate-1',
      sequence: 3,
      usage: [
        {
          key_id: 'k',
          route: 'r',
          status_class: '2xx',
          hour_at: '1970-01-01T00:00:00.000Z',
          count: 2,
          last_at: '1970-01-01T00:00:01.500Z',
        },
      ],
      refusals: [
        {
          at: '1970-01-01T00:00:01.000Z',
          request_id: 'req_1',
          reason: 'revoked_key',
          key_id: 'k',
          owner_id: null,
          address: '192.0.2.1',
          user_agent: null,
          method: 'GET',
          path: '/',
          route: null,
        },
      ],
      suppressed: [
        {
          reason: 'unknown_key',
          route: null,
          address: '*',
          count: 4,
          first_at: '1970-01-01T00:00:00.000Z',
          last_at: '1970-01-01T00:00:02.000Z',
        },
      ],
    });
  });
});
