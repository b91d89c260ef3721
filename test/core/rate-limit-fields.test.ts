import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LimitState } from '../../src/core/limit.ts';
import {
  RATE_LIMIT_FIELD_NAMES,
  named,
  rateLimitFields,
  retryAfterSeconds,
} from '../../src/core/rate-limit-fields.ts';

interface Item {
  readonly name: string;
  readonly parameters: Record<string, number>;
}

/** A List of Strings with Integer parameters by RFC 9651 section 4.2, read letter by letter; throws on anything else. */
function parseList(text: string): Item[] {
  let at = 0;
  const fail = (what: string): never => {
    throw new SyntaxError(`${what} at ${at} of ${text}`);
  };
  const take = (letter: string): void => {
    if (text.charAt(at) !== letter) fail(`no ${letter}`);
    at++;
  };
  const run = (letters: string): string => {
    const start = at;
    while (at < text.length && letters.includes(text.charAt(at))) at++;
    return text.slice(start, at);
  };
  const string = (): string => {
    take('"');
    let value = '';
    while (text.charAt(at) !== '"') {
      if (text.charAt(at) === '\\') at++;
      const code = text.charCodeAt(at);
      if (Number.isNaN(code) || code < 0x20 || code > 0x7e) fail('no visible letter');
      value += text.charAt(at++);
    }
    at++;
    return value;
  };
  const item = (): Item => {
    const name = string();
    const parameters: Record<string, number> = {};
    while (text.charAt(at) === ';') {
      at++;
      run(' ');
      const key = run('abcdefghijklmnopqrstuvwxyz');
      if (key === '' || key in parameters) fail('no new key');
      take('=');
      const digits = run('0123456789');
      if (digits === '' || digits.length > 15) fail('no integer');
      parameters[key] = Number(digits);
    }
    return { name, parameters };
  };
  const items = [item()];
  while (at < text.length) {
    run(' \t');
    take(',');
    run(' \t');
    items.push(item());
  }
  return items;
}

function fieldsOf(states: readonly LimitState[], nowEpochMs: number): Record<string, string> {
  const flat = rateLimitFields(states, nowEpochMs);
  return Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])));
}

const limits = fc.array(
  fc.record({
    quota: fc.integer({ min: 1, max: 999_999_999 }),
    windowMs: fc.integer({ min: 1, max: 31 * 86_400 }).map((seconds) => seconds * 1000),
  }),
  { minLength: 1, maxLength: 4 },
);
const states = fc
  .tuple(
    fc.constantFrom('owner' as const, 'key' as const),
    limits,
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
  )
  .map(([partition, list, parts]) =>
    named(partition, list).map((limit, i) => ({
      limit,
      remaining: Math.floor((parts[2 * i] ?? 0) * limit.quota),
      resetAfterMs: Math.round((parts[2 * i + 1] ?? 0) * limit.windowMs * 1024) / 1024,
    })),
  );

