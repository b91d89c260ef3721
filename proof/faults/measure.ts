import { setTimeout as pause } from 'node:timers/promises';
import { percentile } from '../revocation/percentile.ts';
import { Callers, KINDS, Keys, PER_SECOND, WELL, type Kind, type Seen } from './callers.ts';
import { FAULTS, type FaultName } from './dependency.ts';
import type { Scene } from './scenes.ts';

/** How long each part of a row takes. */
export interface Times {
  readonly wellMs: number;
  readonly faultMs: number;
  /** From the beginning of the fault; from then on nothing may be waited for. */
  readonly settledMs: number;
  readonly recoveryMs: number;
}

/** What was answered to one kind of key with one fault. */
export interface Cell {
  /** How often each status came during the fault: before it was settled, and after. */
  readonly atFirst: ReadonlyMap<number, number>;
  readonly settled: ReadonlyMap<number, number>;
  /** Of the refusals, by reason. */
  readonly reasons: readonly string[];
  /** Refusals with 503 that do not say when to come again. */
  readonly mute: number;
  /** Beyond the median of good times, of the first requests. */
  readonly addedFirstMs: number;
  /** Of p99, once settled. */
  readonly addedLaterMs: number;
  /** From the end of the fault until all is answered as before. */
  readonly recoveredMs: number;
}

export interface Row {
  readonly cells: Readonly<Record<Kind, Cell>>;
  /** Requests to which the gate gave no answer at all. */
  readonly lost: number;
  /** How often the gate says that it went by what it knew from before. */
  readonly staleServed: number;
}

const FIRST = 20;

/** The same in good times, during a fault and after it. */
export async function measure(scene: Scene, keys: Keys, fault: FaultName, times: Times): Promise<Row> {
  const { fleet, dependency } = scene;
  const [gate] = fleet.gates;
  if (gate === undefined) throw new Error('a fleet without a gate');
  const { wellMs, faultMs, recoveryMs } = times;
  // Starting a program again takes its time, too.
  const seconds = (wellMs + faultMs + recoveryMs) / 1000 + 5;
  await keys.bringCold(Math.ceil(seconds * PER_SECOND));
  const staleServed = async (): Promise<number> =>
    (await fleet.scrape(gate)).sum('plexgate_key_stale_served_total');
  const staleBefore = await staleServed();
  const callers = new Callers(gate, keys);
  const from = performance.now();
  await pause(wellMs);
  const begunAt = performance.now();
  await FAULTS[fault].begin(dependency);
  await pause(faultMs);
  const endingAt = performance.now();
  await FAULTS[fault].end(dependency);
  const endedAt = performance.now();
  await pause(recoveryMs);
  await callers.stop();
  const cellOf = (kind: Kind): Cell => {
    const well = callers.between(kind, from, begunAt);
    const settledAt = begunAt + times.settledMs;
    const during = callers.between(kind, begunAt, endingAt);
    // An answer that was still waited for at the end is part of the recovery.
    const settled = callers
      .between(kind, settledAt, endingAt)
      .filter(({ answer }) => answer.endedAt < endingAt);
    const atFirst = callers.between(kind, begunAt, settledAt);
    return {
      atFirst: countsOf(atFirst),
      settled: countsOf(settled),
      reasons: [...new Set(during.map(({ reason }) => reason))].filter((reason) => reason !== 'none'),
      mute: during.filter(({ answer }) => answer.status === 503 && !/\r\nretry-after: *\d/i.test(answer.head))
        .length,
      addedFirstMs: Math.max(...msOf(during.slice(0, FIRST))) - percentile(msOf(well), 0.5),
      addedLaterMs: percentile(msOf(settled), 0.99) - percentile(msOf(well), 0.99),
      recoveredMs: recoveredMs(kind, callers.between(kind, endingAt, Infinity), endedAt),
    };
  };
  const cells = Object.fromEntries(KINDS.map((kind) => [kind, cellOf(kind)])) as Record<Kind, Cell>;
  return { cells, lost: callers.lost, staleServed: (await staleServed()) - staleBefore };
}

function msOf(seen: readonly Seen[]): number[] {
  return seen.map(({ ms }) => ms);
}

function countsOf(seen: readonly Seen[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { answer } of seen) counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
  return counts;
}

function recoveredMs(kind: Kind, seen: readonly Seen[], endedAt: number): number {
  const last = seen.findLast(({ answer }) => answer.status !== WELL[kind]);
  if (last === undefined) return 0;
  const isOver = seen.some(({ answer }) => answer.begunAt > last.answer.begunAt);
  return isOver ? Math.max(0, last.answer.endedAt - endedAt) : Infinity;
}
