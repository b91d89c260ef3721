import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import type { Change, Grant } from '../../src/core/wire.ts';
import { Knowledge } from '../../src/proxy/keys/knowledge.ts';
import { momentOf } from '../../src/proxy/keys/moment.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordOf } from '../support/key-record.ts';

const D1 = digestOf('one');

function learner(options: { fenceMs?: number } = {}) {
  const clock = new FakeClock();
  const knowledge = new Knowledge({ clock, fenceMs: 2000, staleIfErrorMs: 0, ...options });
  const learn = (fields: Partial<Grant>) => {
    const grant = { epoch: 'e1', head: 0, changes: [], fenceMs: 2000, now: 0, redisRun: null, ...fields };
    return knowledge.learn(grant, momentOf(clock));
  };
  const judge = (asOf: number) =>
    knowledge.judge(
      {
        digest: D1,
        record: recordOf(),
        asOf,
        generation: knowledge.generation,
        askedAt: momentOf(clock),
        firstHand: false,
        currentAt: -1,
      },
      true,
    );
  return { clock, knowledge, learn, judge };
}

const changes = (from: number, to: number): Change[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    number: from + i,
    keyId: `other ${from + i}`,
    ownerId: null,
    digest: null,
  }));

describe('a grant', () => {
  it('that does not tell all yet makes nothing usable before the rest is told', () => {
    const { knowledge, learn, judge } = learner();
    expect(learn({ head: 5, changes: changes(1, 3) })).toBe('partial');
    expect([knowledge.applied, judge(5)]).toEqual([3, 'unconfirmed']);
    expect(learn({ head: 5, changes: changes(4, 5) })).toBe('complete');
    expect([knowledge.applied, judge(5)]).toEqual([5, 'certain']);
  });

  it.each<[string, Change[], number]>([
    ['begins after changes that are kept no longer', changes(8, 9), 7],
    ['tells of no change, though there are some', [], 9],
    ['leaves some out', [...changes(1, 3), ...changes(6, 9)], 5],
  ])('that %s makes what is older than those unusable', (_, told, forgotten) => {
    const { knowledge, learn, judge } = learner();
    expect(learn({ head: 9, changes: told })).toBe('complete');
    expect(knowledge.applied).toBe(9);
    expect([judge(forgotten - 1), judge(forgotten)]).toEqual(['outdated', 'certain']);
  });

  it('that tells of changes anew tells nothing', () => {
    const { knowledge, learn, judge } = learner();
    learn({ head: 4, changes: changes(1, 4) });
    expect(learn({ head: 4, changes: changes(2, 4) })).toBe('complete');
    expect([knowledge.applied, judge(0)]).toEqual([4, 'certain']);
  });

  it('of another epoch begins anew, with what it tells of that epoch', () => {
    const { knowledge, learn, judge } = learner();
    learn({ head: 4, changes: changes(1, 4) });
    const { generation } = knowledge;
    learn({ epoch: 'e2', head: 2, changes: changes(1, 2) });
    expect(knowledge).toMatchObject({ epoch: 'e2', applied: 2, generation: generation + 1 });
    expect(judge(0)).toBe('certain');
  });

  it('of another epoch makes nothing usable either before all of it is told', () => {
    const { learn, judge } = learner();
    learn({ head: 4, changes: changes(1, 4) });
    expect(judge(4)).toBe('certain');
    expect(learn({ epoch: 'e2', head: 5, changes: changes(1, 3) })).toBe('partial');
    expect(judge(5)).toBe('unconfirmed');
  });

  it('whose head has gone back begins anew, too: its numbers mean other changes now', () => {
    const { knowledge, learn, judge } = learner();
    learn({ head: 4, changes: changes(1, 4) });
    const { generation } = knowledge;
    learn({ head: 3 });
    expect(knowledge).toMatchObject({ epoch: 'e1', applied: 3, generation: generation + 1 });
    expect([judge(2), judge(3)]).toEqual(['outdated', 'certain']);
  });

  it('can shorten the fence and not lengthen it', () => {
    const { knowledge, learn } = learner({ fenceMs: 1000 });
    learn({ fenceMs: 5000 });
    expect(knowledge.fenceMs).toBe(1000);
    learn({ fenceMs: 300 });
    expect(knowledge.fenceMs).toBe(300);
    learn({ fenceMs: 800 });
    expect(knowledge.fenceMs).toBe(800);
  });
});

describe('keys expire', () => {
  it("by the key service's time, never behind it, and by our own before it has told", () => {
    const { clock, knowledge } = learner();
    expect(knowledge.now()).toBe(clock.now());
    const sentAt = momentOf(clock);
    clock.advance(300);
    const grant = { epoch: 'e', head: 0, changes: [], fenceMs: 2000, redisRun: null };
    knowledge.learn({ ...grant, now: 1_000_000 }, sentAt);
    // The key service may have looked at its clock right after the question was sent.
    expect(knowledge.now()).toBe(1_000_300);
    clock.advance(50);
    expect(knowledge.now()).toBe(1_000_350);
    clock.stepWall(-5000);
    expect(knowledge.now()).toBe(1_000_350);
  });
});

describe('a key service that offers no renewals', () => {
  it('is believed for a fence at a time', () => {
    const { clock, knowledge } = learner();
    knowledge.standAlone();
    const asked = { digest: D1, record: recordOf(), asOf: 0, generation: knowledge.generation };
    const answer = { ...asked, askedAt: momentOf(clock), firstHand: true, currentAt: -1 };
    clock.advance(1999);
    expect(knowledge.judge(answer, true)).toBe('certain');
    clock.advance(1);
    expect(knowledge.judge(answer, true)).toBe('unconfirmed');
  });

  it('that offers them later is a member like any other from then on', () => {
    const { clock, knowledge, learn } = learner();
    knowledge.standAlone();
    learn({});
    expect(knowledge.alone).toBe(false);
    clock.advance(2000);
    expect(knowledge.renewalAgeMs).toBe(2000);
  });
});
