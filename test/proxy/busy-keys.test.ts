import { describe, expect, it } from 'vitest';
import { BusyKeys } from '../../src/proxy/busy-keys.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { readExposition } from '../support/exposition.ts';

/** So many seats, and what a scrape has of them. */
function seats(most: number) {
  const metrics = createMetrics({ version: 'test', revision: 'test' });
  const keys = new BusyKeys(metrics);
  keys.adopt(most);
  const samples = async (name: string) =>
    readExposition((await metrics.scrape()).text).get(`plexgate_${name}`)?.samples ?? [];
  return {
    keys,
    ask: (keyId: string, times: number): void => {
      for (let i = 0; i < times; i++) keys.count(keyId);
    },
    byKey: async () =>
      Object.fromEntries(
        (await samples('key_requests_total')).map((one) => [one.labels['key_id'], one.value]),
      ),
    others: async () => (await samples('key_requests_other_total'))[0]?.value,
  };
}

describe('requests by key', () => {
  it('are not counted where the configuration does not say for how many', async () => {
    const { ask, byKey, others } = seats(0);
    ask('a', 3);
    expect([await byKey(), await others()]).toEqual([{}, 0]);
  });

  it('are counted for as many keys as it says, those of the others together', async () => {
    const { ask, byKey, others } = seats(2);
    ask('a', 3);
    ask('b', 1);
    ask('c', 5);
    ask('d', 2);
    ask('a', 1);
    expect([await byKey(), await others()]).toEqual([{ a: 4, b: 1 }, 7]);
  });

  it('are those of the busiest after the next sweep, who begin at nothing', async () => {
    const { keys, ask, byKey, others } = seats(2);
    ask('a', 3);
    ask('b', 1);
    ask('c', 2);
    ask('d', 1);
    keys.sweep();
    expect(await byKey()).toEqual({ a: 3, c: 0 });
    ask('c', 4);
    ask('b', 1);
    expect([await byKey(), await others()]).toEqual([{ a: 3, c: 4 }, 4]);
    // Who had as many as somebody with a seat stays without one.
    keys.sweep();
    expect(await byKey()).toEqual({ c: 4, b: 0 });
    keys.sweep();
    expect(await byKey()).toEqual({ c: 4, b: 0 });
  });

  it('make no more series than there are seats, whatever keys come', async () => {
    const { keys, ask, byKey, others } = seats(5);
    for (let minute = 0; minute < 20; minute++) {
      for (let i = 0; i < 1000; i++) ask(`key-${minute}-${i}`, 1 + (i % 7));
      expect(Object.keys(await byKey())).toHaveLength(5);
      keys.sweep();
      expect(Object.keys(await byKey())).toHaveLength(5);
    }
    expect(await others()).toBeGreaterThan(20 * 3000);
  });

  it('go with the seats that another configuration takes away, the least busy first', async () => {
    const { keys, ask, byKey } = seats(3);
    ask('a', 2);
    ask('b', 1);
    ask('c', 3);
    keys.adopt(2);
    expect(await byKey()).toEqual({ a: 2, c: 3 });
    keys.adopt(0);
    ask('a', 1);
    expect(await byKey()).toEqual({});
  });
});
