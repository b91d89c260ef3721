import type { UsageDelta } from '../core/wire.ts';

const HOUR_MS = 3_600_000;
/** Keys x routes x status classes x hours that are kept while nobody takes reports. */
const ENTRIES_MAX = 100_000;

type Tally = { -readonly [Name in keyof UsageDelta]: UsageDelta[Name] };

/** Requests that an upstream answered, since the last report. Its size depends on the keys in use, not on requests. */
export class Usage {
  #tallies = new Map<string, Tally>();

  /** False where there was no room left for the key, route, class and hour. */
  count(keyId: string, route: string, status: number, at: number): boolean {
    const statusClass = classOf(status);
    const hourAt = at - (at % HOUR_MS);
    // No route has a space in its name.
    const name = `${hourAt} ${statusClass} ${route} ${keyId}`;
    const tally = this.#tallies.get(name);
    if (tally !== undefined) {
      tally.count += 1;
      tally.lastAt = Math.max(tally.lastAt, at);
      return true;
    }
    if (this.#tallies.size >= ENTRIES_MAX) return false;
    this.#tallies.set(name, { keyId, route, statusClass, hourAt, count: 1, lastAt: at });
    return true;
  }

  get size(): number {
    return this.#tallies.size;
  }

  /** What has been counted; it starts at nothing again. */
  take(): readonly UsageDelta[] {
    const taken = [...this.#tallies.values()];
    this.#tallies = new Map();
    return taken;
  }
}

function classOf(status: number): UsageDelta['statusClass'] {
  if (status < 200) return '1xx';
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