describe('the fields of a limited answer', () => {
  test('name each limit with its quota, window, what is left and when more is free', () => {
    const [perMinute, perQuarter] = named('owner', [
      { quota: 100, windowMs: 60_000 },
      { quota: 1000, windowMs: 900_000 },
    ]);
    const list = [
      { limit: perMinute!, remaining: 99, resetAfterMs: 60_000 },
      { limit: perQuarter!, remaining: 7, resetAfterMs: 1234.5 },
    ];
    expect(fieldsOf(list, 1_700_000_000_000)).toEqual({
      'RateLimit-Policy': '"owner-minute";q=100;w=60, "owner-15m";q=1000;w=900',
      RateLimit: '"owner-minute";r=99;t=60, "owner-15m";r=7;t=2',
      'X-RateLimit-Limit': '1000',
      'X-RateLimit-Remaining': '7',
      'X-RateLimit-Reset': '1700000002',
    });
  });

  test('are none where no limit holds', () => {
    expect(rateLimitFields([], 0)).toEqual([]);
  });

  test('read as Structured Fields: names, whole numbers, one item for each limit in both', () => {
    fc.assert(
      fc.property(states, fc.nat(), (list, now) => {
        const fields = fieldsOf(list, now);
        const policies = parseList(fields['RateLimit-Policy'] ?? '');
        const current = parseList(fields['RateLimit'] ?? '');
        expect(policies).toEqual(
          list.map(({ limit }) => ({
            name: limit.name,
            parameters: { q: limit.quota, w: limit.windowMs / 1000 },
          })),
        );
        expect(current.map(({ name }) => name)).toEqual(policies.map(({ name }) => name));
        expect(current.map(({ parameters }) => parameters['r'])).toEqual(
          list.map(({ remaining }) => remaining),
        );
      }),
      { numRuns: 500 },
    );
  });

  test('never name a moment before it comes, nor one more than a second after', () => {
    fc.assert(
      fc.property(states, fc.integer({ min: 0, max: 4e12 }), (list, now) => {
        const fields = fieldsOf(list, now);
        for (const [i, { parameters }] of parseList(fields['RateLimit'] ?? '').entries()) {
          const lateMs = (parameters['t'] ?? Number.NaN) * 1000 - (list[i]?.resetAfterMs ?? Number.NaN);
          expect(lateMs >= 0 && lateMs < 1000).toBe(true);
        }
        const tightest = list.reduce((a, b) => (b.remaining < a.remaining ? b : a));
        const resets = list
          .filter((state) => state.remaining === tightest.remaining)
          .map((state) => state.resetAfterMs);
        const lateMs = Number(fields['X-RateLimit-Reset']) * 1000 - (now + Math.max(...resets));
        expect(lateMs >= 0 && lateMs < 1000).toBe(true);
        expect(fields['X-RateLimit-Remaining']).toBe(String(tightest.remaining));
      }),
      { numRuns: 500 },
    );
  });

  test('are all on the list of those that replace an upstream’s own', () => {
    fc.assert(
      fc.property(states, (list) => {
        const names = Object.keys(fieldsOf(list, 0)).map((name) => name.toLowerCase());
        expect(names.toSorted()).toEqual([...RATE_LIMIT_FIELD_NAMES].toSorted());
      }),
      { numRuns: 5 },
    );
  });

  test('the X- fields speak of the limit that ends first: fewest left, then longest to wait', () => {
    const [a, b] = named('key', [
      { quota: 5, windowMs: 1000 },
      { quota: 9, windowMs: 60_000 },
    ]);
    const list = [
      { limit: a!, remaining: 0, resetAfterMs: 10 },
      { limit: b!, remaining: 0, resetAfterMs: 5000 },
    ];
    expect(fieldsOf(list, 0)).toMatchObject({ 'X-RateLimit-Limit': '9', 'X-RateLimit-Reset': '5' });
  });
});

test.each<[partition: 'owner' | 'key', windowMs: number, name: string]>([
  ['owner', 1000, 'owner-second'],
  ['owner', 60_000, 'owner-minute'],
  ['key', 3_600_000, 'key-hour'],
  ['key', 86_400_000, 'key-day'],
  ['owner', 900_000, 'owner-15m'],
])('a limit of the %s over %i ms is called %s', (partition, windowMs, name) => {
  expect(named(partition, [{ quota: 7, windowMs }])).toEqual([{ quota: 7, windowMs, name }]);
});

describe('Retry-After', () => {
  test.each([
    [0, 1],
    [0.1, 1],
    [1, 1],
    [1000, 1],
    // What a difference of two instants leaves of a second.
    [1000.000_000_12, 1],
    [1000.001, 2],
    [59_999, 60],
    [60_000, 60],
  ])('for %d ms is %i', (ms, seconds) => {
    expect(retryAfterSeconds(ms)).toBe(seconds);
  });

  test('is a whole number of at least 1, never early and less than a second late', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 31 * 86_400_000, noNaN: true }), (ms) => {
        const seconds = retryAfterSeconds(ms);
        expect(Number.isInteger(seconds) && seconds >= 1).toBe(true);
        expect(seconds * 1000).toBeGreaterThanOrEqual(ms - 1e-4);
        expect(seconds * 1000 - Math.max(ms, 1)).toBeLessThan(1000);
      }),
    );
  });
});
