import { expect, test } from 'vitest';
import { parseInstant } from '../../src/core/instant.ts';

test.each<[text: string, at: string | null]>([
  ['2026-11-22T07:00:00Z', '2026-11-22T07:00:00.000Z'],
  ['2026-11-22t07:00:00.25z', '2026-11-22T07:00:00.250Z'],
  ['2026-11-22T07:00:00+02:00', '2026-11-22T05:00:00.000Z'],
  ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
  ['2026-02-29T00:00:00Z', null],
  ['2026-02-30T00:00:00Z', null],
  ['2026-13-01T00:00:00Z', null],
  ['2026-11-22T24:00:00Z', null],
  ['2026-11-22T07:60:00Z', null],
  ['2026-11-22T07:00:60Z', null],
  ['2026-11-22T07:00:00', null],
  ['2026-11-22', null],
  ['2026-11-22 07:00:00Z', null],
  ['1795330800000', null],
  ['soon', null],
  ['', null],
])('%s is %s', (text, at) => {
  const epochMs = parseInstant(text);
  expect(epochMs === null ? null : new Date(epochMs).toISOString()).toBe(at);
});
