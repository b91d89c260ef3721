import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { KeyRecord } from '../../src/core/key.ts';
import { digestOf, type Digest } from '../../src/core/secret.ts';
import { KeyLookup } from '../../src/proxy/keys/lookup.ts';
import type { Lookup } from '../../src/proxy/keys/lookup-outcome.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordOf } from '../support/key-record.ts';
import { HeldSource } from '../support/key-source.ts';
import { Renewed } from '../support/renewed.ts';

/*
 * A key service with three keys of two owners, whose every change has a number, and a gate that asks it. Answers are
 * snapshots: taken at one moment, delivered at a later one, in any order. What the gate uses must never be older than
 * a change it has been told of, and what nobody has changed it must use.
 */
const FRESH_MS = 10_000;
const NEGATIVE_MS = 5000;
const OWNERS = ['o1', 'o1', 'o2'];
const DIGESTS = OWNERS.map((_, i) => digestOf(`key ${i}`));

interface World {
  /** The number of the newest change, told to the gate at once. */
  head: number;
  /** Number of the last change of each key, by itself or by its owner; also its version. */
  readonly changedAt: number[];
  readonly exists: boolean[];
}

type Step =
  | { readonly do: 'ask'; readonly key: number }
  | { readonly do: 'use'; readonly key: number }
  | { readonly do: 'snapshot'; readonly pick: number }
  | { readonly do: 'deliver'; readonly pick: number }
  | { readonly do: 'fail'; readonly pick: number }
  | { readonly do: 'change'; readonly key: number; readonly toggle: boolean }
  | { readonly do: 'change owner'; readonly owner: string }
  | { readonly do: 'wait'; readonly ms: number };

const key = fc.nat({ max: DIGESTS.length - 1 });
const pick = fc.nat({ max: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('ask' as const), key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('use' as const), key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('snapshot' as const), pick }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('deliver' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('change' as const), key, toggle: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('change owner' as const), owner: fc.constantFrom('o1', 'o2') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 4999, 5000, 10_000) }),
  },
);

class Play {
  readonly clock = new FakeClock();
  /** Ages are another test's. */
  readonly renewed = new Renewed({ clock: this.clock, fenceMs: 1e9 });
  readonly source = new HeldSource();
  readonly lookup = new KeyLookup({
    source: this.source,
    knowledge: this.renewed.knowledge,
    member: this.renewed.member,
    shared: null,
    clock: this.clock,
    events: { answered: () => undefined, took: () => undefined, coalesced: () => undefined },
    cacheSize: 10,
    freshForMs: FRESH_MS,
    negativeForMs: NEGATIVE_MS,
  });
  readonly world: World = { head: 0, changedAt: [0, 0, 0], exists: [true, true, false] };
  readonly #snapshots = new Map<number, { record: KeyRecord | null; asOf: number }>();
  readonly #answered = new Set<number>();
  /** For each key: when the question was asked whose answer the gate must still know. */
  readonly #known: ({ at: number; forMs: number } | null)[] = [null, null, null];
  readonly #askedAt: number[] = [];
  readonly #asking: Promise<void>[] = [];

  async step(one: Step): Promise<void> {
    switch (one.do) {
      case 'ask':
        this.#asking.push(
          this.lookup.ask(this.#digest(one.key), true).then((found) => this.#judge(one.key, found)),
        );
        break;
      case 'use':
        this.#use(one.key);
        break;
      case 'snapshot':
        this.#snapshot(this.#pickOpen(one.pick));
        break;
      case 'deliver':
        this.#deliver(this.#pickOpen(one.pick));
        break;
      case 'fail':
        this.#fail(this.#pickOpen(one.pick));
        break;
      case 'change':
        if (one.toggle) this.world.exists[one.key] = !this.world.exists[one.key];
        this.#change([one.key], { keyId: `k${one.key}`, ownerId: null, digest: this.#digest(one.key) });
        break;
      case 'change owner':
        this.#change(
          OWNERS.flatMap((owner, i) => (owner === one.owner ? [i] : [])),
          { keyId: null, ownerId: one.owner, digest: null },
        );
        break;
      case 'wait':
        this.clock.advance(one.ms);
    }
    await turn();
    // An overtaken question is asked anew by itself: those are asked now.
    while (this.#askedAt.length < this.source.questions.length) this.#askedAt.push(this.clock.monotonic());
  }

