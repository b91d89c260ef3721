import { describe, expect, it } from 'vitest';
import { KINDS, WELL, type Kind } from '../../proof/faults/callers.ts';
import { readDeclared, rowName } from '../../proof/faults/declared.ts';
import { FAULT_NAMES } from '../../proof/faults/dependency.ts';
import type { Cell, Row } from '../../proof/faults/measure.ts';
import { SCENES } from '../../proof/faults/scenes.ts';
import { verdictOf } from '../../proof/faults/verdict.ts';

const declared = readDeclared();
const NAME = 'Redis, unreachable';

function rowWith(kind: Kind, cell: Partial<Cell>): Row {
  const cells = Object.fromEntries(
    KINDS.map((one) => {
      const good: Cell = {
        atFirst: new Map([[WELL[one], 10]]),
        settled: new Map([[WELL[one], 10]]),
        reasons: [],
        mute: 0,
        addedFirstMs: 1,
        addedLaterMs: 0,
        recoveredMs: 0,
      };
      return [one, one === kind ? { ...good, ...cell } : good];
    }),
  ) as Record<Kind, Cell>;
  return { cells, lost: 0, staleServed: 0 };
}

describe('what the documents declare of faults', () => {
  it('is said of each fault of each dependency', () => {
    const names = Object.keys(SCENES).flatMap((one) => FAULT_NAMES.map((fault) => rowName(one, fault)));
    expect([...declared.keys()].toSorted()).toEqual(names.toSorted());
  });

  it('is read as it is written', () => {
    expect(declared.get(NAME)).toMatchObject({
      cold: { statuses: [200], waitsMs: 50, backMs: 2000 },
      limited: { statuses: [503, 200], waitsMs: 150, laterMs: 2, backMs: 2000 },
    });
    expect(declared.get('upstream, garbage')?.warm).toMatchObject({ waitsMs: 50, laterMs: 5 });
    expect(declared.get('upstream, stalled')?.warm.laterMs).toBe(Infinity);
  });
});

describe('a measured row', () => {
  it('is good as declared', () => {
    const row = rowWith('limited', { atFirst: new Map([[503, 5]]), addedFirstMs: 120 });
    expect(verdictOf(NAME, row, declared.get(NAME))).toEqual({ wrong: [], late: [] });
  });

  it.each<[string, Kind, Partial<Cell>]>([
    ['another status', 'warm', { atFirst: new Map([[503, 1]]) }],
    ['a revoked key let through', 'revoked', { settled: new Map([[200, 1]]) }],
    ['a defect', 'limited', { atFirst: new Map([[500, 1]]) }],
    ['a 503 that does not say when to come again', 'limited', { mute: 1 }],
  ])('is wrong by %s, on any machine', (_, kind, cell) => {
    const { wrong, late } = verdictOf(NAME, rowWith(kind, cell), declared.get(NAME));
    expect([wrong.length, late.length === 0 || kind === 'revoked']).toEqual([1, true]);
  });

  it.each<[string, Kind, Partial<Cell>]>([
    ['a wait', 'cold', { addedFirstMs: 51 }],
    ['a slower p99', 'warm', { addedLaterMs: 2.1 }],
    ['a late recovery', 'cold', { recoveredMs: 2001 }],
    ['an answer that was to pass', 'limited', { settled: new Map([[503, 1]]) }],
  ])('is late by %s', (_, kind, cell) => {
    const { wrong, late } = verdictOf(NAME, rowWith(kind, cell), declared.get(NAME));
    expect([wrong.length, late.length]).toEqual([0, 1]);
  });
});
