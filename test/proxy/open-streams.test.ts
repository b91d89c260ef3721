import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Permit } from '../../src/core/decision.ts';
import { NO_SLOT } from '../../src/core/limit.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import { Secret } from '../../src/core/secret.ts';
import { Knowledge } from '../../src/proxy/keys/knowledge.ts';
import { KeyLookup } from '../../src/proxy/keys/lookup.ts';
import type { Place } from '../../src/proxy/routes.ts';
import { OpenStreams } from '../../src/proxy/streams.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordOf } from '../support/key-record.ts';
import { HeldSource } from '../support/key-source.ts';
import { FENCE_MS, Renewed } from '../support/renewed.ts';

const STALE_MS = 60_000;
const SWEEP_MS = 250;
const KEY = new Secret('a key');

/** `alone`: the key service offers no renewals. */
function stage({ alone = false } = {}) {
  const clock = new FakeClock();
  const renewed = new Renewed({ clock, staleIfErrorMs: STALE_MS });
  const strange = new Knowledge({ clock, fenceMs: FENCE_MS, staleIfErrorMs: 0 });
  if (alone) strange.standAlone();
  const knowledge = alone ? strange : renewed.knowledge;
  const source = new HeldSource();
  const away = { renewals: false };
  const keys = new KeyLookup({
    source,
    knowledge,
    member: {
      async refresh() {
        await turn();
        if (!away.renewals) renewed.renew();
      },
    },
    shared: null,
    clock,
    events: { answered: () => undefined, took: () => undefined, coalesced: () => undefined },
    cacheSize: 100,
    freshForMs: 10_000,
    negativeForMs: 5000,
  });
  const streams = new OpenStreams(keys, knowledge, clock);
  let ended = 0;
  const open = (
    count: number,
    { key = recordOf(), mayBeStale = true }: Partial<{ key: KeyRecord; mayBeStale: boolean }> = {},
  ) =>
    Array.from({ length: count }, () => {
      const permit = { key, credential: { secret: KEY }, route: { route: { mayBeStale } }, slot: NO_SLOT };
      return streams.watch(permit as unknown as Permit<Place>, () => {
        ended++;
      });
    });
  /** Time goes by in sweeps; the key service answers each question with `says`, or fails it. */
  const pass = async (
    ms: number,
    says: KeyRecord | null | 'fails' | 'nothing' = 'nothing',
  ): Promise<void> => {
    for (let left = ms; left > 0; left -= SWEEP_MS) {
      clock.advance(SWEEP_MS);
      if (!away.renewals) renewed.renew();
      streams.sweep();
      for (let i = 0; i < 5; i++) await turn();
      if (says === 'fails') source.questions.at(-1)?.fail(new Error('away'));
      else if (says !== 'nothing') source.questions.at(-1)?.answer(says, renewed.head);
      for (let i = 0; i < 5; i++) await turn();
    }
  };
  return { clock, renewed, source, away, open, pass, ended: () => ended };
}

describe('streams of a key', () => {
  it('end when it is revoked, however many, with one question', async () => {
    const { renewed, source, open, pass, ended } = stage();
    open(5000);
    await pass(1000, recordOf());
    const before = source.questions.length;
    renewed.renew({ keyId: 'key-1' });
    await pass(500, recordOf({ revokedAt: 1 }));
    expect([ended(), source.questions.length - before]).toEqual([5000, 1]);
  });

  it.each<[string, KeyRecord | null]>([
    ['is gone', null],
    ['has a disabled owner', recordOf({ owner: { enabled: false } })],
  ])('end when it %s', async (_, now) => {
    const { renewed, open, pass, ended } = stage();
    open(2);
    await pass(1000, recordOf());
    renewed.renew({ ownerId: 'owner-1' });
    await pass(500, now);
    expect(ended()).toBe(2);
  });

  it('end when it expires, and not before', async () => {
    const { clock, open, pass, ended } = stage();
    const key = recordOf({ expiresAt: clock.now() + 5000 });
    open(3, { key });
    await pass(4750, key);
    expect(ended()).toBe(0);
    await pass(250, key);
    expect(ended()).toBe(3);
  });

  it('stay when it is only renamed, and those that have closed are forgotten', async () => {
    const { renewed, open, pass, ended } = stage();
    const [close] = open(3);
    close?.();
    await pass(1000, recordOf());
    renewed.renew({ keyId: 'key-1' });
    await pass(3000, recordOf({ name: 'renamed' }));
    expect(ended()).toBe(0);
    renewed.renew({ keyId: 'key-1' });
    await pass(500, recordOf({ revokedAt: 1 }));
    expect(ended()).toBe(2);
  });

  it('that open after the others have ended are watched, too', async () => {
    const { renewed, open, pass, ended } = stage();
    open(1);
    await pass(1000, recordOf());
    renewed.renew({ keyId: 'key-1' });
    await pass(500, null);
    open(1);
    await pass(500, null);
    expect(ended()).toBe(2);
  });
});

describe('a changed key that nobody can tell more of', () => {
  it('has its streams ended within two seconds', async () => {
    const { renewed, open, pass, ended } = stage();
    open(2);
    await pass(1000, recordOf());
    renewed.renew({ keyId: 'key-1' });
    await pass(1500, 'fails');
    expect(ended()).toBe(0);
    await pass(500, 'fails');
    expect(ended()).toBe(2);
  });
});

describe('streams that nobody can confirm', () => {
  it.each([
    ['go on for staleIfError after the latest renewal', true, STALE_MS],
    ['go on for the fence where the route allows no staleness', false, FENCE_MS],
  ])('%s', async (_, mayBeStale, longestMs) => {
    const { away, open, pass, ended } = stage();
    open(2, { mayBeStale });
    await pass(1000, recordOf());
    away.renewals = true;
    await pass(longestMs - SWEEP_MS, 'fails');
    expect(ended()).toBe(0);
    await pass(2 * SWEEP_MS, 'fails');
    expect(ended()).toBe(2);
  });

  it('are not ended for a pause of the process: it renews first', async () => {
    const { clock, open, pass, ended } = stage();
    open(2);
    await pass(1000, recordOf());
    clock.advance(2 * STALE_MS);
    await pass(5000, recordOf());
    expect(ended()).toBe(0);
  });
});

describe('with a key service that offers no renewals', () => {
  it('a key is asked for once in a fence as long as it has streams', async () => {
    const { source, open, pass, ended } = stage({ alone: true });
    open(2);
    await pass(10_000, recordOf());
    expect(ended()).toBe(0);
    expect(source.questions.length).toBeGreaterThanOrEqual(4);
    expect(source.questions.length).toBeLessThanOrEqual(7);
    await pass(FENCE_MS + 500, recordOf({ revokedAt: 1 }));
    expect(ended()).toBe(2);
  });
});