  async end(): Promise<void> {
    for (const question of this.source.questions) question.fail(new Error('over'));
    // Retries ask once more each.
    for (let i = 0; i < 3; i++) {
      await turn();
      for (const question of this.source.questions) question.fail(new Error('over'));
    }
    await Promise.all(this.#asking);
  }

  #digest(key: number): Digest {
    return DIGESTS[key] ?? digestOf('');
  }

  #pickOpen(pick: number): number {
    const open = this.source.questions.flatMap((_, i) => (this.#answered.has(i) ? [] : [i]));
    return open.length === 0 ? -1 : (open[pick % open.length] ?? -1);
  }

  #keyOf(question: number): number {
    return DIGESTS.indexOf(this.source.questions[question]?.digest ?? digestOf(''));
  }

  #snapshot(question: number): void {
    if (question === -1 || this.#snapshots.has(question)) return;
    const key = this.#keyOf(question);
    const { head, changedAt, exists } = this.world;
    const name = `version ${changedAt[key]}`;
    const record =
      exists[key] === true ? recordOf({ keyId: `k${key}`, name, owner: { id: OWNERS[key] ?? '' } }) : null;
    this.#snapshots.set(question, { record, asOf: head });
  }

  #deliver(question: number): void {
    if (question === -1) return;
    this.#snapshot(question);
    const { record, asOf } = this.#snapshots.get(question) ?? { record: null, asOf: 0 };
    this.#answered.add(question);
    const key = this.#keyOf(question);
    // An absent key has no owner the gate could know of, so a change of its owner leaves the answer as it is.
    if (asOf >= (this.world.changedAt[key] ?? 0)) {
      this.#known[key] = {
        at: this.#askedAt[question] ?? 0,
        forMs: record === null ? NEGATIVE_MS : FRESH_MS,
      };
    }
    this.source.questions[question]?.answer(record, asOf);
  }

  #fail(question: number): void {
    if (question === -1) return;
    this.#answered.add(question);
    this.source.questions[question]?.fail(new Error('away'));
  }

  #change(
    keys: readonly number[],
    names: { keyId: string | null; ownerId: string | null; digest: Digest | null },
  ): void {
    this.world.head++;
    for (const key of keys) {
      this.world.changedAt[key] = this.world.head;
      this.#known[key] = null;
    }
    this.renewed.renew(names);
  }

  #use(key: number): void {
    const found = this.lookup.cached(this.#digest(key), true);
    const known = this.#known[key] ?? null;
    const mustKnow = known !== null && this.clock.monotonic() - known.at < known.forMs;
    if (mustKnow) expect(found, 'what nobody has changed is known').not.toBeNull();
    if (found !== null) this.#judge(key, found);
  }

  /** Whatever the gate uses is what the world is like, by everything the gate was told. */
  #judge(key: number, found: Lookup): void {
    if (found.kind === 'unavailable') return;
    if (found.kind === 'unknown') {
      expect(this.world.exists[key], 'a key that is there is not called unknown').toBe(false);
      return;
    }
    expect(found.record.keyId).toBe(`k${key}`);
    expect(found.record.name, 'the newest version').toBe(`version ${this.world.changedAt[key]}`);
    expect(this.world.exists[key], 'a key that is gone is not used').toBe(true);
  }
}

it('an answer is never used after a change of its key or owner, in whatever order all of it happens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const play = new Play();
      for (const one of steps) await play.step(one);
      await play.end();
    }),
    { numRuns: 300 },
  );
});
