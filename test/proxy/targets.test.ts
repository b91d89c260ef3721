import { describe, expect, it } from 'vitest';
import { Targets } from '../../src/proxy/targets.ts';

const A = 'http://a';
const B = 'http://b';
const C = 'http://c';

function stage() {
  const time = { now: 0 };
  const ejected: string[] = [];
  const targets = new Targets(
    () => time.now,
    (origin) => ejected.push(origin),
  );
  const origins = [A, B, C];
  const picks = (count: number): string[] => Array.from({ length: count }, () => targets.pick(origins));
  return { time, ejected, targets, origins, picks };
}

describe('the origins of a list', () => {
  it('take turns', () => {
    expect(stage().picks(6)).toEqual([A, B, C, A, B, C]);
  });

  it('go on without one that cannot be connected to, which is tried again later, and later each time', () => {
    const { time, ejected, targets, picks } = stage();
    for (const outMs of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
      targets.failed(B, true);
      expect(picks(6)).not.toContain(B);
      time.now += outMs - 1;
      expect(picks(6)).not.toContain(B);
      time.now += 1;
      expect(picks(6)).toContain(B);
    }
    expect(ejected).toEqual(Array(7).fill(B));
    targets.answered(B);
    targets.failed(B, true);
    time.now += 1000;
    expect(picks(3)).toContain(B);
  });

  it('go on without one that took three requests in a row and answered none', () => {
    const { targets, picks } = stage();
    targets.failed(A, false);
    targets.failed(A, false);
    targets.answered(A);
    targets.failed(A, false);
    targets.failed(A, false);
    expect(picks(3)).toContain(A);
    targets.failed(A, false);
    expect(picks(6)).not.toContain(A);
  });

  it('are asked all the same when all are out, the one whose time ends first before the others', () => {
    const { time, targets, origins, picks } = stage();
    for (const origin of [C, A, B]) {
      targets.failed(origin, true);
      time.now += 10;
    }
    expect(picks(3)).toEqual([C, C, C]);
    expect(targets.pick(origins, [C])).toBe(A);
  });
});
