import { describe, expect, it } from 'vitest';
import { BucketFamily, NumberFamily } from '../../src/runtime/series.ts';

const about = { name: 'x', help: 'x', labelNames: ['route'] };

/** Each told value by its name and labels. */
async function told(family: NumberFamily | BucketFamily): Promise<Record<string, number>> {
  const { values, name } = await family.get();
  return Object.fromEntries(
    values.map(({ metricName = name, labels, value }) => [
      `${metricName} ${Object.values(labels).join(' ')}`.trim(),
      value,
    ]),
  );
}

describe('a family of series', () => {
  it('tells of a child once something was done with it', async () => {
    const family = new NumberFamily('counter', about);
    family.labels('a');
    family.labels('b').inc(0);
    family.labels('c').inc();
    family.labels('c').inc(2);
    expect(await told(family)).toEqual({ 'x b': 0, 'x c': 3 });
  });

  it('tells no more of a child that was removed, until it comes again', async () => {
    const family = new NumberFamily('gauge', { ...about, labelNames: [] });
    family.set(5);
    expect(await told(family)).toEqual({ x: 5 });
    family.remove();
    expect(await told(family)).toEqual({});
    family.set(1);
    expect(await told(family)).toEqual({ x: 1 });
  });

  it('takes a value for each label, no more and no fewer', () => {
    const family = new NumberFamily('counter', about);
    expect(() => family.labels()).toThrow(RangeError);
    expect(() => family.labels('a', 'b')).toThrow(RangeError);
  });

  it('keeps labels apart whose values read alike when put together', async () => {
    const family = new NumberFamily('counter', { ...about, labelNames: ['one', 'two'] });
    family.labels('a b', 'c').inc();
    family.labels('a', 'b c').inc(2);
    expect((await family.get()).values.map(({ value }) => value)).toEqual([1, 2]);
  });
});

describe('a histogram', () => {
  it('counts in each bucket what is at most its bound, and sums all', async () => {
    const family = new BucketFamily(about, [0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 1, 7]) family.labels('r').observe(value);
    expect(await told(family)).toEqual({
      'x_bucket 0.1 r': 2,
      'x_bucket 1 r': 4,
      'x_bucket +Inf r': 5,
      'x_sum r': 8.65,
      'x_count r': 5,
    });
  });

  it('of no labels is told of before anything was observed', async () => {
    const family = new BucketFamily({ ...about, labelNames: [] }, [1]);
    expect(await told(family)).toEqual({ 'x_bucket 1': 0, 'x_bucket +Inf': 0, x_sum: 0, x_count: 0 });
  });
});
