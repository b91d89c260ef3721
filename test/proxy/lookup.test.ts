import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import type { KeySource } from '../../src/core/wire.ts';
import { KeyLookup, type LookupOptions } from '../../src/proxy/keys/lookup.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordOf } from '../support/key-record.ts';
import { HeldSource, KnownKeys } from '../support/key-source.ts';
import { Renewed } from '../support/renewed.ts';

const D1 = digestOf('one');
const RECORD = recordOf({});

function lookupOver<S extends KeySource>(source: S, options: Partial<LookupOptions> = {}) {
  const clock = new FakeClock();
  const renewed = new Renewed({ clock, fenceMs: 60_000 });
  const told: string[] = [];
  const events = {
    answered: (layer: string, result: string) => void told.push(`${layer} ${result}`),
    took: () => undefined,
    coalesced: () => void told.push('coalesced'),
  };
  const lookup = new KeyLookup({
    source,
    knowledge: renewed.knowledge,
    member: renewed.member,
    shared: null,
    clock,
    events,
    cacheSize: 100,
    freshForMs: 10_000,
    negativeForMs: 5000,
    ...options,
  });
  return { source, clock, renewed, lookup, told };
}

describe('a key that was looked up', () => {
  it('is known without asking for as long as freshFor says, counted from before the question', async () => {
    const { source, clock, lookup } = lookupOver(new HeldSource(), { early: 1 });
    const asked = lookup.ask(D1, true);
    clock.advance(900);
    source.last.answer(RECORD, 1);
    expect(await asked).toMatchObject({
      kind: 'found',
      record: RECORD,
      answer: { asOf: 1 },
      source: 'origin',
    });
    clock.advance(9099);
    expect(lookup.cached(D1, true)).toMatchObject({ kind: 'found', record: RECORD, source: 'l1' });
    expect(source.questions).toHaveLength(1);
    clock.advance(1);
    expect(lookup.cached(D1, true)).toMatchObject({ kind: 'found', record: RECORD, source: 'l1' });
    expect(source.questions).toHaveLength(2);
  });

  it('is known no longer than freshFor where no renewal tells of changes', async () => {
    const { source, clock, renewed, lookup } = lookupOver(new KnownKeys(), { early: 1 });
    renewed.knowledge.standAlone();
    source.records.set(D1, RECORD);
    await lookup.ask(D1, true);
    clock.advance(9999);
    expect(lookup.cached(D1, true)).toMatchObject({ kind: 'found', record: RECORD, source: 'l1' });
    clock.advance(1);
    expect(lookup.cached(D1, true)).toBeNull();
  });

  it('is asked for each time where freshFor is 0 and no renewal tells of changes', async () => {
    const { source, renewed, lookup } = lookupOver(new KnownKeys(), { freshForMs: 0, negativeForMs: 0 });
    renewed.knowledge.standAlone();
    source.records.set(D1, RECORD);
    for (let i = 0; i < 3; i++) {
      expect(lookup.cached(D1, true)).toBeNull();
      expect((await lookup.ask(D1, true)).kind).toBe('found');
    }
    expect(source.asked).toBe(3);
  });

  it('is forgotten as the least recently used one when the cache is full', async () => {
    const { source, lookup } = lookupOver(new KnownKeys(), { cacheSize: 3 });
    const digests = ['a', 'b', 'c', 'd'].map((text) => digestOf(text));
    for (const digest of digests) source.records.set(digest, RECORD);
    for (const digest of digests.slice(0, 3)) await lookup.ask(digest, true);
    lookup.cached(digests[0] ?? D1, true);
    await lookup.ask(digests[3] ?? D1, true);
    expect(digests.map((digest) => lookup.cached(digest, true) !== null)).toEqual([true, false, true, true]);
  });
});

describe('a key that nobody has', () => {
  it('is known to be unknown for as long as negativeFor says, counted from before the question', async () => {
    const { source, clock, lookup } = lookupOver(new HeldSource());
    const asked = lookup.ask(D1, true);
    clock.advance(900);
    source.last.answer(null, 1);
    expect(await asked).toEqual({ kind: 'unknown', source: 'origin' });
    clock.advance(4099);
    expect(lookup.cached(D1, true)).toEqual({ kind: 'unknown', source: 'l1' });
    clock.advance(1);
    expect(lookup.cached(D1, true)).toBeNull();
  });

  it('works as soon as it is created', async () => {
    const { source, renewed, lookup } = lookupOver(new KnownKeys());
    await lookup.ask(D1, true);
    source.records.set(D1, RECORD);
    source.asOf = 1;
    renewed.renew({ keyId: RECORD.keyId, ownerId: RECORD.owner.id, digest: D1 });
    expect(lookup.cached(D1, true)).toBeNull();
    expect(await lookup.ask(D1, true)).toMatchObject({ kind: 'found', answer: { asOf: 1 } });
    expect(lookup.cached(D1, true)).toMatchObject({ kind: 'found' });
  });

  it('takes no room from real keys, however many are guessed', async () => {
    const { source, lookup } = lookupOver(new KnownKeys(), { cacheSize: 10 });
    const real = Array.from({ length: 10 }, (_, i) => digestOf(`real ${i}`));
    for (const digest of real) source.records.set(digest, RECORD);
    for (const digest of real) await lookup.ask(digest, true);
    for (let i = 0; i < 30_000; i++) await lookup.ask(digestOf(`guess ${i}`), true);
    expect(real.every((digest) => lookup.cached(digest, true)?.kind === 'found')).toBe(true);
    expect(lookup.entries).toBeLessThanOrEqual(10 + 10_000);
  });
});

