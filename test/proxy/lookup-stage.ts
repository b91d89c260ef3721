import { setImmediate as turn } from 'node:timers/promises';
import { digestOf } from '../../src/core/secret.ts';
import type { LookupOptions } from '../../src/proxy/keys/lookup.ts';
import type { Lookup } from '../../src/proxy/keys/lookup-outcome.ts';
import { KeyLookup } from '../../src/proxy/keys/lookup.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordOf } from '../support/key-record.ts';
import { HeldSource } from '../support/key-source.ts';
import { Renewed } from '../support/renewed.ts';

export const D1 = digestOf('one');
export const RECORD = recordOf();
export const STALE_MS = 60_000;

/** A lookup whose every step is the test's; `refresh` renews where `renewals` answer. */
export function stage(options: Partial<LookupOptions> = {}) {
  const clock = new FakeClock();
  const renewed = new Renewed({ clock, staleIfErrorMs: STALE_MS });
  const source = new HeldSource();
  const told: string[] = [];
  const faults = { renewalsFail: false };
  let refreshed = 0;
  const keys = new KeyLookup({
    source,
    knowledge: renewed.knowledge,
    member: {
      async refresh() {
        refreshed++;
        await turn();
        if (!faults.renewalsFail) renewed.renew();
      },
    },
    shared: null,
    clock,
    events: {
      answered: (layer, result) => void told.push(`${layer} ${result}`),
      took: () => undefined,
      coalesced: () => undefined,
    },
    cacheSize: 100,
    freshForMs: 10_000,
    negativeForMs: 5000,
    early: 0.8,
    ...options,
  });
  const use = async (mayBeStale = true): Promise<Lookup> =>
    keys.cached(D1, mayBeStale) ?? (await keys.recall(D1, mayBeStale)) ?? (await keys.ask(D1, mayBeStale));
  /** The key is known from now on. */
  const warm = async (): Promise<void> => {
    const asked = use();
    await turn();
    source.last.answer(RECORD, 0);
    await asked;
    told.length = 0;
  };
  /** Time goes by, with renewals all the while. */
  const pass = (ms: number): void => {
    clock.advance(ms);
    if (!faults.renewalsFail) renewed.renew();
  };
  const witness = () => {
    const head = { epoch: renewed.epoch, number: renewed.head };
    renewed.knowledge.hear({ run: 'run1', head }, { now: clock.now(), monotonic: clock.monotonic() });
  };
  return { clock, renewed, source, told, faults, keys, use, warm, pass, witness, refreshed: () => refreshed };
}
