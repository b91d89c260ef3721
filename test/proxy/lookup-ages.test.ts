import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import type { Lookup } from '../../src/proxy/keys/lookup-outcome.ts';
import type { SharedAnswer } from '../../src/proxy/keys/shared-cache.ts';
import { recordOf } from '../support/key-record.ts';
import { FENCE_MS } from '../support/renewed.ts';
import { D1, RECORD, STALE_MS, stage } from './lookup-stage.ts';

describe('a key that nobody has', () => {
  it('is not asked for early', async () => {
    const { source, keys, use, pass } = stage();
    const asked = use();
    await turn();
    source.last.answer(null, 0);
    await asked;
    pass(4999);
    expect(keys.cached(D1, true)).toMatchObject({ kind: 'unknown' });
    expect(source.questions).toHaveLength(1);
  });
});

describe('what is known for too long without a renewal', () => {
  it('is renewed once for all that need it, and no key is asked for', async () => {
    const { clock, source, told, use, warm, refreshed } = stage();
    await warm();
    clock.advance(FENCE_MS);
    const lookups = await Promise.all(Array.from({ length: 50 }, () => use()));
    expect(lookups.every(({ kind }) => kind === 'found')).toBe(true);
    expect([source.questions.length, refreshed(), new Set(told)]).toEqual([1, 50, new Set(['l1 hit'])]);
  });

  it('is asked for where renewals fail and lookups do not', async () => {
    const { clock, source, faults, use, warm } = stage();
    await warm();
    faults.renewalsFail = true;
    clock.advance(FENCE_MS);
    const asked = use();
    for (let i = 0; i < 5; i++) await turn();
    source.last.answer(RECORD, 0);
    expect(await asked).toMatchObject({ kind: 'found', source: 'origin' });
  });
});

describe('with the key service away', () => {
  const away = async () => {
    const it = stage();
    await it.warm();
    it.faults.renewalsFail = true;
    /** One use, whose question fails. */
    const useInVain = async (mayBeStale = true): Promise<Lookup> => {
      const asked = it.use(mayBeStale);
      for (let i = 0; i < 5; i++) await turn();
      it.source.last.fail(new Error('away'));
      return asked;
    };
    return { ...it, useInVain };
  };

  it('a warm key goes on for staleIfError while the witness confirms, counted as stale, and no longer', async () => {
    const { clock, told, witness, useInVain } = await away();
    const kinds: string[] = [];
    for (let second = 1; second <= 62; second++) {
      clock.advance(1000);
      witness();
      kinds.push((await useInVain()).kind);
    }
    expect(kinds).toEqual([
      ...Array<string>(STALE_MS / 1000 - 1).fill('found'),
      ...Array<string>(3).fill('unavailable'),
    ]);
    expect(told.filter((what) => what === 'l1 stale').length).toBeGreaterThanOrEqual(57);
  });

  it('it ends with the fence where there is no witness, and on routes that allow no staleness', async () => {
    for (const [mayBeStale, isConfirmed] of [
      [true, false],
      [false, true],
    ] as const) {
      const { clock, witness, useInVain } = await away();
      clock.advance(FENCE_MS - 1);
      expect((await useInVain(mayBeStale)).kind).toBe('found');
      clock.advance(1);
      if (isConfirmed) witness();
      expect((await useInVain(mayBeStale)).kind).toBe('unavailable');
    }
  });

  it('a key past its time is used without waiting', async () => {
    const { clock, keys, witness } = await away();
    clock.advance(11_000);
    witness();
    expect(keys.cached(D1, true)).toMatchObject({ kind: 'found', source: 'l1' });
  });

  it('a key that changed is not used, whatever stood', async () => {
    const { clock, renewed, witness, useInVain } = await away();
    renewed.renew({ keyId: RECORD.keyId });
    clock.advance(FENCE_MS);
    witness();
    expect((await useInVain()).kind).toBe('unavailable');
  });

  it('a key that nobody has known here is unavailable, and not unknown', async () => {
    const { clock, keys, source, witness } = await away();
    clock.advance(FENCE_MS);
    witness();
    const asked = keys.ask(digestOf('cold'), true);
    source.last.fail(new Error('away'));
    expect((await asked).kind).toBe('unavailable');
  });
});

describe('an answer that has seen less than one that is held', () => {
  it('does not take its place: what was revoked is not revived', async () => {
    const { renewed, source, keys, use, pass } = stage();
    const asked = use();
    await turn();
    // The key service has told of the revocation before the renewal that tells of the change.
    source.last.answer(recordOf({ revokedAt: 1 }), 5);
    await asked;
    renewed.renew({}, {}, {}, {}, { keyId: RECORD.keyId });
    pass(8000);
    keys.cached(D1, true);
    for (let attempt = 0; attempt < 3; attempt++) {
      source.last.answer(recordOf(), 4);
      await turn();
    }
    expect(keys.cached(D1, true)).toMatchObject({ record: { revokedAt: 1 } });
  });
});

describe('numbers that go back', () => {
  it('empty the cache where an answer had seen more than the next renewal tells of: changes were lost', async () => {
    const { renewed, source, keys, use, pass } = stage();
    const asked = use();
    await turn();
    source.last.answer(RECORD, 100);
    await asked;
    pass(500);
    expect([keys.cached(D1, true), keys.entries]).toEqual([null, 0]);
    renewed.renew({ keyId: RECORD.keyId });
    const again = use();
    await turn();
    source.last.answer(recordOf({ revokedAt: 1 }), 1);
    expect(await again).toMatchObject({ record: { revokedAt: 1 } });
  });

  it('of a key service without renewals are no obstacle once what they were before counts no more', async () => {
    const { renewed, source, keys, use, clock } = stage({ shared: null });
    renewed.knowledge.standAlone();
    const asked = use();
    await turn();
    source.last.answer(RECORD, 100);
    await asked;
    clock.advance(FENCE_MS);
    const again = keys.ask(D1, true);
    source.last.answer(recordOf({ name: 'counted anew' }), 0);
    expect(await again).toMatchObject({ kind: 'found', record: { name: 'counted anew' } });
  });
});

describe('a record of Redis that has seen less than what came meanwhile', () => {
  it('is not used', async () => {
    const found = Promise.withResolvers<SharedAnswer>();
    const { renewed, clock, source, keys } = stage({
      shared: { find: () => found.promise, settle: () => undefined },
    });
    const recalled = keys.recall(D1, true);
    const asked = keys.ask(D1, true);
    source.last.answer(recordOf({ name: 'renamed' }), 5);
    await asked;
    const { generation } = renewed.knowledge;
    const askedAt = { now: clock.now(), monotonic: clock.monotonic() };
    const old = { digest: D1, record: RECORD, asOf: 4, generation, askedAt, firstHand: false, currentAt: -1 };
    found.resolve({ kind: 'hit', answer: old });
    expect(await recalled).toMatchObject({ record: { name: 'renamed' } });
  });
});

describe('a new epoch', () => {
  it('empties the cache, and drops the answers to questions of before', async () => {
    const { renewed, source, keys, use, warm } = stage();
    await warm();
    const cold = keys.ask(digestOf('cold'), true);
    const question = source.last;
    renewed.renewEpoch('e2', 0);
    expect([keys.cached(D1, true), keys.entries]).toEqual([null, 0]);
    question.answer(RECORD, 9);
    await turn();
    expect(source.last).not.toBe(question);
    source.last.answer(RECORD, 0);
    expect(await cold).toMatchObject({ kind: 'found', answer: { asOf: 0 } });
    void use();
  });
});
