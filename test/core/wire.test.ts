import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeyRecord } from '../../src/core/key.ts';
import { PROFILES } from '../../src/core/profile.ts';
import { recordFromJson, recordToJson, type RecordJson } from '../../src/core/wire.ts';
import { anyText } from './any-text.ts';

const instant = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
const limit = fc.record({
  quota: fc.integer({ min: 1, max: 999_999_999 }),
  windowMs: fc.integer({ min: 1, max: 31 * 86_400 }).map((seconds) => seconds * 1000),
});
const profile = fc.constantFrom(...PROFILES);
const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const records: fc.Arbitrary<KeyRecord> = fc.record({
  keyId: fc.string(),
  name: anyText,
  profile,
  owner: fc.record({
    id: fc.string(),
    profile,
    tier: fc.string(),
    enabled: fc.boolean(),
    workspace: orNull(fc.string()),
    limits: orNull(fc.array(limit, { maxLength: 3 })),
  }),
  permission: fc.constantFrom('read_only', 'read_write'),
  limits: fc.array(limit, { maxLength: 3 }),
  mcps: fc.oneof(fc.constant('*' as const), fc.array(fc.string(), { maxLength: 3 })),
  createdAt: instant,
  expiresAt: orNull(instant),
  revokedAt: orNull(instant),
  deprecatedAt: orNull(instant),
});

const JSON_FORM: RecordJson = {
  key_id: 'key_1',
  name: 'ci',
  profile: 'plexmcp',
  owner: {
    id: 'org_1',
    profile: 'plexmcp',
    tier: 'free',
    enabled: true,
    workspace: null,
    limits: ['20/second'],
  },
  permission: 'read_write',
  limits: ['5/minute'],
  mcps: ['mcp_123'],
  created_at: '2026-01-02T03:04:05.678Z',
  expires_at: '2026-02-01T00:00:00.000Z',
  revoked_at: null,
  deprecated_at: null,
};

describe('a key record on the wire', () => {
  test('arrives as it left, through JSON text', () => {
    fc.assert(
      fc.property(records, (record) => {
        const text = JSON.stringify(recordToJson(record));
        expect(recordFromJson(JSON.parse(text) as RecordJson)).toEqual(record);
      }),
      { numRuns: 500 },
    );
  });

  test('is written with snake_case names, limits as configured and instants in UTC', () => {
    expect(recordToJson(recordFromJson(JSON_FORM))).toEqual(JSON_FORM);
    expect(recordFromJson(JSON_FORM)).toMatchObject({
      keyId: 'key_1',
      owner: { limits: [{ quota: 20, windowMs: 1000 }] },
      limits: [{ quota: 5, windowMs: 60_000 }],
      createdAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      revokedAt: null,
      deprecatedAt: null,
    });
  });

  test('does not share its list of MCP servers with the record', () => {
    const record = recordFromJson(JSON_FORM);
    expect(recordToJson(record).mcps).not.toBe(record.mcps);
  });

  test.each([
    '2026-02-01T00:00:00Z',
    '2026-02-01T01:00:00+01:00',
    '2026-02-01t00:00:00z',
    '2026-01-31T19:00:00.000-05:00',
  ])('takes any RFC 3339 instant: %s', (text) =>
    expect(recordFromJson({ ...JSON_FORM, expires_at: text }).expiresAt).toBe(Date.UTC(2026, 1, 1)),
  );

  test.each([
    ['', 'nothing'],
    ['soon', 'a word'],
    ['2026', 'a year'],
    ['2026-02-01', 'a date'],
    ['2026-02-01T00:00:00', 'a time of no zone, which would depend on the machine'],
    ['2026-02-01T00:00Z', 'a time without seconds'],
    ['2026-02-30T00:00:00Z', 'a day that is not'],
    ['2026-13-01T00:00:00Z', 'a month that is not'],
    ['2026-02-01T25:00:00Z', 'an hour that is not'],
    ['Sun, 01 Feb 2026 00:00:00 GMT', 'an HTTP date'],
    ['1769904000', 'seconds since 1970'],
    ['2026-02-01T00:00:00Z ', 'a space after it'],
  ])('refuses %j as an instant: %s', (text) => {
    expect(() => recordFromJson({ ...JSON_FORM, expires_at: text })).toThrow(RangeError);
    expect(() => recordFromJson({ ...JSON_FORM, revoked_at: text })).toThrow(RangeError);
    expect(() => recordFromJson({ ...JSON_FORM, created_at: text })).toThrow(RangeError);
  });

  test('refuses a limit that cannot be read, of the key and of the owner', () => {
    expect(() => recordFromJson({ ...JSON_FORM, limits: ['5/fortnight'] })).toThrow(RangeError);
    const owner = { ...JSON_FORM.owner, limits: ['none'] };
    expect(() => recordFromJson({ ...JSON_FORM, owner })).toThrow(RangeError);
  });
});
