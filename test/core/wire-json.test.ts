import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnusableField } from '../../src/core/json-fields.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import { PROFILES } from '../../src/core/profile.ts';
import { digestOf } from '../../src/core/secret.ts';
import {
  CHANGES_IN_A_GRANT,
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
    fenceMs: fc.integer({ min: 1, max: 3_600_000 }),
    now: instant,
    redisRun: orNull(label),
  })
  .map(({ first, later, changes, ...rest }) => ({
    ...rest,
    head: first + changes.length + later,
    changes: changes.map((change, i) => ({ ...change, number: first + i + 1 })),
  }));

const RECORD = {
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
const CHANGE = { number: 7, key_id: 'key_1', owner_id: null, digest: null };
const GRANT = {
  epoch: 'e1',
  head: 8,
  changes: [CHANGE, { number: 8, key_id: null, owner_id: null, digest: digestOf('a key') }],
  fence: 2000,
  now: '2026-01-02T03:04:05.000Z',
  redis_run: null,
};

/** What stands at `path`, replaced; `undefined` takes it away. */
function withValue(json: object, path: string, value: unknown): object {
  const copy = structuredClone(json) as Record<string, unknown>;
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  const at = steps.reduce<Record<string, unknown>>((found, step) => found[step] as never, copy);
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

function failureOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof UnusableField) return error.message;
    throw error;
  }
  return 'was read';
}

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
        expect(grantFromJson(through(grantToJson(grant)))).toEqual(grant);
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
    expect(grantToJson(grantFromJson(GRANT))).toEqual(GRANT);
    expect(grantFromJson(GRANT)).toMatchObject({ fenceMs: 2000, now: Date.UTC(2026, 0, 2, 3, 4, 5) });
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

describe('a record of somebody else’s key service', () => {
  test.each([
    '2026-02-01T00:00:00Z',
    '2026-02-01T01:00:00+01:00',
    '2026-02-01t00:00:00z',
    '2026-01-31T19:00:00.000-05:00',
  ])('may say %s as any RFC 3339 instant', (text) =>
    expect(recordFromJson({ ...RECORD, expires_at: text }).expiresAt).toBe(Date.UTC(2026, 1, 1)),
  );

  test.for([
    ['', 'nothing'],
    ['soon', 'a word'],
    ['2026-02-01', 'a date'],
    ['2026-02-01T00:00:00', 'a time of no zone, which would depend on the machine'],
    ['2026-02-30T00:00:00Z', 'a day that is not'],
    ['Sun, 01 Feb 2026 00:00:00 GMT', 'an HTTP date'],
    ['2026-02-01T00:00:00Z ', 'a space after it'],
    [`2026-02-01T00:00:00.${'0'.repeat(100)}Z`, 'a text that is too long'],
    [1769904000, 'seconds since 1970'],
  ])('may not say %j as an instant: %s', ([value]) => {
    for (const field of ['expires_at', 'revoked_at', 'created_at', 'deprecated_at']) {
      expect(failureOf(() => recordFromJson({ ...RECORD, [field]: value }))).toBe(
        `record.${field} must be an RFC 3339 instant with a zone`,
      );
    }
  });

  test('may have more fields, which are ignored', () => {
    const more = { ...RECORD, colour: 'x', owner: { ...RECORD.owner, plan: 7 } };
    expect(recordToJson(recordFromJson(more))).toEqual(RECORD);
  });

  test('without any one of its fields is not read, and the field is named', () => {
    for (const name of Object.keys(RECORD)) {
      expect(failureOf(() => recordFromJson(withValue(RECORD, name, undefined)))).toBe(
        `record.${name} is missing`,
      );
    }
    for (const name of Object.keys(RECORD.owner)) {
      expect(failureOf(() => recordFromJson(withValue(RECORD, `owner.${name}`, undefined)))).toBe(
        `record.owner.${name} is missing`,
      );
    }
  });

  const long = 'x'.repeat(129);
  const faults: [path: string, value: unknown, message: string][] = [
    ['key_id', '', 'record.key_id must be 1 to 128 characters, none of them a control character'],
    [
      'key_id',
      'a\r\nx-evil: 1',
      'record.key_id must be 1 to 128 characters, none of them a control character',
    ],
    ['key_id', '\ud800', 'record.key_id must be 1 to 128 characters, none of them a control character'],
    ['key_id', 7, 'record.key_id must be 1 to 128 characters, none of them a control character'],
    ['name', 'x'.repeat(257), 'record.name must be a string of at most 256 characters'],
    ['profile', 'Plexe', 'record.profile must be one of plexe, plextera, plexmcp, standard'],
    ['owner', null, 'record.owner must be a JSON object'],
    ['owner', ['x'], 'record.owner must be a JSON object'],
    ['owner.id', long, 'record.owner.id must be 1 to 128 characters, none of them a control character'],
    ['owner.enabled', 'yes', 'record.owner.enabled must be true or false'],
    ['owner.enabled', null, 'record.owner.enabled must be true or false'],
    ['owner.limits', ['none'], 'record.owner.limits[0] must be N/second'],
    ['permission', 'admin', 'record.permission must be one of read_only, read_write'],
    ['permission', ['read_write'], 'record.permission must be one of read_only, read_write'],
    ['limits', '5/minute', 'record.limits must be a list'],
    ['limits', ['5/minute', '5/fortnight'], 'record.limits[1] must be N/second'],
    ['limits', Array(9).fill('5/minute'), 'record.limits must have at most 8 entries'],
    ['mcps', null, 'record.mcps must be a list'],
    ['mcps', ['a', 1], 'record.mcps[1] must be 1 to 128 characters'],
    ['mcps', Array(257).fill('a'), 'record.mcps must have at most 256 entries'],
  ];
  test.each(faults)('with %s = %j is not read: %s', (path, value, message) => {
    expect(failureOf(() => recordFromJson(withValue(RECORD, path, value)))).toContain(message);
  });

  test('never shows in an error what stood in it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(RECORD)), fc.jsonValue(), (name, value) => {
        const marked = [`secret-marker\n ${JSON.stringify(value)}`];
        const message = failureOf(() => recordFromJson({ ...RECORD, [name]: marked }));
        expect(message).toMatch(/^record\.\w+(?:\[0\])? must be /);
        expect(message).not.toContain('secret-marker');
      }),
    );
  });
});

