import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/clock.ts';
import type { LookupSource } from '../../core/decision.ts';
import type { Digest } from '../../core/secret.ts';
import type { KeySource } from '../../core/wire.ts';
import { answerWithin } from './deadline.ts';
import { EarlyQuestions } from './early-questions.ts';
import type { Answer, Knowledge } from './knowledge.ts';
import { detailOf, lookupOf, type Lookup } from './lookup-outcome.ts';
import type { Member } from './member.ts';
import { ageOf, momentOf } from './moment.ts';
import { Owners } from './owners.ts';
import type { SharedCache } from './shared-cache.ts';
import { Silence } from './silence.ts';

/** What the lookups tell the metrics. */
export interface LookupEvents {
  /** Memory for each request; Redis and the key service for each question to them, and each request served stale. */
  answered(layer: LookupSource, result: LookupResult): void;
  took(layer: 'l2' | 'origin', durationMs: number): void;
  coalesced(): void;
}

export type LookupResult = 'hit' | 'miss' | 'negative' | 'stale' | 'error' | 'forged';

export interface LookupOptions {
  readonly source: KeySource;
  readonly knowledge: Knowledge;
  readonly member: Pick<Member, 'refresh'>;
  /** Of the key service; by default one that this alone tells of answers. */
  readonly silence?: Silence;
  /** Null where there is no Redis. */
  readonly shared: Pick<SharedCache, 'find' | 'settle'> | null;
  readonly clock: Clock;
  readonly events: LookupEvents;
  readonly cacheSize: number;
  readonly freshForMs: number;
  readonly negativeForMs: number;
  /** The part of its life after which a key that is used is asked for anew; by default another in each process. */
  readonly early?: number;
}

/** Keys nobody has are kept apart, so that guessing cannot push real keys out. */
const NEGATIVE_MAX = 10_000;
const UNDER_WAY_MAX = 10_000;
const RESOLVE_DEADLINE_MS = 1000;
/** An answer overtaken by a change is asked for again; more often than this is no coincidence. */
const ATTEMPTS_MAX = 3;
const SILENT: Lookup = { kind: 'unavailable', detail: 'the key service does not answer' };

/**
 * Digest to record: this process's memory (`cached`), then Redis (`recall`), then the key service (`ask`), which is
 * asked once however many wait. Whoever gets null goes on to the next.
 *
 * `mayBeStale`: with the key service away, what a witness confirms will do.
 */
export class KeyLookup {
  readonly #options: LookupOptions;
  readonly #found: LRUCache<Digest, Answer>;
  readonly #unknown = new LRUCache<Digest, Answer>({ max: NEGATIVE_MAX });
  readonly #recalling = new Map<Digest, Promise<Answer | null>>();
  /** Of the key service. */
  readonly #asking = new Map<Digest, Promise<Lookup>>();
  readonly #owners = new Owners();
  readonly #early: number;
  readonly #earlyQuestions: EarlyQuestions;
  readonly #silence: Silence;
  #generation = 0;
  /** The latest question has failed. */
  #isAway = false;

  constructor(options: LookupOptions) {
    this.#options = options;
    this.#found = new LRUCache({ max: options.cacheSize });
    this.#silence = options.silence ?? new Silence(() => options.clock.monotonic());
    this.#earlyQuestions = new EarlyQuestions(options.clock);
    this.#early = options.early ?? 0.75 + Math.random() / 10;
  }

  /** Keys and unknown keys held. */
  get entries(): number {
    return this.#found.size + this.#unknown.size;
  }

