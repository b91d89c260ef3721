import { KINDS } from './callers.ts';
import type { Row } from './measure.ts';

/** A measured row with its name. */
export interface Named {
  readonly dependency: string;
  readonly fault: string;
  readonly row: Row;
}

const HEAD = ['dependency', 'fault', 'key', 'at first', 'settled', 'first 20', 'p99', 'back'];

/** What was measured, a line for each kind of key; times in milliseconds. */
export function tableOf(rows: readonly Named[]): string {
  const lines = rows.flatMap(({ dependency, fault, row }) =>
    KINDS.map((kind) => {
      const { atFirst, settled, addedFirstMs, addedLaterMs, recoveredMs } = row.cells[kind];
      const times = [addedFirstMs, addedLaterMs].map((ms) => `${ms < 0 ? '' : '+'}${ms.toFixed(1)}`);
      return [
        dependency,
        fault,
        kind,
        countsOf(atFirst),
        countsOf(settled),
        ...times,
        recoveredMs.toFixed(0),
      ];
    }),
  );
  const all = [HEAD, ...lines];
  const widths = HEAD.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  const [head = '', ...rest] = all.map(
    (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return `${[head, rule, ...rest].join('\n')}\n`;
}

function countsOf(counts: ReadonlyMap<number, number>): string {
  return [...counts].map(([status, count]) => `${status} x ${count}`).join(', ') || 'none';
}
