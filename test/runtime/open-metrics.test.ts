import { describe, expect, it } from 'vitest';
import { openMetricsOf, wantsOpenMetrics } from '../../src/runtime/open-metrics.ts';

describe('a scraper gets OpenMetrics', () => {
  it.each([
    ['application/openmetrics-text', true],
    ['application/openmetrics-text; version=1.0.0; charset=utf-8', true],
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      true,
    ],
    ['text/plain, Application/OpenMetrics-Text;q=0.5', true],
    ['', false],
    ['*/*', false],
    ['text/plain; version=0.0.4', false],
    ['application/openmetrics-text;q=0', false],
    ['application/openmetrics-text; version=2.0.0', false],
    ['text/plain; note=application/openmetrics-text', false],
  ])('for Accept: %s, %s', (accept, expected) => {
    expect(wantsOpenMetrics(accept)).toBe(expected);
  });
});

it('OpenMetrics names families of counters without their ending, has no empty line and says where it ends', () => {
  const text = [
    '# HELP a_total Counted',
    '# TYPE a_total counter',
    'a_total{of="x # TYPE a_total counter"} 1',
    '',
    '# HELP b_total A gauge of a bad name',
    '# TYPE b_total gauge',
    'b_total 2',
    '',
  ].join('\n');
  expect(openMetricsOf(text).split('\n')).toEqual([
    '# HELP a Counted',
    '# TYPE a counter',
    'a_total{of="x # TYPE a_total counter"} 1',
    '# HELP b_total A gauge of a bad name',
    '# TYPE b_total gauge',
    'b_total 2',
    '# EOF',
    '',
  ]);
});
