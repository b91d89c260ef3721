import { KINDS } from './callers.ts';
import type { DeclaredCell, DeclaredRow } from './declared.ts';
import type { Cell, Row } from './measure.ts';

/** `wrong` is so on any machine; `late` may be other work on it. */
export interface Verdict {
  readonly wrong: readonly string[];
  readonly late: readonly string[];
}

/** Where what was measured is not what is declared. */
export function verdictOf(name: string, row: Row, declared: DeclaredRow | undefined): Verdict {
  if (declared === undefined) return { wrong: [`${name}: docs/faults.md does not say`], late: [] };
  const verdicts = KINDS.map((kind) => judge(`${name}, ${kind}`, row.cells[kind], declared[kind]));
  const lost = row.lost === 0 ? [] : [`${name}: ${row.lost} requests without an answer`];
  return {
    wrong: [...lost, ...verdicts.flatMap(({ wrong }) => wrong)],
    late: verdicts.flatMap(({ late }) => late),
  };
}

function judge(what: string, cell: Cell, declared: DeclaredCell): Verdict {
  const { statuses, waitsMs, laterMs, backMs } = declared;
  const [wrong, late]: [string[], string[]] = [[], []];
  const last = statuses.at(-1);
  for (const status of new Set([...cell.atFirst.keys(), ...cell.settled.keys()])) {
    if (!statuses.includes(status)) wrong.push(`${what}: ${status}, declared is ${statuses.join(', then ')}`);
  }
  if (cell.mute > 0) wrong.push(`${what}: ${cell.mute} times 503 without Retry-After`);
  if ([...cell.settled.keys()].some((status) => status !== last) || cell.settled.size === 0) {
    late.push(`${what}: not ${last} alone once it was settled`);
  }
  const bounds = [
    ['the first requests waited', cell.addedFirstMs, waitsMs],
    ['p99 rose by', cell.addedLaterMs, laterMs],
    ['was back after', cell.recoveredMs, backMs],
  ] as const;
  for (const [words, ms, mostMs] of bounds) {
    if (ms > mostMs) late.push(`${what}: ${words} ${ms.toFixed(1)} ms, declared are ${mostMs} ms`);
  }
  return { wrong, late };
}
