import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KINDS, type Kind } from './callers.ts';
import type { FaultName } from './dependency.ts';
import { FIRST_BYTE_MS } from './scenes.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/faults.md');
/** How often a gate looks for answers that are overdue, and a little. */
const SWEEP_MS = 150;
/** What the slowest of a hundred may take longer once nobody waits, where the row says nothing else. */
const LATER_MS = 2;

const FIRST_BYTE = '`firstByte`';

/** What the document says of one kind of key with one fault. */
export interface DeclaredCell {
  /** In the order in which they come; the last one is that which stays. */
  readonly statuses: readonly number[];
  readonly waitsMs: number;
  /** What p99 may rise by once it is settled; infinite where each request takes as long as the first. */
  readonly laterMs: number;
  readonly backMs: number;
}

export type DeclaredRow = Readonly<Record<Kind, DeclaredCell>>;

/** By dependency and fault. */
export function readDeclared(text = readFileSync(DOCUMENT, 'utf8')): ReadonlyMap<string, DeclaredRow> {
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  return new Map(rows.slice(2).map((cells) => readRow(cells)));
}

export function rowName(dependency: string, fault: FaultName): string {
  return `${dependency}, ${fault}`;
}

function readRow(cells: readonly string[]): [name: string, row: DeclaredRow] {
  const [dependency = '', fault = ''] = cells;
  const [waits = '', back = ''] = cells.slice(-2);
  const row = Object.fromEntries(
    KINDS.map((kind, i) => {
      const [first = '', later] = partOf(waits, kind).split(', then ');
      const cell: DeclaredCell = {
        statuses: (cells[2 + i] ?? '').split(', then ').map(Number),
        waitsMs: msOf(first),
        laterMs: first === FIRST_BYTE ? Infinity : later === undefined ? LATER_MS : msOf(later),
        backMs: msOf(partOf(back, kind)),
      };
      if (
        ![...cell.statuses, cell.waitsMs, cell.backMs].every(Number.isFinite) ||
        Number.isNaN(cell.laterMs)
      ) {
        throw new Error(`docs/faults.md cannot be read: ${cells.join(' | ')}`);
      }
      return [kind, cell];
    }),
  ) as Record<Kind, DeclaredCell>;
  return [rowName(dependency, fault as FaultName), row];
}

/** `50 ms; cold 300 ms`: the first is for all that are not named. */
function partOf(text: string, kind: Kind): string {
  const [all = '', ...others] = text.split('; ');
  const named = others.find((other) => other.startsWith(`${kind} `));
  return named === undefined ? all : named.slice(kind.length + 1);
}

function msOf(text: string): number {
  if (text === FIRST_BYTE) return FIRST_BYTE_MS + SWEEP_MS;
  const [, amount, unit] = /^([\d.]+) (ms|s)$/.exec(text) ?? [];
  return amount === undefined ? Number.NaN : Number(amount) * (unit === 's' ? 1000 : 1);
}
