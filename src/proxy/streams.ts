import type { Clock } from '../core/clock.ts';
import type { Permit } from '../core/decision.ts';
import { standingOf, type KeyRecord } from '../core/key.ts';
import type { Slot } from '../core/limit.ts';
import type { Digest } from '../core/secret.ts';
import type { Answer, Knowledge } from './keys/knowledge.ts';
import type { KeyLookup } from './keys/lookup.ts';
import { ageOf, momentOf, type Moment } from './keys/moment.ts';
import type { Place } from './routes.ts';

interface Stream {
  readonly slot: Slot;
  readonly end: () => void;
}

/** The open streams of one key. */
interface StreamsOfKey {
  readonly digest: Digest;
  readonly mayBeStale: boolean;
  readonly streams: Set<Stream>;
  key: KeyRecord;
  /** What `key` stands on; null until the first sweep. */
  answer: Answer | null;
  /** Since when it is known that `key` may have changed, and not how. */
  doubtedAt: Moment | null;
  isAsking: boolean;
}

/** How long a changed key may go on while nobody can say what it is now. With a sweep and a lookup, 2 s at most. */
const DOUBT_MS = 1500;

/**
 * Streams (WebSockets, server-sent events) outlive the request that opened them, so their keys are judged again and
 * again: one whose key is revoked, expired or gone, or whose owner is disabled, is ended at the next sweep, and so is
 * one of which nobody could say for too long that it is none of these. However many streams a key has, it is judged
 * once. A stream whose slot others may have taken is ended, too.
 */
export class OpenStreams {
  readonly #keys: KeyLookup;
  readonly #knowledge: Knowledge;
  readonly #clock: Clock;
  /** By digest, apart where a route allows staleness and where none is allowed. */
  readonly #open = { stale: new Map<Digest, StreamsOfKey>(), fresh: new Map<Digest, StreamsOfKey>() };

  constructor(keys: KeyLookup, knowledge: Knowledge, clock: Clock) {
    this.#keys = keys;
    this.#knowledge = knowledge;
    this.#clock = clock;
  }

  /** Watches a stream until the returned function is called. `end` is called once at most. Open routes have no key. */
  watch({ key, credential, route, slot }: Permit<Place>, end: () => void): () => void {
    if (key === null || credential === null) return () => undefined;
    const { mayBeStale } = route.route;
    const digest = credential.secret.digest();
    const open = this.#open[mayBeStale ? 'stale' : 'fresh'];
    let streams = open.get(digest);
    if (streams === undefined) {
      streams = {
        digest,
        mayBeStale,
        streams: new Set(),
        key,
        answer: null,
        doubtedAt: null,
        isAsking: false,
      };
      open.set(digest, streams);
    }
    const watched = streams;
    const stream = { slot, end };
    watched.streams.add(stream);
    return () => {
      watched.streams.delete(stream);
      if (watched.streams.size === 0) this.#forget(watched);
    };
  }

  sweep(): void {
    for (const open of Object.values(this.#open)) {
      for (const streams of open.values()) {
        this.#judge(streams);
        for (const { slot, end } of streams.streams) if (!slot.stands()) end();
      }
    }
  }

  #judge(streams: StreamsOfKey): void {
    const { answer, mayBeStale, key } = streams;
    const judged = answer === null ? 'outdated' : this.#knowledge.judge(answer, mayBeStale);
    if (judged === 'outdated' || (judged === 'unconfirmed' && this.#isOverdue(streams))) {
      streams.doubtedAt ??= momentOf(this.#clock);
      if (ageOf(streams.doubtedAt, this.#clock) >= DOUBT_MS) this.#end(streams);
      else if (!streams.isAsking) void this.#askAgain(streams);
      return;
    }
    streams.doubtedAt = null;
    if (standingOf(key, this.#knowledge.now()) !== 'active') this.#end(streams);
  }

  async #askAgain(streams: StreamsOfKey): Promise<void> {
    const { digest, mayBeStale } = streams;
    streams.isAsking = true;
    const lookup =
      this.#keys.cached(digest, mayBeStale) ??
      (await this.#keys.recall(digest, mayBeStale)) ??
      (await this.#keys.ask(digest, mayBeStale));
    streams.isAsking = false;
    if (lookup.kind === 'found') {
      streams.key = lookup.record;
      streams.answer = lookup.answer;
      this.#judge(streams);
    } else if (lookup.kind === 'unknown' || (!this.#knowledge.alone && this.#isOverdue(streams))) {
      this.#end(streams);
    }
  }

  /** Whether it is too long ago that anybody could say anything. */
  #isOverdue({ mayBeStale }: StreamsOfKey): boolean {
    return this.#knowledge.renewalAgeMs >= this.#knowledge.longestMs(mayBeStale);
  }

  #end(streams: StreamsOfKey): void {
    this.#forget(streams);
    for (const { end } of streams.streams) end();
    streams.streams.clear();
  }

  #forget(streams: StreamsOfKey): void {
    const open = this.#open[streams.mayBeStale ? 'stale' : 'fresh'];
    // By now another may stand in its place.
    if (open.get(streams.digest) === streams) open.delete(streams.digest);
  }
}
