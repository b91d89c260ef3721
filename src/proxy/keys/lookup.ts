import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import type { LookupSource } from '../../core/decision.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { Digest } from '../../core/secret.ts';
import type { KeySource, Resolution } from '../../core/wire.ts';
import type { Changes } from './changes.ts';

export type Lookup =
  | {
      readonly kind: 'found';
      readonly record: KeyRecord;
      readonly asOf: number;
      readonly source: LookupSource;
    }
  | { readonly kind: 'unknown'; readonly source: LookupSource }
  /** Nobody could be asked. It says nothing about the key and is not remembered. */
  | { readonly kind: 'unavailable'; readonly detail: string };

/** What the lookups tell the metrics. */
export interface LookupEvents {
  remembered(result: 'hit' | 'miss' | 'negative'): void;
  asked(result: 'hit' | 'negative' | 'error', durationMs: number): void;
  coalesced(): void;
}

export interface LookupOptions {
  readonly source: KeySource;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly events: LookupEvents;
  readonly cacheSize: number;
  readonly freshForMs: number;
  readonly negativeForMs: number;
}

interface Entry {
  readonly record: KeyRecord | null;
  readonly asOf: number;
  /** Monotonic instant before the question was sent: an answer is never younger than its question. */
  readonly askedAt: number;
}

/** Keys nobody has are kept apart, so that guessing cannot push real keys out. */
const NEGATIVE_MAX = 10_000;
const UNDER_WAY_MAX = 10_000;
const RESOLVE_DEADLINE_MS = 1000;
/** An answer overtaken by a change is asked for again; more often than this is no coincidence. */
const ATTEMPTS_MAX = 3;

/** Digest to record: this process's memory first, then the key service, asked once however many wait. */
export class KeyLookup {
  readonly #options: LookupOptions;
  readonly #found: LRUCache<Digest, Entry>;
  readonly #unknown = new LRUCache<Digest, Entry>({ max: NEGATIVE_MAX });
  readonly #underWay = new Map<Digest, Promise<Lookup>>();

  constructor(options: LookupOptions) {
    this.#options = options;
    this.#found = new LRUCache({ max: options.cacheSize });
  }

  /** Keys and unknown keys held. */
  get entries(): number {
    return this.#found.size + this.#unknown.size;
  }

  /** What this process knows without asking; null where it must ask. */
  cached(digest: Digest): Lookup | null {
    const entry = this.#found.get(digest) ?? this.#unknown.get(digest);
    const usable = entry !== undefined && this.#isUsable(digest, entry, this.#options.clock.monotonic());
    this.#options.events.remembered(!usable ? 'miss' : entry.record === null ? 'negative' : 'hit');
    return usable ? lookupOf(entry, 'l1') : null;
  }

  /** Asks the key service; waiters of one key share one question. Never rejects. */
  ask(digest: Digest): Promise<Lookup> {
    const shared = this.#underWay.get(digest);
    if (shared !== undefined) {
      this.#options.events.coalesced();
      return shared;
    }
    if (this.#underWay.size >= UNDER_WAY_MAX) {
      return Promise.resolve({ kind: 'unavailable', detail: 'too many key lookups are under way' });
    }
    const question = this.#resolve(digest).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, question);
    return question;
  }

  /** Whether no known change touches what an answer of `asOf` said. */
  isCurrent(digest: Digest, record: KeyRecord | null, asOf: number): boolean {
    return this.#options.changes.isCurrent(
      { digest, keyId: record?.keyId ?? null, ownerId: record?.owner.id ?? null },
      asOf,
    );
  }

  async #resolve(digest: Digest): Promise<Lookup> {
    const { clock, events } = this.#options;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const askedAt = clock.monotonic();
      try {
        const { record, asOf } = await this.#question(digest);
        events.asked(record === null ? 'negative' : 'hit', clock.monotonic() - askedAt);
        if (!this.isCurrent(digest, record, asOf)) continue;
        const entry: Entry = { record, asOf, askedAt };
        this.#remember(digest, entry);
        return lookupOf(entry, 'origin');
      } catch (error) {
        events.asked('error', clock.monotonic() - askedAt);
        return { kind: 'unavailable', detail: error instanceof Error ? error.name : 'unknown error' };
      }
    }
    return { kind: 'unavailable', detail: 'the key kept changing while it was looked up' };
  }

  /** Rejects at the deadline, whatever the source makes of its signal: a request must not wait for ever. */
  async #question(digest: Digest): Promise<Resolution> {
    const stop = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const reason = new DOMException('the key service did not answer in time', 'TimeoutError');
      stop.abort(reason);
      late.reject(reason);
    }, RESOLVE_DEADLINE_MS);
    try {
      return await Promise.race([this.#options.source.resolve(digest, stop.signal), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #remember(digest: Digest, entry: Entry): void {
    if (entry.record === null) {
      this.#found.delete(digest);
      this.#unknown.set(digest, entry);
    } else {
      this.#unknown.delete(digest);
      this.#found.set(digest, entry);
    }
  }

  #isUsable(digest: Digest, entry: Entry, now: number): boolean {
    const { freshForMs, negativeForMs } = this.#options;
    const keptMs = entry.record === null ? negativeForMs : freshForMs;
    return now - entry.askedAt < keptMs && this.isCurrent(digest, entry.record, entry.asOf);
  }
}

function lookupOf({ record, asOf }: Entry, source: LookupSource): Lookup {
  return record === null ? { kind: 'unknown', source } : { kind: 'found', record, asOf, source };
}
