import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { SharedAnswer } from '../../src/proxy/keys/shared-cache.ts';
import { digestOf } from '../../src/core/secret.ts';
import { recordOf } from '../support/key-record.ts';
import { KnownKeys } from '../support/key-source.ts';
import { FENCE_MS } from '../support/renewed.ts';
import { D1, RECORD, stage } from './lookup-stage.ts';

describe('a key in steady use', () => {
  it('is asked for anew before its time is over, and nobody waits for it', async () => {
    const { source, keys, warm, pass } = stage();
    await warm();
    for (let second = 1; second <= 60; second++) {
      pass(1000);
      for (let i = 0; i < 512; i++) expect(keys.cached(D1, true), `second ${second}`).not.toBeNull();
      // The answer takes its time.
      if (second % 2 === 0) source.last.answer(RECORD, 0);
      await turn();
    }
    expect(source.questions.length).toBeGreaterThanOrEqual(6);
    expect(source.questions.length).toBeLessThanOrEqual(8);
  });

  it('waits for nobody where an answer takes longer than was left, and is no stale one', async () => {
    const { source, told, keys, warm, pass } = stage({ freshForMs: 2000 });
    await warm();
    let askedAgo = 0;
    for (let ms = 0; ms < 20_000; ms += 100) {
      pass(100);
      const before = source.questions.length;
      expect(keys.cached(D1, false), `after ${ms} ms`).not.toBeNull();
      askedAgo = source.questions.length > before ? 0 : askedAgo + 100;
      if (askedAgo === 900) source.last.answer(RECORD, 0);
      await turn();
    }
    expect(source.questions.length).toBe(1 + Math.floor(20_000 / 1600));
    expect(new Set(told)).toEqual(new Set(['l1 hit', 'origin hit']));
  });

  it('is used for as long as renewals tell of no change, however long its question takes', async () => {
    const { source, told, keys, warm, pass } = stage();
    await warm();
    for (let minute = 0; minute < 60; minute++) {
      pass(60_000);
      expect(keys.cached(D1, false), `after ${minute} minutes`).not.toBeNull();
    }
    expect(source.questions).toHaveLength(2);
    expect(new Set(told)).toEqual(new Set(['l1 hit']));
  });

  it('is asked for as one of a hundred in a second, however many are in use', async () => {
    const source = new KnownKeys();
    const { keys, pass } = stage({ source, cacheSize: 5000 });
    const digests = Array.from({ length: 5000 }, (_, i) => digestOf(`key ${i}`));
    for (const digest of digests) source.records.set(digest, RECORD);
    for (const digest of digests) await keys.ask(digest, true);
    pass(10_000);
    const asked: number[] = [];
    for (let second = 0; second < 3; second++) {
      const before = source.asked;
      for (let ms = 0; ms < 1000; ms++) {
        for (let i = 0; i < 10; i++) keys.cached(digests[(ms * 10 + i) % 5000] ?? D1, true);
        await turn();
        pass(1);
      }
      asked.push(source.asked - before);
    }
    // The first second also has what was saved.
    expect(asked).toEqual([199, 100, 100]);
  });

  it('is asked for in its time also where all are used in one burst', async () => {
    const source = new KnownKeys();
    const { keys, pass } = stage({ source });
    const digests = Array.from({ length: 50 }, (_, i) => digestOf(`key ${i}`));
    for (const digest of digests) source.records.set(digest, RECORD);
    for (const digest of digests) await keys.ask(digest, true);
    for (let round = 0; round < 5; round++) {
      pass(10_000);
      for (const digest of digests) keys.cached(digest, true);
      await turn();
    }
    expect(source.asked).toBe(6 * 50);
  });

  it('is asked for, and is no stale one, while questions for another key fail', async () => {
    const { source, told, keys, warm, pass } = stage();
    await warm();
    for (let tenth = 0; tenth < 300; tenth++) {
      const broken = keys.ask(digestOf('broken'), true);
      source.last.fail(new Error('senseless'));
      await broken;
      expect(keys.cached(D1, false)).not.toBeNull();
      if (source.last.digest === D1) source.last.answer(RECORD, 0);
      await turn();
      pass(100);
    }
    expect(source.questions.filter(({ digest }) => digest === D1).length).toBe(4);
    expect(told).not.toContain('l1 stale');
  });

  it('is no stale one past its time, while renewals come and questions fail', async () => {
    const { source, told, keys, warm, pass } = stage();
    await warm();
    for (let second = 0; second < 30; second++) {
      pass(1000);
      expect(keys.cached(D1, false)).not.toBeNull();
      source.last.fail(new Error('away'));
      await turn();
    }
    expect(told).toContain('origin error');
    expect(told).not.toContain('l1 stale');
  });

  it('is waited for after a change, whatever is under way', async () => {
    const { renewed, keys, warm, pass } = stage();
    await warm();
    pass(9999);
    keys.cached(D1, true);
    pass(500);
    renewed.renew({ keyId: RECORD.keyId });
    expect(keys.cached(D1, true)).toBeNull();
  });

  it('is used no longer than its time where answers count by themselves', async () => {
    const { renewed, keys, warm, clock } = stage({ freshForMs: FENCE_MS / 2 });
    renewed.knowledge.standAlone();
    await warm();
    clock.advance(FENCE_MS / 2 - 1);
    expect(keys.cached(D1, true)).not.toBeNull();
    clock.advance(1);
    expect(keys.cached(D1, true)).toBeNull();
  });

  it('has what the key service said last', async () => {
    const { source, keys, warm, pass } = stage();
    await warm();
    pass(8000);
    keys.cached(D1, true);
    source.last.answer(recordOf({ name: 'renamed' }), 0);
    await turn();
    expect(keys.cached(D1, true)).toMatchObject({ record: { name: 'renamed' } });
  });

  it('is asked for again only every second while that fails', async () => {
    const { source, keys, warm, pass } = stage();
    await warm();
    const before = source.questions.length;
    pass(8000);
    for (let tenth = 0; tenth < 40; tenth++) {
      keys.cached(D1, true);
      source.last.fail(new Error('away'));
      await turn();
      pass(100);
    }
    expect(source.questions.length - before).toBe(4);
  });
});

