import { describe, expect, it } from 'vitest';
import { FailedAuthentications } from '../../src/proxy/failed-authentications.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { limitsOf } from '../support/key-record.ts';

const MINUTE_MS = 60_000;

function counting(limit: string | null) {
  const clock = new FakeClock();
  const [parsed = null] = limit === null ? [] : limitsOf(limit);
  const failures = new FailedAuthentications(parsed, clock);
  const fail = (address: string, times: number): number[] =>
    Array.from({ length: times }, () => failures.count(address));
  return { clock, failures, fail };
}

describe('failed authentications of one address', () => {
  it('are within the allowance ten times in 15 minutes, and then told when the next will be', () => {
    const { clock, fail } = counting('10/15m');
    expect(fail('203.0.113.9', 10)).toEqual(Array(10).fill(0));
    clock.advance(MINUTE_MS);
    expect(fail('203.0.113.9', 3)).toEqual(Array(3).fill(14 * MINUTE_MS));
    clock.advance(14 * MINUTE_MS - 1);
    expect(fail('203.0.113.9', 1)).toEqual([1]);
    clock.advance(1);
    expect(fail('203.0.113.9', 11)).toEqual([...Array<number>(10).fill(0), 15 * MINUTE_MS]);
  });

  it('beyond the allowance do not make it longer', () => {
    const { clock, fail } = counting('2/15m');
    fail('203.0.113.9', 2);
    for (let minute = 0; minute < 15; minute++) {
      expect(fail('203.0.113.9', 100).every((wait) => wait > 0)).toBe(true);
      clock.advance(MINUTE_MS);
    }
    expect(fail('203.0.113.9', 1)).toEqual([0]);
  });

  it('do not count for another address', () => {
    const { fail } = counting('1/15m');
    fail('203.0.113.9', 5);
    expect(fail('203.0.113.10', 1)).toEqual([0]);
  });

  it('count for the whole /64 of an IPv6 address', () => {
    const { fail } = counting('2/15m');
    fail('2001:db8:1:2::1', 1);
    fail('2001:0db8:1:2:ffff:ffff::', 1);
    expect(fail('2001:db8:1:2:3::', 1)[0]).toBeGreaterThan(0);
    expect(fail('2001:db8:1:3::1', 1)).toEqual([0]);
  });

  it('are not counted at all when switched off', () => {
    const { failures, fail } = counting(null);
    expect(fail('203.0.113.9', 1000).every((wait) => wait === 0)).toBe(true);
    expect(failures.coldLookupAfter('203.0.113.9')).toBe(0);
  });

  it('are remembered for the 20,000 addresses that failed last', () => {
    const { fail } = counting('2/15m');
    const failOthers = (network: number, count: number): void => {
      for (let i = 0; i < count; i++) fail(`${network}.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1);
    };
    fail('203.0.113.9', 2);
    failOthers(10, 1);
    expect(fail('203.0.113.9', 1)[0]).toBeGreaterThan(0);
    failOthers(11, 19_999);
    expect(fail('203.0.113.9', 1)[0]).toBeGreaterThan(0);
    failOthers(12, 20_000);
    expect(fail('203.0.113.9', 1)).toEqual([0]);
  });
});

describe('a lookup of a key the gate does not know', () => {
  it('is free for an address that never failed and for one within its allowance', () => {
    const { failures, fail } = counting('3/15m');
    fail('203.0.113.9', 2);
    for (let i = 0; i < 100; i++) {
      expect(failures.coldLookupAfter('203.0.113.9')).toBe(0);
      expect(failures.coldLookupAfter('203.0.113.10')).toBe(0);
    }
  });

  it('is made five times a second for an address over its allowance', () => {
    const { clock, failures, fail } = counting('3/15m');
    fail('203.0.113.9', 3);
    let made = 0;
    for (let i = 0; i < 1000; i++) {
      if (failures.coldLookupAfter('203.0.113.9') === 0) made++;
      clock.advance(10);
    }
    expect(made).toBe(50);
  });

  it('says when it may be made, and a refused one costs nothing', () => {
    const { clock, failures, fail } = counting('1/15m');
    fail('203.0.113.9', 1);
    for (let i = 0; i < 5; i++) failures.coldLookupAfter('203.0.113.9');
    clock.advance(400);
    for (let i = 0; i < 100; i++) expect(failures.coldLookupAfter('203.0.113.9')).toBe(600);
    clock.advance(600);
    expect(failures.coldLookupAfter('203.0.113.9')).toBe(0);
  });

  it('is free again when the failures are past', () => {
    const { clock, failures, fail } = counting('1/15m');
    fail('203.0.113.9', 1);
    clock.advance(15 * MINUTE_MS);
    for (let i = 0; i < 100; i++) expect(failures.coldLookupAfter('203.0.113.9')).toBe(0);
  });
});
