import type { UsageDelta } from '../core/wire.ts';

const HOUR_MS = 3_600_000;
/** Keys x routes x status classes x hours that are kept while nobody takes reports. */
const ENTRIES_MAX = 100_000;

type Tally = { -readonly [Name in keyof UsageDelta]: UsageDelta[Name] };

/** Requests that an upstream answered, since the last report. Its size depends on the keys in use, not on requests. */
export class Usage {
  #tallies: Tally[] = [];
  /** The same by key, of which most use few routes: no name has to be put together to count. */
  #byKey = new Map<string, Tally[]>();

  /** False where there was no room left for the key, route, class and hour. */
  count(keyId: string, route: string, status: number, at: number): boolean {
    const statusClass = classOf(status);
    const hourAt = at - (at % HOUR_MS);
    const ofKey = this.#byKey.get(keyId) ?? [];
    for (const tally of ofKey) {
      if (tally.route !== route || tally.statusClass !== statusClass || tally.hourAt !== hourAt) continue;
      tally.count += 1;
      tally.lastAt = Math.max(tally.lastAt, at);
      return true;
    }
    if (this.#tallies.length >= ENTRIES_MAX) return false;
    const tally = { keyId, route, statusClass, hourAt, count: 1, lastAt: at };
    this.#tallies.push(tally);
    ofKey.push(tally);
    this.#byKey.set(keyId, ofKey);
    return true;
  }

  get size(): number {
    return this.#tallies.length;
  }

  /** What has been counted; it starts at nothing again. */
  take(): readonly UsageDelta[] {
    const taken = this.#tallies;
    this.#tallies = [];
    this.#byKey = new Map();
    return taken;
  }
}

function classOf(status: number): UsageDelta['statusClass'] {
  if (status < 200) return '1xx';
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