describe('a key that is used again after its time, where answers count by themselves', () => {
  it('is waited for by all, also while another asks for it', async () => {
    const { source, renewed, keys, warm, clock } = stage();
    renewed.knowledge.standAlone();
    await warm();
    clock.advance(10_000);
    const asked = keys.ask(D1, true);
    for (let i = 0; i < 3; i++) {
      expect(keys.cached(D1, true)).toBeNull();
      clock.advance(100);
    }
    source.last.answer(RECORD, 0);
    await asked;
    expect(keys.cached(D1, true)).not.toBeNull();
  });
});

describe('a record of Redis that is older than freshFor', () => {
  const old = async (isAlone: boolean) => {
    const { clock, renewed, source, told, use, pass } = stage({
      shared: {
        find: async () => ({ kind: 'hit', answer }),
        settle: () => undefined,
      },
    });
    const from = { asOf: 0, generation: renewed.knowledge.generation, firstHand: false, currentAt: -1 };
    const askedAt = { now: clock.now(), monotonic: clock.monotonic() };
    const answer = { digest: D1, record: RECORD, askedAt, ...from };
    pass(60_000);
    if (isAlone) renewed.knowledge.standAlone();
    return { source, told, use };
  };

  it('is used where renewals tell of no change, and nobody is asked', async () => {
    const { source, told, use } = await old(false);
    expect(await use()).toMatchObject({ kind: 'found', source: 'l2' });
    expect(source.questions).toHaveLength(0);
    expect(told).toEqual(['l1 miss', 'l2 hit']);
  });

  it('is none where answers count by themselves', async () => {
    const { source, use } = await old(true);
    const used = use();
    await turn();
    expect(source.questions).toHaveLength(1);
    source.last.answer(RECORD, 0);
    expect(await used).toMatchObject({ kind: 'found', source: 'origin' });
  });
});

describe('a record of Redis that is older than what came meanwhile', () => {
  it('is not used, and does not take its place', async () => {
    const found = Promise.withResolvers<SharedAnswer>();
    const { renewed, clock, source, keys, pass } = stage({
      shared: { find: () => found.promise, settle: () => undefined },
    });
    const { generation } = renewed.knowledge;
    const before = { now: clock.now(), monotonic: clock.monotonic() };
    pass(9000);
    const recalled = keys.recall(D1, true);
    const asked = keys.ask(D1, true);
    source.last.answer(RECORD, 0);
    await asked;
    const old = { digest: D1, record: RECORD, asOf: 0, generation, askedAt: before, firstHand: false };
    found.resolve({ kind: 'hit', answer: { ...old, currentAt: -1 } });
    expect(await recalled).toMatchObject({ kind: 'found', source: 'l1', answer: { firstHand: true } });
    pass(1000);
    expect(keys.cached(D1, true)).toMatchObject({ kind: 'found', answer: { firstHand: true } });
  });
});
