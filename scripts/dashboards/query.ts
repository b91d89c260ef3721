/** Which series a dashboard looks at, by its variables. */
const CHOSEN = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"';

/** The series of a metric that are chosen, and have these labels. */
export function series(metric: string, labels = ''): string {
  return `${metric}{${[CHOSEN, labels].filter((text) => text !== '').join(',')}}`;
}

/** What a counter counts in a second. */
export function rate(metric: string, labels = ''): string {
  return `rate(${series(metric, labels)}[$__rate_interval])`;
}

/** The sum of what a counter counts in a second, by some of its labels. */
export function ratesBy(by: string, metric: string, labels = ''): string {
  return `sum by (${by}) (${rate(metric, labels)})`;
}

/** One part of a counter beside another, or beside all of it. */
export function share(metric: string, part: string, whole = '', by = ''): string {
  const sum = by === '' ? 'sum' : `sum by (${by}) `;
  return `${sum}(${rate(metric, part)}) / ${sum}(${rate(metric, whole)})`;
}

/** A question and what its answers are called; `{{label}}` stands for a label's value. */
export type Query = readonly [expression: string, legend: string];

/** The median of a histogram and its 95th and 99th percentiles, all that differ in `by` apart. */
export function percentiles(metric: string, labels = '', by = ''): readonly Query[] {
  const kept = ['le', by].filter((text) => text !== '').join(', ');
  const legend = by === '' ? '' : `{{${by}}} `;
  return [50, 95, 99].map((percent) => [
    `histogram_quantile(${percent / 100}, sum by (${kept}) (${rate(`${metric}_bucket`, labels)}))`,
    `${legend}p${percent}`,
  ]);
}