  /** What this process may use without asking. A key in steady use is asked for anew before it has to be waited for. */
  cached(digest: Digest, mayBeStale: boolean): Lookup | null {
    const { knowledge, clock, events } = this.#options;
    const answer = this.#held(digest);
    const judged = answer === undefined ? 'outdated' : knowledge.judge(answer, mayBeStale);
    if (answer === undefined || judged === 'outdated') {
      if (answer !== undefined) this.#forget(digest);
      events.answered('l1', 'miss');
      return null;
    }
    // `recall` asks whether it still holds.
    if (judged === 'unconfirmed') return null;
    const ageMs = ageOf(answer.askedAt, clock);
    const lifeMs = this.#lifeMs(answer);
    const isPast = ageMs >= lifeMs;
    if (isPast && !this.#outlives(answer)) {
      events.answered('l1', 'miss');
      return null;
    }
    if (answer.record !== null && ageMs >= lifeMs * this.#early) this.#askEarly(digest);
    const isStale = judged === 'confirmed' || (isPast && knowledge.alone);
    events.answered('l1', isStale ? 'stale' : answer.record === null ? 'negative' : 'hit');
    return lookupOf(answer, 'l1');
  }

  /** What can be used without asking the key service for this key; null at once where nobody else is to be asked. Never rejects. */
  recall(digest: Digest, mayBeStale: boolean): Promise<Lookup | null> | null {
    const { knowledge, shared } = this.#options;
    const held = this.#held(digest);
    const isUnconfirmed = held !== undefined && knowledge.judge(held, mayBeStale) === 'unconfirmed';
    return isUnconfirmed || shared !== null ? this.#recall(digest, mayBeStale, isUnconfirmed) : null;
  }

  async #recall(digest: Digest, mayBeStale: boolean, isUnconfirmed: boolean): Promise<Lookup | null> {
    const { knowledge, member, shared, clock, events } = this.#options;
    if (isUnconfirmed) {
      await member.refresh();
      const lookup = this.cached(digest, mayBeStale);
      if (lookup !== null) return lookup;
    }
    if (shared === null) return null;
    const answer = await this.#sharedAnswer(digest, shared);
    if (answer === null) return null;
    if (knowledge.judge(answer, mayBeStale) === 'unconfirmed') await member.refresh();
    if (this.#knowsBetter(answer) || this.#knowsLater(answer)) return this.cached(digest, mayBeStale);
    const judged = knowledge.judge(answer, mayBeStale);
    const isUsable = judged === 'certain' || judged === 'confirmed';
    const isPast = ageOf(answer.askedAt, clock) >= this.#lifeMs(answer);
    if (!isUsable || (isPast && !this.#outlives(answer))) return null;
    if (judged === 'confirmed') events.answered('l2', 'stale');
    return lookupOf(answer, 'l2');
  }

  /** Asks the key service; where it does not answer, what is known of the key may stand in. Never rejects. */
  async ask(digest: Digest, mayBeStale: boolean, traceparent: string | null = null): Promise<Lookup> {
    if (this.#asking.has(digest)) this.#options.events.coalesced();
    const lookup = await this.#askPatiently(digest, traceparent);
    if (lookup.kind !== 'unavailable') return lookup;
    const held = this.#held(digest);
    if (held === undefined || held.record === null || !this.#options.knowledge.allows(held, mayBeStale)) {
      return lookup;
    }
    this.#options.events.answered('l1', 'stale');
    return lookupOf(held, 'l1');
  }

  /** Nobody waits for a key service that is silent. What it answers late is remembered for who comes again. */
  async #askPatiently(digest: Digest, traceparent: string | null): Promise<Lookup> {
    const { shared } = this.#options;
    const silence = this.#silence;
    if (!this.#asking.has(digest) && !silence.mayAsk()) {
      // Another process need not wait for an answer to this one.
      shared?.settle(digest, null);
      return SILENT;
    }
    return (await silence.waitFor(this.#askOnce(digest, traceparent))) ?? SILENT;
  }

  #askOnce(digest: Digest, traceparent: string | null): Promise<Lookup> {
    const underWay = this.#asking.get(digest);
    if (underWay !== undefined) return underWay;
    if (this.#asking.size >= UNDER_WAY_MAX) {
      return Promise.resolve({ kind: 'unavailable', detail: 'too many key lookups are under way' });
    }
    const lookup = this.#resolve(digest, traceparent).finally(() => this.#asking.delete(digest));
    this.#asking.set(digest, lookup);
    return lookup;
  }

  /** Nobody waits for it. */
  #askEarly(digest: Digest): void {
    if (this.#asking.has(digest)) return;
    const state = this.#isAway ? 'away' : this.#options.knowledge.alone ? 'alone' : 'renewed';
    if (this.#earlyQuestions.may(state)) void this.#askOnce(digest, null);
  }

  async #resolve(digest: Digest, traceparent: string | null): Promise<Lookup> {
    const { source, knowledge, member, shared, clock, events } = this.#options;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      const [askedAt, { generation }] = [momentOf(clock), knowledge];
      try {
        const told = await this.#silence.over(
          answerWithin(RESOLVE_DEADLINE_MS, (signal) => source.resolve(digest, signal, traceparent)),
        );
        const record = this.#owners.shared(told.record);
        this.#isAway = false;
        events.answered('origin', record === null ? 'negative' : 'hit');
        events.took('origin', clock.monotonic() - askedAt.monotonic);
        const from = { asOf: told.asOf, generation, askedAt, firstHand: true, currentAt: -1 };
        const answer = { digest, record, ...from };
        if (knowledge.judge(answer, false) === 'unconfirmed') await member.refresh();
        const judged = knowledge.judge(answer, false);
        if (judged === 'outdated' || this.#knowsBetter(answer)) continue;
        if (judged !== 'certain') return { kind: 'unavailable', detail: 'this gate is cut off from changes' };
        this.#remember(answer);
        shared?.settle(digest, answer);
        return lookupOf(answer, 'origin');
      } catch (error) {
        this.#isAway = true;
        events.answered('origin', 'error');
        events.took('origin', clock.monotonic() - askedAt.monotonic);
        shared?.settle(digest, null);
        return { kind: 'unavailable', detail: detailOf(error) };
      }
    }
    return { kind: 'unavailable', detail: 'the key kept changing while it was looked up' };
  }

  #sharedAnswer(digest: Digest, shared: Pick<SharedCache, 'find'>): Promise<Answer | null> {
    const underWay = this.#recalling.get(digest);
    if (underWay !== undefined) return underWay;
    const question = this.#find(digest, shared).finally(() => this.#recalling.delete(digest));
    this.#recalling.set(digest, question);
    return question;
  }

  async #find(digest: Digest, shared: Pick<SharedCache, 'find'>): Promise<Answer | null> {
    const { clock, events, knowledge } = this.#options;
    const askedAt = clock.monotonic();
    const found = await shared.find(digest);
    events.took('l2', clock.monotonic() - askedAt);
    const isOutdated = found.kind === 'hit' && knowledge.judge(found.answer, false) === 'outdated';
    events.answered('l2', isOutdated ? 'miss' : found.kind);
    if (found.kind !== 'hit' || isOutdated) return null;
    const answer = { ...found.answer, record: this.#owners.shared(found.answer.record) };
    if (!this.#knowsBetter(answer)) this.#remember(answer);
    return answer;
  }

  /** An answer that comes later may have seen less; it must not take the place of one that may be used. */
  #knowsBetter({ digest, asOf }: Answer): boolean {
    const held = this.#held(digest);
    return held !== undefined && held.asOf > asOf && this.#options.knowledge.allows(held, true);
  }

  /** One that has seen the same and was asked for later may be used for longer. */
  #knowsLater({ digest, asOf, askedAt }: Answer): boolean {
    const { clock, knowledge } = this.#options;
    const held = this.#held(digest);
    if (held === undefined || held.asOf !== asOf || knowledge.judge(held, true) === 'outdated') return false;
    return ageOf(held.askedAt, clock) < ageOf(askedAt, clock);
  }

  #held(digest: Digest): Answer | undefined {
    const { generation } = this.#options.knowledge;
    if (this.#generation !== generation) {
      this.#generation = generation;
      this.#found.clear();
      this.#unknown.clear();
    }
    return this.#found.get(digest) ?? this.#unknown.get(digest);
  }

  #remember(answer: Answer): void {
    this.#options.knowledge.hearOf(answer);
    if (this.#knowsLater(answer)) return;
    this.#forget(answer.digest);
    (answer.record === null ? this.#unknown : this.#found).set(answer.digest, answer);
  }

  #forget(digest: Digest): void {
    this.#found.delete(digest);
    this.#unknown.delete(digest);
  }

  #lifeMs({ record }: Answer): number {
    const { freshForMs, negativeForMs, knowledge } = this.#options;
    const lifeMs = record === null ? negativeForMs : freshForMs;
    return knowledge.alone ? Math.min(lifeMs, knowledge.fenceMs) : lifeMs;
  }

  /**
   * Whether a key past its life may be used, as far as it is current: a renewal asks for all keys at once, and without
   * renewals what is known may stand in for a key service that is away.
   */
  #outlives({ record }: Answer): boolean {
    return record !== null && (!this.#options.knowledge.alone || this.#isAway);
  }
}
