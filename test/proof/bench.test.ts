import { describe, expect, it } from 'vitest';
import { median, processorRatios, throughputRatios, type Sample } from '../../bench/figures.ts';
import { chosen, readOptions } from '../../bench/options.ts';
import { plot } from '../../bench/plot.ts';
import { markdown } from '../../bench/table.ts';

const sample = (perSecond: number, cpuMicroseconds = 1e6 / perSecond): Sample => ({
  perSecond,
  cpuMicroseconds,
  p50Ms: 1,
  p99Ms: 2,
  mebibytes: 50,
});

describe('the figures of the benchmark', () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
    [[Number.NaN, 5], 5],
  ])('the median of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it('a ratio compares within each round, so that a slow round counts for nothing', () => {
    const figures = {
      'gate leased': [sample(80), sample(8), sample(90)],
      undici: [sample(100), sample(10), sample(300)],
    };
    expect(throughputRatios(figures)).toEqual({ 'leased/undici': 0.8 });
  });

  it('a ratio by the processor says how much less time a request takes', () => {
    const figures = { 'gate leased': [sample(1, 200)], undici: [sample(1, 100)] };
    expect(processorRatios(figures)).toEqual({ 'leased/undici': 0.5 });
  });

  it('servers that were not there have no ratio', () => {
    expect(throughputRatios({ 'gate leased': [sample(1)] })).toEqual({});
  });

  it('its plot has a bar for each server', () => {
    expect(plot('GET', { nginx: [sample(1000)], undici: [sample(500)] }).match(/<rect/g)).toHaveLength(3);
  });

  it('its tables are as wide as their widest cells', () => {
    expect(
      markdown([
        ['a', 'b'],
        ['long name', '1'],
      ]),
    ).toBe('| a         | b   |\n| --------- | --- |\n| long name | 1   |');
  });
});

describe('the options of the benchmark', () => {
  const things = [{ name: 'get-32' }, { name: 'echo' }];

  it('words that name something choose it, and words that name nothing choose nothing', () => {
    expect(chosen(things, ['echo'])).toEqual([{ name: 'echo' }]);
    expect(chosen(things, ['nginx'])).toEqual(things);
  });

  it.each(['0', '1.5', 'some'])('%s rounds are refused', (rounds) => {
    expect(() => readOptions(['--rounds', rounds])).toThrow('--rounds takes a whole number');
  });
});
