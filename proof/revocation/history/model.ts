import type { MadeKey } from '../admin.ts';
import { reasonOf, type Answer } from '../connection.ts';
import { FENCED_MS } from '../fleet.ts';
import type { Caller } from '../upstream.ts';
import { Fact } from './fact.ts';
import type { Weather } from './weather.ts';

export interface ModelOwner {
  readonly id: string;
  readonly tier: Fact<string>;
  readonly enabled: Fact<boolean>;
  /** A call about it is under way. */
  busy: boolean;
}

export interface ModelKey {
  readonly keyId: string;
  readonly key: string;
  readonly owner: ModelOwner;
  readonly exists: Fact<boolean>;
  readonly revoked: Fact<boolean>;
  /** Epoch milliseconds; null: never. */
  readonly expiresAt: Fact<number | null>;
  busy: boolean;
  /** Rotation replaced it: it is not rotated again. */
  replaced: boolean;
  /** When it was revoked or became useless. */
  overAt: number | null;
}

/** How long a change that nobody waits for may take on a gate, beyond the fence. */
export const TOLERANCE_MS = 1000;
/** Expiry follows the key service's time, which a gate knows to within the time a call takes. */
const EXPIRY_LATE_MS = 300;
const EXPIRY_EARLY_MS = 2000;

/** Everything the calls so far have made true, and what requests may therefore see. */
export class Model {
  readonly owners: ModelOwner[] = [];
  readonly keys: ModelKey[] = [];
  readonly #weather: Weather;
  readonly #staleMs: number;
  /** What this process adds to its monotonic clock for the time of day. */
  readonly #epoch = performance.timeOrigin;

  constructor(weather: Weather, staleMs: number) {
    this.#weather = weather;
    this.#staleMs = staleMs;
  }

  addOwner(id: string, tier: string): ModelOwner {
    const owner = { id, tier: new Fact(tier), enabled: new Fact<boolean>(true), busy: false };
    this.owners.push(owner);
    return owner;
  }

  addKey({ keyId, key }: Omit<MadeKey, 'owner'>, owner: ModelOwner, exists = true): ModelKey {
    const added: ModelKey = {
      keyId,
      key,
      owner,
      exists: new Fact<boolean>(exists),
      revoked: new Fact<boolean>(false),
      expiresAt: new Fact<number | null>(null),
      busy: false,
      replaced: false,
      overAt: null,
    };
    this.keys.push(added);
    return added;
  }

  forget(key: ModelKey): void {
    const at = this.keys.indexOf(key);
    if (at >= 0) this.keys.splice(at, 1);
  }

  /**
   * By when a change that nobody waited for holds on every gate. A gate that Redis tells of nothing goes on for
   * staleIfError; it does so only where the key service could not tell Redis, or did not live to.
   */
  settledBy({ begunAt, endedAt, sure }: { begunAt: number; endedAt: number; sure: boolean }): number {
    const longMs = this.longestMs;
    const told = sure && this.#weather.redisWasThere(begunAt - longMs, endedAt + FENCED_MS);
    return endedAt + (told ? FENCED_MS + TOLERANCE_MS : longMs);
  }

  get longestMs(): number {
    return 1.15 * this.#staleMs + FENCED_MS + TOLERANCE_MS;
  }

  /** Null where the answer is one that this request may get, else what is wrong with it. */
  judge(key: ModelKey, answer: Answer, gate: string): string | null {
    const { status } = answer;
    if (status === 200) return this.#judgeAccepted(key, answer);
    if (status === 401) return this.#judgeRefused(key, answer);
    if (status === 503 && reasonOf(answer) === 'key_service_unavailable') {
      return this.#weather.excuses(gate, answer.begunAt, answer.endedAt) ? null : '503 though all was there';
    }
    return `${status} ${reasonOf(answer)}`;
  }

  #judgeAccepted(key: ModelKey, { begunAt, endedAt, body }: Answer): string | null {
    const may = <T>(fact: Fact<T>, value: T): boolean => fact.possible(begunAt, endedAt).includes(value);
    if (!may(key.exists, true)) return '200 for a key that is not there';
    if (!may(key.revoked, false)) return '200 for a revoked key';
    if (!may(key.owner.enabled, true)) return '200 for a key of a disabled owner';
    const lives = key.expiresAt
      .possible(begunAt, endedAt)
      .some((expiresAt) => expiresAt === null || this.#epoch + begunAt < expiresAt + EXPIRY_LATE_MS);
    if (!lives) return '200 for an expired key';
    const caller = JSON.parse(body) as Caller;
    if (caller.keyId !== key.keyId) return `200 as another key, ${caller.keyId}`;
    if (caller.ownerId !== key.owner.id) return `200 as another owner, ${caller.ownerId}`;
    if (!may(key.owner.tier, caller.tier)) return `200 with the tier ${caller.tier}`;
    return null;
  }

  #judgeRefused(key: ModelKey, answer: Answer): string | null {
    const { begunAt, endedAt } = answer;
    const may = <T>(fact: Fact<T>, value: T): boolean => fact.possible(begunAt, endedAt).includes(value);
    const reason = reasonOf(answer);
    const allowed =
      (reason === 'unknown_key' && may(key.exists, false)) ||
      (reason === 'revoked_key' && may(key.revoked, true)) ||
      (reason === 'owner_disabled' && may(key.owner.enabled, false)) ||
      (reason === 'expired_key' &&
        key.expiresAt
          .possible(begunAt, endedAt)
          .some((at) => at !== null && this.#epoch + endedAt > at - EXPIRY_EARLY_MS));
    return allowed ? null : `401 ${reason} for a good key`;
  }

  describe(key: ModelKey, zero: number): string[] {
    const { owner } = key;
    const expires = key.expiresAt.describe(zero);
    return [
      `key ${key.keyId} of ${owner.id}`,
      `  exists: ${key.exists.describe(zero)}`,
      `  revoked: ${key.revoked.describe(zero)}`,
      `  expires (epoch ms): ${expires}; the run began at ${Math.round(this.#epoch + zero)}`,
      `  owner enabled: ${owner.enabled.describe(zero)}`,
      `  owner's tier: ${owner.tier.describe(zero)}`,
    ];
  }
}
