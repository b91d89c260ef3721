import { describe, expect, it } from 'vitest';
import { Roll } from '../../src/proxy/roll.ts';

class One {
  place = 0;
  told = 0;
}

function rollOf(all: readonly One[]): Roll<One> {
  const roll = new Roll<One>();
  for (const one of all) roll.add(one);
  return roll;
}

const several = (count: number): One[] => Array.from({ length: count }, () => new One());

describe('those on a roll', () => {
  it.each([0, 1, 2, 3])('are all told but the one that was taken out, number %i of four', (gone) => {
    const all = several(4);
    const roll = rollOf(all);
    roll.remove(all[gone] as One);
    roll.forEach((one) => one.told++);
    expect(all.map(({ told }) => told)).toEqual(all.map((_, i) => (i === gone ? 0 : 1)));
  });

  it('are each told once, however many are taken out meanwhile', () => {
    const all = several(50);
    const roll = rollOf(all);
    roll.forEach((one) => {
      one.told++;
      if (all.indexOf(one) % 3 !== 0) roll.remove(one);
    });
    expect(all.map(({ told }) => told)).toEqual(all.map(() => 1));
    roll.forEach((one) => one.told++);
    expect(all.map(({ told }) => told)).toEqual(all.map((_, i) => (i % 3 === 0 ? 2 : 1)));
  });
});
