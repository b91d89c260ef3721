import type { Answer } from './connection.ts';
import type { Gate } from './fleet.ts';
import { Load } from './load.ts';
import type { Findings } from './proof.ts';

/** What one key is answered on some gates over time. */
export class Watch {
  readonly #load: Load<null>;
  readonly #answers: { readonly gate: Gate; readonly answer: Answer }[] = [];

  constructor(gates: readonly Gate[], key: string) {
    this.#load = new Load<null>({
      gates,
      connectionsPerGate: 2,
      everyMs: 60,
      next: () => ({ key, about: null }),
      seen: ({ gate, answer }) => void this.#answers.push({ gate, answer }),
    });
  }

  stop(): Promise<void> {
    return this.#load.stop();
  }

  /** Answers to requests that began between these instants, on this gate or on all. */
  between(from: number, to: number, gate?: Gate): Answer[] {
    return this.#answers
      .filter(({ gate: on, answer }) => {
        const { begunAt } = answer;
        return begunAt >= from && begunAt < to && (gate === undefined || on === gate);
      })
      .map(({ answer }) => answer);
  }

  /** How often each status came, from an instant on. */
  statuses(from: number, to: number, gate?: Gate): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (const { status } of this.between(from, to, gate)) counts.set(status, (counts.get(status) ?? 0) + 1);
    return counts;
  }
}

/** As text for a reader: `200 x 12, 503 x 3`. */
export function statusText(counts: ReadonlyMap<number, number>): string {
  return [...counts].map(([status, count]) => `${status} x ${count}`).join(', ') || 'none';
}

/** There MUST be answers, and none but these; 503 in place of 200 is a matter of time. */
export function mustBeOnly(
  findings: Findings,
  counts: ReadonlyMap<number, number>,
  allowed: readonly number[],
  where: string,
): void {
  const others = [...counts.keys()].filter((status) => !allowed.includes(status));
  const text = `${where}: ${statusText(counts)}`;
  findings.must(
    others.every((status) => status === 503),
    text,
  );
  findings.inTime(others.length === 0 && counts.size > 0, text);
}
