import type { Case } from './cases.ts';
import { medianOf, ratio, type Figures, type Ratios } from './figures.ts';
import { addedP99 } from './measure.ts';
import { DIRECT } from './servers/field.ts';

export type Rows = readonly (readonly string[])[];

/** A Markdown table as prettier writes it. */
export function markdown(rows: Rows): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows.map(line);
  return [head, line(widths.map((width) => '-'.repeat(width))), ...body].join('\n');
}

/** The rows of one case: the servers in the order in which they were measured, medians over the rounds. */
export function rowsOf(which: Case, figures: Figures): Rows {
  const ofCase = figures[which.name] ?? {};
  const isHalf = which.kind === 'http' && which.halfOf !== null;
  const unit = which.kind === 'events' ? 'event' : which.kind === 'echo' ? 'message' : 'request';
  const head = [
    'server',
    `${unit}s/s`,
    'p50 ms',
    'p99 ms',
    `CPU µs/${unit}`,
    'RSS MiB',
    isHalf ? 'p99 added ms' : 'leased is',
  ];
  return [
    head,
    ...Object.entries(ofCase).map(([name, samples]) => [
      name,
      whole(medianOf(samples, 'perSecond')),
      medianOf(samples, 'p50Ms').toFixed(2),
      medianOf(samples, 'p99Ms').toFixed(2),
      medianOf(samples, 'cpuMicroseconds').toFixed(name === DIRECT ? 1 : 0),
      medianOf(samples, 'mebibytes').toFixed(0),
      orDash(isHalf ? addedP99(ofCase, name) : ratio(ofCase, 'gate leased', name)),
    ]),
  ];
}

export function ratioRows(ratios: Ratios, processorRatios: Ratios): Rows {
  return [
    ['ratio', 'of requests/s', 'by CPU µs/request'],
    ...Object.entries(ratios).map(([name, value]) => [
      name,
      value.toFixed(2),
      orDash(processorRatios[name] ?? Number.NaN),
    ]),
  ];
}

export function whole(value: number): string {
  return Number.isNaN(value) ? '–' : Math.round(value).toLocaleString('en-US');
}

function orDash(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(2);
}
