import type { GateProcess } from './gate-process.ts';

/** What the gates count where a limit may have been exceeded by one of the named exceptions. */
const METRIC = 'plexgate_limit_exceptions_total';

/** Sums over the gates by the metric's label; a gate that was killed has taken its counts with it. */
export async function exceptionsIn(gates: readonly GateProcess[]): Promise<ReadonlyMap<string, number>> {
  const sums = new Map<string, number>();
  for (const { name, labels, value } of (await Promise.all(gates.map((gate) => gate.metrics()))).flat()) {
    if (name !== METRIC || value === 0) continue;
    const cause = Object.values(labels).join(' ');
    sums.set(cause, (sums.get(cause) ?? 0) + value);
  }
  return sums;
}
