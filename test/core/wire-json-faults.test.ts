import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnusableField } from '../../src/core/json-fields.ts';
import {
  CHANGES_IN_A_GRANT,
  foundFromJson,
  grantFromJson,
  recordFromJson,
  recordToJson,
  unknownFromJson,
} from '../../src/core/wire-json.ts';
import { CHANGE, GRANT, RECORD, STAYING } from './wire-sample.ts';

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
    ['fence', 0, 'fence must be a whole number from 100 to 3600000'],
    ['fence', 99, 'fence must be a whole number from 100 to 3600000'],
    ['fence', '2s', 'fence must be a whole number from 0 to 3600000'],
    ['fence', 3_600_001, 'fence must be a whole number from 0 to 3600000'],
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
    expect(failureOf(() => grantFromJson(withValue(GRANT, path, value), STAYING))).toContain(message);
  });

  test('has no fence for a member that leaves', () => {
    expect(grantFromJson({ ...GRANT, fence: 0 }, { leaving: true }).fenceMs).toBe(0);
  });

  test('may tell of as many changes as one grant holds, and of no more', () => {
    const many = (count: number) => ({
      ...GRANT,
      head: count,
      changes: Array.from({ length: count }, (_, i) => ({ ...CHANGE, number: i + 1 })),
    });
    expect(grantFromJson(many(CHANGES_IN_A_GRANT), STAYING).changes).toHaveLength(CHANGES_IN_A_GRANT);
    expect(failureOf(() => grantFromJson(many(CHANGES_IN_A_GRANT + 1), STAYING))).toContain(
      'changes must have at most',
    );
  });

  test('whatever it is, is read or refused in words', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(GRANT)), (value, name) => {
        failureOf(() => grantFromJson(value, STAYING));
        failureOf(() => grantFromJson({ ...GRANT, [name]: value }, STAYING));
        failureOf(() => foundFromJson(value));
        failureOf(() => unknownFromJson(value));
      }),
      { numRuns: 300 },
    );
  });
});
