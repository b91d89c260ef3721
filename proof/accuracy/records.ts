import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Accepted } from '../../test/support/windows.ts';
import { calibrationOf, type GateProcess } from './gate-process.ts';
import type { Sent } from './load.ts';

/** What a gate wrote down of one request, in the machine's time. */
interface Entry extends Accepted {
  readonly accepted: boolean;
}

/** What the gates logged, each request by its id. */
export interface Records {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Instants of two gates may be compared up to this. */
  readonly errorMs: number;
}

/** Microseconds are rounded twice, for the arrival and for the time the decision took. */
const ROUNDING_MS = 0.002;

export async function readRecords(gates: readonly GateProcess[]): Promise<Records> {
  const entries = new Map<string, Entry>();
  let errorMs = 0;
  for (const life of gates.flatMap(({ lives }) => lives)) {
    const clock = calibrationOf(life);
    errorMs = Math.max(errorMs, clock.errorMs);
    for await (const text of createInterface({ input: createReadStream(life.logFile) })) {
      const line = lineOf(text);
      if (line === null) continue;
      const arrivedAt = line.receivedAt - clock.offsetMs;
      // Refusals of the gate have a reason; what the upstream did wrong came after the acceptance.
      const accepted = line.reason === undefined || line.reason.startsWith('upstream_');
      entries.set(line.requestId, { arrivedAt, handedOverAt: arrivedAt + line.decisionMs, accepted });
    }
  }
  return { entries, errorMs: 2 * errorMs + ROUNDING_MS };
}

interface Line {
  readonly requestId: string;
  readonly receivedAt: number;
  readonly decisionMs: number;
  readonly reason?: string;
}

/** Null where it is not about a request, or only the half of a line that SIGKILL left. */
function lineOf(text: string): Line | null {
  if (!text.endsWith('"msg":"request"}')) return null;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}

/** What has become of the requests that count into one limit. */
export interface Taken {
  readonly offered: number;
  /** When requests reached a gate, as far as it lived to say so. */
  readonly arrivals: readonly number[];
  readonly acceptances: readonly Accepted[];
  /** Accepted by the gates' own word. */
  readonly logged: number;
  /** Accepted by a gate that did not live to log it: between the client's sending and the upstream's receiving. */
  readonly witnessed: number;
  /** Reached the upstream, and the log of a gate that was not killed knows nothing of an acceptance. */
  readonly missing: number;
  /** Answers by status; 0 where none came. */
  readonly statuses: ReadonlyMap<number, number>;
}

export function takenBy(
  sent: readonly Sent[],
  { entries }: Records,
  seen: ReadonlyMap<string, number>,
): Taken {
  const acceptances: Accepted[] = [];
  const arrivals: number[] = [];
  const statuses = new Map<number, number>();
  let logged = 0;
  let witnessed = 0;
  let missing = 0;
  for (const { id, sentAt, gate, status } of sent) {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const entry = entries.get(id);
    const seenAt = seen.get(id);
    if (entry !== undefined) arrivals.push(entry.arrivedAt);
    if (entry?.accepted === true) {
      logged++;
      acceptances.push(entry);
    } else if (seenAt !== undefined && entry === undefined && gate?.wasKilled === true) {
      witnessed++;
      acceptances.push({ arrivedAt: sentAt, handedOverAt: seenAt });
    } else if (seenAt !== undefined) {
      missing++;
    }
  }
  return { offered: sent.length, arrivals, acceptances, logged, witnessed, missing, statuses };
}
