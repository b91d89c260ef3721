import { expect, it } from 'vitest';
import { deny, type Denial } from '../../src/core/decision.ts';
import { Decisions } from '../../src/proxy/decisions.ts';
import { openExchange } from '../../src/proxy/record.ts';
import type { Place } from '../../src/proxy/routes.ts';
import { recordOf } from '../support/key-record.ts';

const STATE = {
  renewalAgeMs: Infinity,
  fenceMs: 2000,
  keyServiceBreaker: 'closed',
  redisKeys: true,
  redisLimits: false,
} as const;

class Memory {
  readonly decisions = new Decisions(() => STATE);
  #ended = 0;

  refuse(requestId: string, denial: Denial<Place>, url = '/x', toldAt = 1_900_000_000_000): void {
    const about = { requestId, method: 'GET', url, address: '192.0.2.1', userAgent: null };
    const exchange = { ...openExchange(about, 0), decision: denial, toldAt, status: 429 };
    this.decisions.keep({ ...exchange, dependencies: this.decisions.dependencies() }, url, ++this.#ended);
  }

  told(requestId: string): Record<string, unknown>[] {
    return this.decisions.told(requestId) as Record<string, unknown>[];
  }
}

const stranger = deny<Place>('unknown_key', {});
const known = deny<Place>('rate_limited', { key: recordOf() }, { retryAfterMs: 1500 });

it('a flood of strangers pushes out the oldest strangers, and nobody with a key', () => {
  const memory = new Memory();
  memory.refuse('known', known);
  for (let i = 0; i < 10_000; i++) memory.refuse(`stranger ${i}`, stranger);
  expect(memory.told('stranger 0')).toEqual([]);
  expect(memory.told('stranger 9999')).toHaveLength(1);
  expect(memory.told('known')).toMatchObject([{ reason: 'rate_limited', key_id: 'key-1' }]);
});

it('at least a thousand refusals are remembered, and a bounded number', () => {
  const memory = new Memory();
  for (let i = 0; i < 20_000; i++) memory.refuse(`${i}`, known);
  const remembered = Array.from({ length: 20_000 }, (_, i) => memory.told(`${i}`).length);
  expect(remembered.slice(-1000).every((found) => found === 1)).toBe(true);
  expect(remembered.filter((found) => found > 0).length).toBeLessThan(5000);
});

it('of requests that are allowed 256 are remembered in a second, and for a second at least', () => {
  const { decisions } = new Memory();
  const allow = (requestId: string, endedAt: number): void => {
    const about = { requestId, method: 'GET', url: '/x', address: '192.0.2.1', userAgent: null };
    decisions.keep({ ...openExchange(about, 0), status: 200 }, '/x', endedAt);
  };
  const rememberedOf = (name: string): number =>
    Array.from({ length: 300 }, (_, i) => decisions.told(`${name} ${i}`)).filter((told) => told.length > 0)
      .length;
  for (let i = 0; i < 300; i++) allow(`first ${i}`, 1000 + i);
  expect(rememberedOf('first')).toBe(256);
  allow('too early', 1999);
  allow('in time', 2000);
  expect([decisions.told('too early'), decisions.told('in time')].map(({ length }) => length)).toEqual([
    0, 1,
  ]);
  for (let i = 0; i < 300; i++) allow(`second ${i}`, 2300 + i);
  expect([rememberedOf('first'), rememberedOf('second')]).toEqual([0, 255]);
});

it('of one id that is used again and again the newest are told first, and not all', () => {
  const memory = new Memory();
  for (let i = 0; i < 100; i++) memory.refuse('same', i % 2 === 0 ? stranger : known, `/${i}`);
  const paths = memory.told('same').map(({ path }) => path);
  expect(paths).toEqual(Array.from({ length: 20 }, (_, i) => `/${99 - i}`));
});

it('numbers that nobody was told are not told later', () => {
  const memory = new Memory();
  memory.refuse('bare', known, '/', 0);
  memory.refuse('told', known);
  expect(memory.told('bare')).toMatchObject([{ headers: {} }]);
  expect(memory.told('told')).toMatchObject([{ headers: { 'Retry-After': '2' } }]);
});

it('what the gate depends on is told as it stood', () => {
  const memory = new Memory();
  memory.refuse('one', known);
  expect(memory.told('one')).toMatchObject([
    {
      dependencies: {
        key_service: { renewal_age_ms: null, fence_ms: 2000, breaker: 'closed' },
        redis: { keys: 'up', limits: 'away' },
        upstream: null,
      },
    },
  ]);
});
