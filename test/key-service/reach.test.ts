import { describe, expect, test } from 'vitest';
import { Reach, type Course } from '../../src/key-service/fleet/reach.ts';
import type { FleetState, MemberRow } from '../../src/key-service/store/fleet.ts';

const FENCE = 2000;
const FENCED = 1.15 * FENCE;

const UNKNOWN = { committedAt: 0, witnessedAt: null };

const row = (id: string, more: Partial<MemberRow> = {}): MemberRow => ({
  id,
  epoch: 'e',
  applied: 6,
  staleIfErrorMs: 0,
  renewals: 1,
  ...more,
});

const state = (members: readonly MemberRow[], more: Partial<FleetState> = {}): FleetState => ({
  epoch: 'e',
  head: 7,
  members,
  redisRun: null,
  redisNaming: 0,
  redisSettled: true,
  ...more,
});

describe('a member has acknowledged change 7', () => {
  test.for<[string, MemberRow, Partial<FleetState>, boolean]>([
    ['when its row says so', row('a', { applied: 7 }), {}, true],
    ['when it is further', row('a', { applied: 9 }), { head: 9 }, true],
    ['not when it is behind', row('a', { applied: 6 }), {}, false],
    ['not by numbers of another epoch', row('a', { applied: 7, epoch: 'before' }), {}, false],
    ['not when it has seen numbers that the store has lost', row('a', { applied: 9 }), { head: 8 }, false],
    ['not when it has only begun', row('a', { applied: 0, epoch: '' }), {}, false],
  ])('%s', ([, then, more, acked]) => {
    const reach = new Reach(7, state([row('a')]));
    reach.see(state([then], more));
    expect(reach.waiting).toEqual(acked ? [] : ['a']);
    expect(reach.standing(0, UNKNOWN, FENCE).propagation.acked).toBe(acked ? 1 : 0);
  });

  test('and has done so for good', () => {
    const reach = new Reach(7, state([row('a', { applied: 7 }), row('b')]));
    reach.see(state([row('a', { applied: 0, epoch: 'f' }), row('b')], { epoch: 'f' }));
    expect(reach.waiting).toEqual(['b']);
  });

  test('and who joins later is not waited for', () => {
    const reach = new Reach(7, state([row('a')]));
    reach.see(state([row('a', { applied: 7 }), row('late', { applied: 0 })]));
    expect(reach.waiting).toEqual([]);
    expect(reach.standing(0, { committedAt: 0, witnessedAt: null }, FENCE).propagation.members).toBe(1);
  });
});

test('a member whose row has gone has not acknowledged and is waited for no longer: it is fenced', () => {
  const reach = new Reach(7, state([row('a', { staleIfErrorMs: 60_000 }), row('b', { applied: 7 })]));
  reach.see(state([row('b', { applied: 7 })]));
  reach.see(state([]));
  expect(reach.standing(0, UNKNOWN, FENCE)).toEqual({
    propagation: { members: 2, acked: 1, fenced: 1, fencedMembers: ['a'], waitingMembers: [] },
    leftMs: 0,
  });
});

describe('a member that is silent is fenced', () => {
  const cases: [string, number, Course, number][] = [
    ['a fence and its margin after the commit', 0, { committedAt: 100, witnessedAt: null }, 100 + FENCED],
    [
      'not by Redis, where it may go on and Redis may say otherwise',
      60_000,
      { committedAt: 100, witnessedAt: null },
      100 + 1.15 * 62_000,
    ],
    [
      'a fence after Redis has known the change',
      60_000,
      { committedAt: 100, witnessedAt: 150 },
      150 + FENCED,
    ],
    [
      'a fence after the commit, where Redis knew a later number before this process did',
      60_000,
      { committedAt: 100, witnessedAt: 50 },
      100 + FENCED,
    ],
    [
      'when its own time is over, though Redis was told much later',
      1000,
      { committedAt: 0, witnessedAt: 5000 },
      1.15 * 3000,
    ],
  ];
  test.for(cases)('%s', ([, staleIfErrorMs, course, at]) => {
    const reach = new Reach(7, state([row('a', { staleIfErrorMs })]));
    const before = reach.standing(at - 1, course, FENCE);
    expect(before.propagation).toMatchObject({
      members: 1,
      acked: 0,
      fenced: 0,
      fencedMembers: [],
      waitingMembers: ['a'],
    });
    expect(before.leftMs).toBeCloseTo(1);
    const after = reach.standing(at, course, FENCE);
    expect(after).toEqual({
      propagation: { members: 1, acked: 0, fenced: 1, fencedMembers: ['a'], waitingMembers: [] },
      leftMs: 0,
    });
  });

  test('by itself: of several, all must be', () => {
    const members = [row('acked', { applied: 7 }), row('short'), row('long', { staleIfErrorMs: 10_000 })];
    const reach = new Reach(7, state(members));
    const course = { committedAt: 0, witnessedAt: null };
    expect(reach.standing(FENCED, course, FENCE)).toEqual({
      propagation: { members: 3, acked: 1, fenced: 1, fencedMembers: ['short'], waitingMembers: ['long'] },
      leftMs: 1.15 * 12_000 - FENCED,
    });
  });
});
