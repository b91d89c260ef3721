import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { Changes, type About } from '../../src/proxy/keys/changes.ts';
import { FakeClock } from '../support/fake-clock.ts';

const MINUTE_MS = 60_000;
const D1 = digestOf('one');
const D2 = digestOf('two');

const about = (fields: Partial<About>): About => ({ digest: D1, keyId: 'k1', ownerId: 'o1', ...fields });

describe('an answer is out of date', () => {
  const cases: Record<string, [Parameters<Changes['apply']>[0], boolean]> = {
    'when its key has changed since': [{ number: 5, keyId: 'k1', ownerId: null, digest: null }, false],
    'when its owner has changed since': [{ number: 5, keyId: null, ownerId: 'o1', digest: null }, false],
    'when its digest has changed since': [{ number: 5, keyId: null, ownerId: null, digest: D1 }, false],
    'not by a change of another key': [{ number: 5, keyId: 'k2', ownerId: null, digest: D2 }, true],
    'not by a change of another owner': [{ number: 5, keyId: 'k2', ownerId: 'o2', digest: D2 }, true],
    'not by a key that is called like its owner': [
      { number: 5, keyId: 'o1', ownerId: 'k1', digest: D2 },
      true,
    ],
    'not by a change it has seen': [{ number: 4, keyId: 'k1', ownerId: 'o1', digest: D1 }, true],
  };

  it.each(Object.entries(cases))('%s', (_, [change, current]) => {
    const changes = new Changes(new FakeClock());
    changes.apply(change);
    expect(changes.isCurrent(about({}), 4)).toBe(current);
  });

  it('also when it says that nobody has the key, by the digest alone', () => {
    const changes = new Changes(new FakeClock());
    changes.apply({ number: 5, keyId: 'k1', ownerId: 'o1', digest: D1 });
    const nobody = { digest: D1, keyId: null, ownerId: null };
    expect(changes.isCurrent(nobody, 4)).toBe(false);
    expect(changes.isCurrent(nobody, 5)).toBe(true);
    expect(changes.isCurrent({ ...nobody, digest: D2 }, 4)).toBe(true);
  });
});

describe('changes are kept for 15 minutes', () => {
  it('and what is older than the newest forgotten one is not believed any more', () => {
    const clock = new FakeClock();
    const changes = new Changes(clock);
    changes.apply({ number: 5, keyId: 'k9', ownerId: 'o9', digest: D2 });
    clock.advance(15 * MINUTE_MS);
    changes.apply({ number: 6, keyId: 'k8', ownerId: 'o8', digest: D2 });
    expect(changes.isCurrent(about({}), 4)).toBe(true);
    clock.advance(1);
    changes.apply({ number: 7, keyId: 'k8', ownerId: 'o8', digest: D2 });
    expect(changes.isCurrent(about({}), 4)).toBe(false);
    expect(changes.isCurrent(about({}), 5)).toBe(true);
    expect(changes.isCurrent(about({ keyId: 'k8' }), 6)).toBe(false);
  });
});

describe('whatever changes come and whenever', () => {
  const names = fc.record({
    keyId: fc.constantFrom(null, 'k1', 'k2', 'k3'),
    ownerId: fc.constantFrom(null, 'o1', 'o2'),
    digest: fc.constantFrom(null, D1, D2),
  });
  const steps = fc.array(
    fc.record({
      change: names,
      asked: names,
      behind: fc.nat({ max: 6 }),
      waitMs: fc.constantFrom(0, 1, MINUTE_MS, 14 * MINUTE_MS),
    }),
    { minLength: 1, maxLength: 60 },
  );

  it('an answer that a later change touches is never current, and one that saw all of them always is', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const clock = new FakeClock();
        const changes = new Changes(clock);
        const applied: { keyId: string | null; ownerId: string | null; digest: string | null; at: number }[] =
          [];
        for (const { change, asked, behind, waitMs } of history) {
          clock.advance(waitMs);
          applied.push({ ...change, at: clock.monotonic() });
          changes.apply({ number: applied.length, ...change });
          const question: About = { ...asked, digest: asked.digest ?? D1 };
          const asOf = Math.max(0, applied.length - behind);
          const later = applied.slice(asOf);
          const touched = later.some(
            (one) =>
              (one.keyId !== null && one.keyId === question.keyId) ||
              (one.ownerId !== null && one.ownerId === question.ownerId) ||
              one.digest === question.digest,
          );
          const current = changes.isCurrent(question, asOf);
          if (touched) expect(current).toBe(false);
          const kept = later.every(({ at }) => at >= clock.monotonic() - 15 * MINUTE_MS);
          if (!touched && kept) expect(current).toBe(true);
          expect(changes.isCurrent(question, applied.length)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});