describe('an answer that says nothing of the key', () => {
  test.each([
    [null],
    ['x'],
    [[]],
    [{}],
    [{ as_of: '3' }],
    [{ as_of: -1 }],
    [{ as_of: 1.5 }],
    [{ as_of: 2 ** 60 }],
  ])('is no "unknown key": %j', (json) =>
    expect(failureOf(() => unknownFromJson(json))).toMatch(/^(?:the answer|as_of) /),
  );

  test('is no "known key" without a record, or with null in its place', () => {
    expect(failureOf(() => foundFromJson({ as_of: 3 }))).toBe('record is missing');
    expect(failureOf(() => foundFromJson({ record: null, as_of: 3 }))).toBe('record must be a JSON object');
    expect(failureOf(() => foundFromJson({ record: RECORD }))).toBe('as_of is missing');
  });
});

describe('a grant of somebody else’s key service', () => {
  const faults: [path: string, value: unknown, message: string][] = [
    ['epoch', '', 'epoch must be 1 to 128 visible ASCII characters'],
    ['epoch', null, 'epoch must be 1 to 128 visible ASCII characters'],
    ['epoch', undefined, 'epoch is missing'],
    ['head', 6, 'head must not be smaller than the number of a change'],
    ['head', -1, 'head must be a whole number from 0'],
    ['head', Infinity, 'head must be a whole number from 0'],
    ['fence', 0, 'fence must be a whole number from 1 to 3600000'],
    ['fence', '2s', 'fence must be a whole number from 1 to 3600000'],
    ['fence', 3_600_001, 'fence must be a whole number from 1 to 3600000'],
    ['now', 1769904000, 'now must be an RFC 3339 instant with a zone'],
    ['redis_run', undefined, 'redis_run is missing'],
    ['redis_run', 'a b', 'redis_run must be 1 to 128 visible ASCII characters'],
    ['changes', {}, 'changes must be a list'],
    ['changes.0.number', 0, 'changes[0].number must be a whole number from 1'],
    ['changes.1.number', 7, 'changes[1].number must be larger than the one before'],
    ['changes.1.digest', 'x', 'changes[1].digest must be 64 lower-case hex digits'],
    ['changes.0.key_id', undefined, 'changes[0].key_id is missing'],
    ['changes.0.key_id', null, 'changes[0] must name a key, an owner or a digest'],
  ];
  test.each(faults)('with %s = %j is not read: %s', (path, value, message) => {
    expect(failureOf(() => grantFromJson(withValue(GRANT, path, value)))).toContain(message);
  });

  test('may tell of as many changes as one grant holds, and of no more', () => {
    const many = (count: number) => ({
      ...GRANT,
      head: count,
      changes: Array.from({ length: count }, (_, i) => ({ ...CHANGE, number: i + 1 })),
    });
    expect(grantFromJson(many(CHANGES_IN_A_GRANT)).changes).toHaveLength(CHANGES_IN_A_GRANT);
    expect(failureOf(() => grantFromJson(many(CHANGES_IN_A_GRANT + 1)))).toContain(
      'changes must have at most',
    );
  });

  test('whatever it is, is read or refused in words', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(GRANT)), (value, name) => {
        failureOf(() => grantFromJson(value));
        failureOf(() => grantFromJson({ ...GRANT, [name]: value }));
        failureOf(() => foundFromJson(value));
        failureOf(() => unknownFromJson(value));
      }),
      { numRuns: 300 },
    );
  });
});