describe('one question', () => {
  it('serves everybody who asks while it is under way', async () => {
    const { source, lookup, told } = lookupOver(new HeldSource());
    const asked = Array.from({ length: 1000 }, () => lookup.ask(D1, true));
    const other = lookup.ask(digestOf('two'), true);
    expect(source.questions.map(({ digest }) => digest)).toEqual([D1, digestOf('two')]);
    source.questions[0]?.answer(RECORD, 0);
    source.questions[1]?.answer(null, 0);
    expect(new Set(await Promise.all(asked))).toHaveLength(1);
    expect(await other).toMatchObject({ kind: 'unknown' });
    expect(told.filter((event) => event === 'coalesced')).toHaveLength(999);
    void lookup.ask(D1, true);
    expect(source.questions).toHaveLength(3);
  });

  it('is not asked where 10,000 are under way, and the next is as soon as one has ended', async () => {
    const { source, lookup } = lookupOver(new HeldSource());
    const all = Array.from({ length: 10_000 }, (_, i) => lookup.ask(digestOf(String(i)), true));
    expect(await lookup.ask(D1, true)).toMatchObject({ kind: 'unavailable' });
    expect(source.questions).toHaveLength(10_000);
    source.questions[0]?.answer(null, 0);
    await all[0];
    const asked = lookup.ask(D1, true);
    source.last.answer(RECORD, 0);
    expect(await asked).toMatchObject({ kind: 'found' });
    for (const question of source.questions) question.answer(null, 0);
  });

  it('that fails says nothing about the key, and is asked anew by the next', async () => {
    const { source, lookup, told } = lookupOver(new HeldSource());
    const asked = [lookup.ask(D1, true), lookup.ask(D1, true)];
    source.last.fail(new TypeError('socket hang up'));
    expect(await Promise.all(asked)).toEqual([
      { kind: 'unavailable', detail: 'TypeError' },
      { kind: 'unavailable', detail: 'TypeError' },
    ]);
    expect(lookup.cached(D1, true)).toBeNull();
    const next = lookup.ask(D1, true);
    source.last.answer(RECORD, 0);
    expect(await next).toMatchObject({ kind: 'found' });
    expect(told).toEqual(['coalesced', 'origin error', 'l1 miss', 'origin hit']);
  });

  it('that throws before it is a promise is a failed one', async () => {
    const { lookup } = lookupOver({
      resolve() {
        throw new RangeError('no');
      },
    });
    expect(await lookup.ask(D1, true)).toEqual({ kind: 'unavailable', detail: 'RangeError' });
  });

  it('whose answer is overtaken each time is given up after three', async () => {
    const { source, renewed, lookup } = lookupOver(new HeldSource());
    const asked = lookup.ask(D1, true);
    for (let number = 1; number <= 3; number++) {
      renewed.renew({ keyId: RECORD.keyId });
      expect(source.questions).toHaveLength(number);
      source.last.answer(RECORD, number - 1);
      await turn();
    }
    expect(await asked).toMatchObject({ kind: 'unavailable' });
    expect(source.questions).toHaveLength(3);
    expect(lookup.cached(D1, true)).toBeNull();
  });
});

describe('a key service that does not answer', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is given up after a second, also where it takes no notice of being told to stop', async () => {
    const { source, lookup, told } = lookupOver(new HeldSource());
    let ended = false;
    const asked = lookup.ask(D1, true).finally(() => {
      ended = true;
    });
    await vi.advanceTimersByTimeAsync(999);
    expect([ended, source.last.signal.aborted]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(1);
    expect([ended, source.last.signal.aborted]).toEqual([true, true]);
    expect(await asked).toEqual({ kind: 'unavailable', detail: 'TimeoutError' });
    expect(told).toEqual(['origin error']);
  });

  it('may answer or fail later without any effect', async () => {
    const { source, lookup } = lookupOver(new HeldSource());
    const [first, second] = [lookup.ask(D1, true), lookup.ask(digestOf('two'), true)];
    await vi.advanceTimersByTimeAsync(1000);
    await Promise.all([first, second]);
    source.questions[0]?.answer(RECORD, 0);
    source.questions[1]?.fail(new Error('too late'));
    await turn();
    expect(lookup.cached(D1, true)).toBeNull();
    expect(lookup.entries).toBe(0);
  });

  it('leaves no timer behind when it did', async () => {
    const { source, lookup } = lookupOver(new HeldSource());
    const asked = lookup.ask(D1, true);
    source.last.answer(RECORD, 0);
    await asked;
    expect(vi.getTimerCount()).toBe(0);
  });
});
